/* A file, or stdin, that a command reads images from. */
#ifndef CARREL_CLI_IMAGE_INPUT_H
#define CARREL_CLI_IMAGE_INPUT_H

#include "util/error.h"

/* `path` NULL or "-": stdin, which must not be a terminal. `command` is for the hint. The caller closes *ret_fd. */
int image_input_open(const char *path, const char *command, int *ret_fd, struct error *err) MUST_CHECK;

#endif
