/* A large file that a command writes: whole or not at all. */
#ifndef CARREL_CLI_IMAGE_OUTPUT_H
#define CARREL_CLI_IMAGE_OUTPUT_H

#include "util/error.h"

/* `write` runs in a child process, which may confine itself, with a descriptor of the file. The file appears under `path` when that succeeded, and a half written one never; a
 * device or FIFO there, and stdout (`path` NULL or "-"), are written to as they are. A terminal is refused. -EINTR: a signal ended it, and is noted
 * (interrupt.h). */
int image_output(const char *path, int (*write)(void *context, int fd, struct error *err), void *context, struct error *err) MUST_CHECK;

#endif
