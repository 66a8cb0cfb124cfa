/* Where --report goes. It is found before the payload runs: what the payload may write, such as the working directory, it may also fill with symbolic
 * links, and we would follow them with all rights of the user.
 *
 * A regular file is replaced in one step (a temporary name, then renamed) where its directory allows, in the directory that was opened first. A
 * descriptor, a FIFO, device, symbolic link, or file in an unwritable directory is written in place; it is opened first.
 */
#ifndef CARREL_RUN_REPORT_FILE_H
#define CARREL_RUN_REPORT_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "run/outcome.h"
#include "util/error.h"

struct report_file {
	const char *target; /* the caller's; NULL: none is wanted */
	const char *name;   /* the last part of it; NULL: the target is the number of a descriptor */
	int fd;             /* to write in place, or -1 */
	int dir;            /* where to replace `name`, or -1 */
	mode_t mode;        /* of what replaces it */
};
#define REPORT_FILE_NONE {.fd = -1, .dir = -1}

int report_file_open(const char *target, struct report_file *ret, struct error *err) MUST_CHECK;
int report_file_write(const struct report_file *report, const struct outcome *outcome, struct error *err) MUST_CHECK;
void report_file_close(struct report_file *report);

#endif
