/* Mounts as descriptors: make one detached, restrict it, attach it to a place that is held open (mount(2), open_tree(2),
 * fsopen(2), mount_setattr(2); kernel 5.2, mount_setattr 5.12 with a way round for older ones).
 *
 * Nothing here takes a path of the sandbox: targets are descriptors that path_open_in() or path_make_in() gave, so
 * what was checked is what is mounted on.
 */
#ifndef CARREL_ISOLATE_MOUNT_H
#define CARREL_ISOLATE_MOUNT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/error.h"

enum mount_flags {
	MOUNT_RDONLY = 1 << 0,
	MOUNT_NOEXEC = 1 << 1,
	MOUNT_NODEV = 1 << 2,
	MOUNT_NOSUID = 1 << 3,
	MOUNT_RECURSIVE = 1 << 4, /* the flags hold for all mounts below, too */
};

/* A detached copy of the mount at `path` (beneath dirfd), with all mounts below it: a namespace that is less
 * privileged than the host's may not take a mount without what covers parts of it. The last component is
 * neither followed into an automount nor walked. A descriptor or -errno. */
int mount_clone(int dirfd, const char *path, int at_flags) MUST_CHECK;

/* Set flags on a detached or attached mount. 0 or -errno; -ENOSYS on kernels before 5.12 only when `mount_fd`
 * is detached: attach first, then restrict. */
int mount_restrict(int mount_fd, unsigned flags) MUST_CHECK;

/* The same for an attached mount on every kernel, by its path where there is no mount_setattr. -ESTALE: the path leads elsewhere, since another mount
 * covers it or "/" is not this tree's root yet (before the pivot). */
int mount_restrict_attached(int mount_fd, unsigned flags) MUST_CHECK;

/* Attach a detached mount on what `target_fd` (O_PATH) shows, a directory, a file or a symlink itself. With `flags`, on kernels
 * without mount_setattr, restricts after attaching. 0 or -errno. */
int mount_attach(int mount_fd, int target_fd, unsigned flags) MUST_CHECK;

/* A new filesystem, detached: `options` are "key" or "key=value", NULL-terminated. On failure *ret_log, where asked, gets
 * what the kernel said in its fs log (a static buffer), or "". A descriptor or -errno. */
int mount_new(const char *type, const char *const options[], unsigned flags, const char **ret_log) MUST_CHECK;

/* A new tmpfs. size 0: the kernel's default. */
int mount_new_tmpfs(uint64_t size, mode_t mode, unsigned flags) MUST_CHECK;

/* Make every mount of this namespace private, so that nothing the host mounts later appears here, and, with flags,
 * restrict all of them in the same call. */
int mount_isolate(unsigned flags, struct error *err) MUST_CHECK;

/* Replace the root of this namespace by a mount, detached or, with `attached`, lying on top of "/" already, and drop the old one with
 * everything under it. */
int mount_pivot(int mount_fd, bool attached, struct error *err) MUST_CHECK;

/* The id of the mount that `fd` lies in, and whether fd is that mount's root (statx(2), 5.8). 0 or -errno. */
int mount_identify(int fd, uint64_t *ret_id, bool *ret_is_root) MUST_CHECK;

#endif
