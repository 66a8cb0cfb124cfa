#include "isolate/squash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "isolate/mount.h"
#include "util/fd.h"

/* What is wrong with the file shall not look as if a program were missing in it. */
static int try_root(int mount_fd, struct error *err)
{
	char entries[1024];
	cleanup_close int root = openat(mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ssize_t size = root < 0 ? -1 : getdents64(root, entries, sizeof(entries));

	if (size > 0)
		return 0;
	error_set(err, size < 0 ? errno : EIO, "its files cannot be read");
	return error_cause(err, "it is damaged, or compressed in a way that squashfuse does not know");
}

int squash_mount(int file_fd, const struct overlay_host *host, struct error *err)
{
	cleanup_close int fuse = fuse_open(FUSE_SQUASHFS, err);
	cleanup_close int mount_fd = fuse < 0 ? fuse : fuse_mount_new(fuse, FUSE_SQUASHFS, MOUNT_RDONLY, err);
	int r;

	if (mount_fd < 0)
		return mount_fd;
	r = host->start_server(host->context, FUSE_SQUASHFS, (const int[]){fuse, file_fd}, 2, err);
	if (r == 0)
		r = try_root(mount_fd, err);
	return r < 0 ? r : take_fd(mount_fd);
}

int squash_exec(const char *program, const int *fds, size_t count, bool single_id, struct error *err)
{
	char file[40], mount_point[24];
	char *argv[] = {"squashfuse", "-f", file, mount_point, NULL};
	char *envp[] = {NULL};
	int r;

	(void)single_id; /* it could show all files as one user's, from its version 0.2 on; fuse-overlayfs does that above it */
	if (count != 2)
		return error_set(err, EPROTO, "cannot start squashfuse with %zu descriptors", count);
	if (unshare(CLONE_NEWNS) < 0)
		return error_set(err, errno, "cannot give squashfuse a mount namespace");
	/* It parses a stranger's bytes, with all of the host's tree in reach: it shall not change anything of it. */
	r = mount_isolate(MOUNT_RDONLY | MOUNT_NODEV | MOUNT_NOSUID, err);
	if (r < 0)
		return r;
	if (fcntl(fds[0], F_SETFD, 0) < 0 || fcntl(fds[1], F_SETFD, 0) < 0)
		return error_set(err, errno, "cannot hand /dev/fuse to squashfuse");
	(void)snprintf(file, sizeof(file), "/proc/self/fd/%d", fds[1]);
	(void)snprintf(mount_point, sizeof(mount_point), "/dev/fd/%d", fds[0]);
	execve(program, argv, envp);
	error_set(err, errno, "cannot start '%s'", program);
	return error_hint(err, "install the package squashfuse");
}
