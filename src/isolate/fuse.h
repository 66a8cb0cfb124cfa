/* FUSE filesystems of a sandbox: mounted inside, in its user namespace; the server runs outside of its pid namespace (server.h tells how it is started), where the
 * payload can neither see, signal nor trace it, and is handed the open /dev/fuse. libfuse takes "/dev/fd/N" for a mount that is there already (3.3). */
#ifndef CARREL_ISOLATE_FUSE_H
#define CARREL_ISOLATE_FUSE_H

#include <stdbool.h>
#include <stddef.h>

#include "isolate/seccomp.h"
#include "util/error.h"

enum fuse_server { FUSE_OVERLAYFS, FUSE_SQUASHFS, FUSE_SERVER_MAX };

extern const char *const fuse_server_names[FUSE_SERVER_MAX]; /* "fuse-overlayfs", "squashfuse" */

/* What a server's process needs in order to become the program. */
struct fuse_program {
	const char *path;
	const char *hint; /* what to do where it cannot be started */
	const int *fds; /* the open /dev/fuse, and then what it is to serve */
	size_t count;
	bool single_id;                       /* see overlay_fuse_exec */
	const struct seccomp_program *filter; /* installed last before execve */
};

/* In the server's process, when all is in its place: no new privileges, the filter, execve. Returns only on failure. */
int fuse_exec(const struct fuse_program *program, char *const *argv, struct error *err) MUST_CHECK;

/* /dev/fuse, or a negative errno with `err`. */
int fuse_open(enum fuse_server server, struct error *err) MUST_CHECK;
/* A detached mount that the server with this /dev/fuse is to serve; `flags` as in mount.h. Ids are the user namespace's, and the kernel checks permissions. */
int fuse_mount_new(int fuse_fd, enum fuse_server server, unsigned flags, struct error *err) MUST_CHECK;

#endif
