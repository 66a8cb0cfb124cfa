/* FUSE filesystems of a sandbox: mounted inside, in its user namespace; the server runs outside of its pid namespace (server.h tells how it is started), where the
 * payload can neither see, signal nor trace it, and is handed the open /dev/fuse. libfuse takes "/dev/fd/N" for a mount that is there already (3.3). */
#ifndef CARREL_ISOLATE_FUSE_H
#define CARREL_ISOLATE_FUSE_H

#include "util/error.h"

enum fuse_server { FUSE_OVERLAYFS, FUSE_SQUASHFS, FUSE_SERVER_MAX };

extern const char *const fuse_server_names[FUSE_SERVER_MAX]; /* "fuse-overlayfs", "squashfuse" */

/* /dev/fuse, or a negative errno with `err`. */
int fuse_open(enum fuse_server server, struct error *err) MUST_CHECK;
/* A detached mount that the server with this /dev/fuse is to serve; `flags` as in mount.h. Ids are the user namespace's, and the kernel checks permissions. */
int fuse_mount_new(int fuse_fd, enum fuse_server server, unsigned flags, struct error *err) MUST_CHECK;

#endif
