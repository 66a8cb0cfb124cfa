#include "isolate/devices.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "isolate/mount.h"
#include "isolate/tree_parts.h"
#include "util/fd.h"

static const struct device {
	const char *name, *path;
	unsigned major, minor; /* Documentation/admin-guide/devices.txt */
} devices[DEVICE_COUNT] = {
    {"null", "/dev/null", 1, 3},
    {"zero", "/dev/zero", 1, 5},
    {"full", "/dev/full", 1, 7},
    {"random", "/dev/random", 1, 8},
    {"urandom", "/dev/urandom", 1, 9},
    {"tty", "/dev/tty", 5, 0},
};

static const struct device_link {
	const char *name, *target;
} device_links[] = {
    {"fd", "/proc/self/fd"},
    {"stdin", "/proc/self/fd/0"},
    {"stdout", "/proc/self/fd/1"},
    {"stderr", "/proc/self/fd/2"},
    {"core", "/proc/kcore"},
    {"ptmx", "pts/ptmx"},
};

int devices_open(int fds[DEVICE_COUNT], struct error *err)
{
	for (size_t i = 0; i < DEVICE_COUNT; i++) {
		const struct device *device = &devices[i];
		struct stat st;

		fds[i] = mount_clone(AT_FDCWD, device->path, AT_SYMLINK_NOFOLLOW);
		if (fds[i] == -ENOENT)
			continue;
		if (fds[i] < 0 || fstat(fds[i], &st) < 0)
			return error_set(err, fds[i] < 0 ? -fds[i] : errno, "cannot open '%s'", device->path);
		if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(device->major, device->minor)) {
			error_set(err, ENODEV, "cannot use '%s'", device->path);
			return error_cause(err, "it is not the character device %u:%u", device->major, device->minor);
		}
	}
	return 0;
}

static int attach_at(struct tree *tree, int dev_fd, const char *name, int mount_fd, unsigned flags)
{
	cleanup_close int target = openat(dev_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	return target < 0 ? -errno : tree_attach(tree, mount_fd, target, flags, TREE_OURS);
}

static int add_nodes(struct tree *tree, const int fds[DEVICE_COUNT], int dev_fd)
{
	for (size_t i = 0; i < DEVICE_COUNT; i++) {
		if (fds[i] < 0)
			continue;
		if (mknodat(dev_fd, devices[i].name, S_IFREG | 0666, 0) < 0)
			return -errno;
		int r = attach_at(tree, dev_fd, devices[i].name, fds[i], MOUNT_NOSUID | MOUNT_NOEXEC);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < ARRAY_SIZE(device_links); i++) {
		if (symlinkat(device_links[i].target, dev_fd, device_links[i].name) < 0)
			return -errno;
	}
	return 0;
}

static int add_filesystem(struct tree *tree, int dev_fd, const char *name, const char *type, const char *const options[])
{
	cleanup_close int mount_fd = mount_new(type, options, MOUNT_NOSUID | MOUNT_NOEXEC, NULL);

	if (mount_fd < 0)
		return mount_fd;
	if (mkdirat(dev_fd, name, 0755) < 0)
		return -errno;
	return attach_at(tree, dev_fd, name, mount_fd, 0);
}

int devices_mount(struct tree *tree, const int fds[DEVICE_COUNT], int target_fd, int tty_gid, struct error *err)
{
	cleanup_close int dev = mount_new_tmpfs(1 << 20, 0755, MOUNT_NOSUID | MOUNT_NOEXEC);
	char gid[24];
	const char *pts_options[] = {"ptmxmode=0666", "mode=0620", tty_gid >= 0 ? gid : NULL, NULL};
	int r = dev;

	(void)snprintf(gid, sizeof(gid), "gid=%d", tty_gid);
	if (r >= 0)
		r = tree_attach(tree, dev, target_fd, 0, TREE_OURS);
	if (r == 0)
		r = add_nodes(tree, fds, dev);
	if (r == 0)
		r = add_filesystem(tree, dev, "pts", "devpts", pts_options);
	if (r == 0)
		r = add_filesystem(tree, dev, "mqueue", "mqueue", NULL);
	if (r == 0)
		r = mkdirat(dev, "shm", 01777) < 0 || fchmodat(dev, "shm", 01777, 0) < 0 ? -errno : 0;
	if (r == 0)
		tree->dev_fd = take_fd(dev);
	return r < 0 ? error_set(err, -r, "cannot make /dev") : 0;
}
