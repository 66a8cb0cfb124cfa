/* The parts of `carrel top`: samples of what runs, and the ways to show one. */
#ifndef CARREL_CLI_TOP_H
#define CARREL_CLI_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/instance.h"
#include "state/usage.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/mem.h"

enum top_sort { TOP_BY_AGE, TOP_BY_MEMORY, TOP_BY_CPU, TOP_BY_TASKS };

struct top_row {
	const struct instance *instance;
	struct usage usage;
	uint64_t uptime_ms;
	uint64_t cpu_milli; /* thousandths of a processor, since the last sample */
};

struct top_sample {
	struct arena arena; /* owns the rest */
	struct top_row *rows;
	size_t count;
	uint64_t boot_ms; /* when it was taken, CLOCK_BOOTTIME */
};

struct top_settings {
	const char *runtime_dir;
	uint64_t delay_ms;
	enum top_sort sort;
};

/* `last` is the sample before, or NULL: then the processor time is that of the whole life. Both are to be given to top_sample_done. */
int top_sample_take(const char *runtime_dir, const struct top_sample *last, struct top_sample *ret, struct error *err) MUST_CHECK;
void top_sample_done(struct top_sample *sample);
void top_sort_rows(struct top_sample *sample, enum top_sort sort);

/* A line of headings and one for each row, at most `width` columns (0: as wide as it gets) and `height` lines (0: all). Names and commands are
 * other people's bytes: what a terminal would obey is written as \xNN. */
void top_format_table(const struct top_sample *sample, size_t width, size_t height, const char *line_end, struct buf *out);
void top_format_json(const struct top_sample *sample, struct buf *out);

/* Text of at most `width` columns, and how many it takes; visible as above. */
size_t top_put_text(struct buf *out, const char *text, size_t width);

/* top_screen.c: until q or a signal. The exit status. */
int top_screen_run(struct top_settings *settings);

#endif
