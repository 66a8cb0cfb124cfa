/* All that people read on stderr. */
#ifndef CARREL_CLI_REPORT_H
#define CARREL_CLI_REPORT_H

#include "util/buf.h"
#include "util/error.h"

/* carrel: WHAT: CAUSE
 *   at:   FILE:LINE:COLUMN (KEY)
 *   hint: HINT
 * Control characters, which a hostile file name may hold, are written as \xNN. One write(2), so that lines of parallel runs do not mix. */
void report_error(const struct error *err);
void report_format(struct buf *out, const struct error *err);

/* "carrel: note: TEXT" */
void report_note(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* "carrel: TEXT" */
void report_line(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Write to stdout what a command was asked to print. 0, or EXIT_CARREL after a message where stdout does not take it. */
int report_print(const struct buf *text);

#endif
