/* Drawing what pull, push, load and the others tell about themselves: on a terminal one line for each layer with a bar, drawn anew at most ten times a second; else a
 * plain line when a layer begins to be interesting and when it is done; with `quiet` nothing. On stderr, since stdout is for the result. */
#ifndef CARREL_CLI_PROGRESS_H
#define CARREL_CLI_PROGRESS_H

#include <stdbool.h>

#include "image/progress.h"

struct progress_view;
struct progress_view *progress_view_new(bool quiet) __attribute__((returns_nonnull));
const struct progress *progress_view_progress(struct progress_view *view) __attribute__((returns_nonnull));
/* The last picture stays; what was half drawn is ended by a new line. Accepts NULL. */
void progress_view_free(struct progress_view *view);

#endif
