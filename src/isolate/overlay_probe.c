/* Does the kernel's overlayfs work on this storage? Tried once for each boot and device. */
#include "isolate/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "isolate/mount.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/path.h"
#include "util/proc.h"

/* A name for "this device in this boot", so that a new kernel or disk is tried anew. */
static char *cache_name(const char *directory)
{
	cleanup_free char *boot = NULL;
	struct stat st = {0};

	if (fd_slurp_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &boot, NULL) < 0)
		return NULL;
	boot[strcspn(boot, "\n")] = 0;
	if (directory && stat(directory, &st) < 0)
		return NULL;
	return mem_printf("overlay-%s-%s%u.%u", boot, directory ? "" : "tmpfs", major(st.st_dev), minor(st.st_dev));
}

static int map_single(void)
{
	char line[64];
	unsigned uid = getuid(), gid = getgid();

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return -errno;
	(void)snprintf(line, sizeof(line), "%u %u 1", uid, uid);
	int r = fd_put_at(AT_FDCWD, "/proc/self/uid_map", line);
	if (r == 0)
		r = fd_put_at(AT_FDCWD, "/proc/self/setgroups", "deny");
	(void)snprintf(line, sizeof(line), "%u %u 1", gid, gid);
	return r < 0 ? r : fd_put_at(AT_FDCWD, "/proc/self/gid_map", line);
}

/* The trial: mount, and take a directory of the lower layer away and make it again, which needs the extended attributes
 * that tmpfs lacks before 6.6. */
static int try_mount(int area)
{
	cleanup_close int lower = -1, upper = -1, work = -1;
	struct overlay_layers layers;

	if (mkdirat(area, "lower", 0755) < 0 || mkdirat(area, "lower/d", 0755) < 0)
		return -errno;
	lower = openat(area, "lower", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = overlay_open_area(area, &upper, &work, NULL);
	if (r < 0 || lower < 0)
		return r < 0 ? r : -EBADF;
	layers = (struct overlay_layers){.lower = &lower, .lower_count = 1, .upper = upper, .work = work, .area = area};
	cleanup_close int mount_fd = overlay_kernel.mount(&layers, NULL, NULL);
	if (mount_fd < 0)
		return mount_fd;
	if (unlinkat(mount_fd, "d", AT_REMOVEDIR) < 0 || mkdirat(mount_fd, "d", 0755) < 0)
		return -errno;
	return 0;
}

static int trial(const char *directory)
{
	cleanup_close int area = -1;
	int r = map_single();

	if (r < 0)
		return r;
	if (!directory) {
		cleanup_close int place = open("/tmp", O_PATH | O_CLOEXEC);
		area = mount_new_tmpfs(1 << 20, 0700, 0);
		r = area < 0 ? area : mount_attach(area, place, 0);
		return r < 0 ? r : try_mount(area);
	}
	area = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return area < 0 ? -errno : try_mount(area);
}

/* 0, or the errno of what failed. */
static int really_try(const char *directory)
{
	cleanup_free char *scratch = directory ? mem_printf("%s/.probe-XXXXXX", directory) : NULL;
	pid_t child;
	int status;

	if (scratch && !mkdtemp(scratch))
		return errno;
	child = fork();
	if (child == 0)
		_exit(-trial(scratch)); /* errno values fit into a status */
	status = child < 0 ? -errno : proc_wait(child);
	if (scratch)
		(void)path_remove_tree(AT_FDCWD, scratch); /* what the trial made is the user's own */
	return status < 0 ? -status : WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

/* Does it say something of the kernel and the storage, and not of this moment, such as a full disk? */
static bool is_lasting(int errnum)
{
	return errnum == 0 || errnum == EINVAL || errnum == EPERM || errnum == EIO || errnum == EOPNOTSUPP || errnum == ENODEV || errnum == ENOSYS;
}

bool overlay_probe_kernel(const char *directory, const char *cache_dir)
{
	cleanup_free char *name = cache_name(directory);
	cleanup_free char *path = name && cache_dir ? mem_printf("%s/%s", cache_dir, name) : NULL;
	cleanup_free char *known = NULL;
	int failure;

	if (path && fd_slurp_at(AT_FDCWD, path, 16, &known, NULL) == 0 && (known[0] == 'y' || known[0] == 'n'))
		return known[0] == 'y';
	failure = really_try(directory);
	if (path && is_lasting(failure)) {
		cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
		/* Only a memory: without it the next start tries again. */
		if (fd >= 0 && write(fd, failure ? "n" : "y", 1) != 1)
			(void)unlink(path);
	}
	return failure == 0;
}
