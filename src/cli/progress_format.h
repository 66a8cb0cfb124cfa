/* What progress looks like, as text: no terminal, no clock, no threads. */
#ifndef CARREL_CLI_PROGRESS_FORMAT_H
#define CARREL_CLI_PROGRESS_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "image/progress.h"
#include "util/buf.h"

struct progress_item {
	char *name;
	enum progress_phase phase, work; /* what it does now, and the last thing that it really did (not WAITING, RETRYING, EXISTS, DONE) */
	uint64_t done, total;
	uint64_t rate; /* bytes a second; 0: not known */
};

/* "12.3MB": as Docker counts here, in thousands. Into a buffer of PROGRESS_BYTES, which is returned. */
enum { PROGRESS_BYTES = 16 };
char *progress_format_bytes(uint64_t bytes, char buffer[PROGRESS_BYTES]);

/* One line without its end, at most `width` columns: "0123456789ab: Downloading [=====>     ]  12.3MB/45.6MB  8.1MB/s". */
void progress_format_line(const struct progress_item *item, size_t width, struct buf *out);

/* All items, a line each; where there are more than `height` lines, those that are at work and a last line with how many are done. Each line ends with
 * "\033[K\n". How many lines it came to. */
size_t progress_format_picture(const struct progress_item *items, size_t count, size_t width, size_t height, struct buf *out);

/* The line of a log for a phase that was just entered, with its end: "0123456789ab: Pull complete". Nothing for phases that are of no interest there. */
void progress_format_log(const struct progress_item *item, struct buf *out);

#endif
