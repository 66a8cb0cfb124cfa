/* Layered filesystems: read-only lower layers under one writable upper, by the kernel's overlayfs or by fuse-overlayfs.
 *
 * Both back ends take the same open directories and give the same thing, a detached mount; neither takes a path of the
 * sandbox. The kernel's (since 5.11 in a user namespace, `userxattr`) is several times faster; fuse-overlayfs works on every
 * kernel and over upper filesystems that the kernel refuses (NFS, Lustre).
 */
#ifndef CARREL_ISOLATE_OVERLAY_H
#define CARREL_ISOLATE_OVERLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "isolate/fuse.h"
#include "util/error.h"

enum overlay_backend_kind { OVERLAY_BACKEND_AUTO, OVERLAY_BACKEND_KERNEL, OVERLAY_BACKEND_FUSE, OVERLAY_BACKEND_MAX };

struct overlay_layers {
	const int *lower; /* directories, O_PATH, topmost first; borrowed */
	size_t lower_count;
	int upper; /* the writable layer, a directory of ours; -1: nothing is writable, and two lower layers at least */
	int work;  /* an empty directory beside it in the same mount */
	int area;  /* the directory that `upper` and `work` lie in, as "upper" and "work" of it */
	bool in_memory; /* the upper lies on tmpfs: nothing to sync */
};

/* How the FUSE back end gets its server started outside the sandbox: fds[0] is the open /dev/fuse; of fuse-overlayfs fds[1] is the detached
 * mount of `area` (-1: none), the rest the detached lower layers; of squashfuse (squash.h) it is the file. They are the callee's to copy, the caller closes. */
struct overlay_host {
	int (*start_server)(void *context, enum fuse_server server, const int *fds, size_t count, struct error *err);
	void *context;
};

struct overlay_backend {
	const char *name; /* "kernel", "fuse" */
	/* A detached mount, or a negative errno with `err`. */
	int (*mount)(const struct overlay_layers *layers, const struct overlay_host *host, struct error *err);
};

extern const struct overlay_backend overlay_kernel, overlay_fuse;

/* Mount with the back end that was planned; AUTO takes the kernel's and, where it refuses, fuse-overlayfs. *ret_kind is the
 * one that it came to. */
int overlay_mount(enum overlay_backend_kind kind, const struct overlay_layers *layers, const struct overlay_host *host,
    enum overlay_backend_kind *ret_kind, struct error *err) MUST_CHECK;

/* Open or make `upper` and `work` in the directory `area_fd`, mode 0755. A symlink in the place of either is refused
 * (CVE-2021-26910). 0 with both descriptors set. */
int overlay_open_area(int area_fd, int *ret_upper, int *ret_work, struct error *err) MUST_CHECK;

/* In the server's process, forked by the launcher and already in the sandbox's user namespace: a mount namespace of its
 * own, the layers attached in it, then execve of fuse-overlayfs. Returns only on failure. With `single_id` all files are shown as the one
 * id's: FUSE makes "nobody" of the others, and the kernel lets no one write to a file of an owner that is not mapped, be its mode what it may. What the
 * server can reach on the host is not changed by that. */
int overlay_fuse_exec(const struct fuse_program *program, struct error *err) MUST_CHECK;

/* Does the kernel's overlayfs work for an unprivileged user with its upper on the filesystem of `directory` (NULL: on a
 * tmpfs)? Really tried, in a child with its own namespaces, and remembered in `cache_dir` (may be NULL) for this boot and device.
 * It must be writable; what the trial makes is removed. */
bool overlay_probe_kernel(const char *directory, const char *cache_dir);

#endif
