/* --trace-startup: when each phase of a start was reached. Marks lie in memory that launcher and init share. */
#ifndef CARREL_RUN_TRACE_H
#define CARREL_RUN_TRACE_H

#include "util/buf.h"

/* Begin; before it, and when it failed, a mark costs nothing. */
void trace_start(void);
/* `phase` is a string constant: "namespaces cloned". */
void trace_mark(const char *phase);
/* One line for each mark in order: microseconds since the process began and since the mark before, by whom, the phase. */
void trace_format(struct buf *out);

#endif
