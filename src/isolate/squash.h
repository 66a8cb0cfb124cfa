/* A squashfs file as a filesystem, by squashfuse: the kernel lets no user mount one itself, since its parser trusts the bytes. */
#ifndef CARREL_ISOLATE_SQUASH_H
#define CARREL_ISOLATE_SQUASH_H

#include <stdbool.h>
#include <stddef.h>

#include "isolate/overlay.h"
#include "util/error.h"

/* The open file as a detached, read-only mount; its server is started through `host`. Its root has been read. A descriptor, or a
 * negative errno with `err`. */
int squash_mount(int file_fd, const struct overlay_host *host, struct error *err) MUST_CHECK;

/* In the server's process, as overlay_fuse_exec: fds[0] is the open /dev/fuse, fds[1] the file. Returns only on failure. */
int squash_exec(const struct fuse_program *program, struct error *err) MUST_CHECK;

#endif
