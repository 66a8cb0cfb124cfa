#include "isolate/squash.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "isolate/mount.h"
#include "util/fd.h"

int squash_mount(int file_fd, const struct overlay_host *host, struct error *err)
{
	cleanup_close int fuse = fuse_open(FUSE_SQUASHFS, err);
	cleanup_close int mount_fd = fuse < 0 ? fuse : fuse_mount_new(fuse, FUSE_SQUASHFS, MOUNT_RDONLY, err);
	int r;

	if (mount_fd < 0)
		return mount_fd;
	r = host->start_server(host->context, FUSE_SQUASHFS, (const int[]){fuse, file_fd}, 2, err);
	return r < 0 ? r : take_fd(mount_fd);
}

int squash_exec(const char *program, const int *fds, size_t count, bool single_id, struct error *err)
{
	char file[40], mount_point[24], owner[48];
	char *argv[] = {"squashfuse", "-f", file, mount_point, NULL, NULL, NULL};
	char *envp[] = {NULL};
	int r;

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
	(void)snprintf(owner, sizeof(owner), "uid=%u,gid=%u", geteuid(), getegid());
	if (single_id && geteuid() != 0) { /* to squashfuse, 0 means that nothing was said */
		argv[4] = "-o";
		argv[5] = owner;
	}
	execve(program, argv, envp);
	error_set(err, errno, "cannot start '%s'", program);
	return error_hint(err, "install the package squashfuse");
}
