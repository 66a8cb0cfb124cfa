#include "isolate/squash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "isolate/caps.h"
#include "isolate/landlock.h"
#include "isolate/mount.h"
#include "util/fd.h"
#include "util/mem.h"

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

/* It parses a stranger's bytes. A hole in it shall find none of the user's files, no network, and no power over the ids of the sandbox: it reads this file and
 * the libraries that it is made of, and that through descriptors which are open (its mount, /dev/fuse) is all that it needs. */
static int shut_in(const char *file, struct error *err)
{
	const struct landlock_rule rules[] = {
		{file, LANDLOCK_READ}, {"/usr", LANDLOCK_READ}, {"/bin", LANDLOCK_READ}, {"/lib", LANDLOCK_READ}, {"/lib32", LANDLOCK_READ}, {"/lib64", LANDLOCK_READ},
		{"/etc/ld.so.cache", LANDLOCK_READ}, {"/etc/ld.so.preload", LANDLOCK_READ}, {"/nix/store", LANDLOCK_READ}, {"/gnu/store", LANDLOCK_READ},
	};
	const struct landlock_plan plan = {.enabled = true, .rules = rules, .rule_count = ARRAY_SIZE(rules), .deny_tcp = true, .scope_abstract_unix = true, .scope_signals = true};
	int r;

	/* Landlock wants it. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set(err, errno, "cannot give up the right to new privileges");
	/* The bounding set too: as user 0 it would get it back by execve. */
	r = caps_bound(0, err);
	if (r == 0)
		r = caps_apply(0, 0, err);
	return r < 0 ? r : landlock_apply(&plan, err);
}

int squash_exec(const struct fuse_program *program, struct error *err)
{
	char file[40], mount_point[24];
	char *argv[] = {"squashfuse", "-f", file, mount_point, NULL};
	const int *fds = program->fds;
	int r;

	/* It could show all files as one user's, from its version 0.2 on; where there is a single id, fuse-overlayfs does that above it. */
	if (program->count != 2)
		return error_set(err, EPROTO, "cannot start squashfuse with %zu descriptors", program->count);
	if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC) < 0)
		return error_set(err, errno, "cannot give squashfuse namespaces of its own");
	/* Where the kernel has no Landlock, this is what keeps it from changing files. */
	r = mount_isolate(MOUNT_RDONLY | MOUNT_NODEV | MOUNT_NOSUID, err);
	if (r < 0)
		return r;
	if (fcntl(fds[0], F_SETFD, 0) < 0 || fcntl(fds[1], F_SETFD, 0) < 0)
		return error_set(err, errno, "cannot hand /dev/fuse to squashfuse");
	(void)snprintf(file, sizeof(file), "/proc/self/fd/%d", fds[1]);
	(void)snprintf(mount_point, sizeof(mount_point), "/dev/fd/%d", fds[0]);
	r = shut_in(file, err);
	return r < 0 ? r : fuse_exec(program, argv, err);
}
