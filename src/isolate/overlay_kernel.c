/* The kernel's overlayfs, mounted from inside the user namespace (Documentation/filesystems/overlayfs.rst).
 *
 * Layers are named /proc/self/fd/N: no path of a user's is ever parsed for the colons and backslashes of mount options, the
 * whole stays short, and what was opened is what is mounted. `lowerdir+` (6.5) takes one layer at a time without a limit; before it,
 * the one `lowerdir` string may have 255 characters, which is fifteen layers. What is deeper goes through mount(2), which takes a page of options: with
 * /proc/self/fd as the working directory a layer is "N:", so that the 500 that the kernel stacks fit.
 */
#include "isolate/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "isolate/mount.h"
#include "util/buf.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/sys.h"

static int set_fd(int fs_fd, const char *key, int layer_fd)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", layer_fd);
	return sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, key, path, 0);
}

static int add_lower(int fs_fd, const struct overlay_layers *layers)
{
	for (size_t i = 0; i < layers->lower_count; i++) {
		if (set_fd(fs_fd, "lowerdir+", layers->lower[i]) < 0)
			return -1;
	}
	return 0;
}

enum {
	FSCONFIG_TEXT_MAX = 255,  /* fsconfig(2), vfs_fsconfig_locked */
	MOUNT_TEXT_MAX = 4095,    /* mount(2): a page, and what is longer is cut without a word */
};

static void join_lower(const struct overlay_layers *layers, const char *prefix, struct buf *out)
{
	for (size_t i = 0; i < layers->lower_count; i++)
		buf_printf(out, "%s%s%d", i ? ":" : "", prefix, layers->lower[i]);
}

static int set_joined_lower(int fs_fd, const struct overlay_layers *layers)
{
	cleanup_buf struct buf joined = {0};

	join_lower(layers, "/proc/self/fd/", &joined);
	if (joined.size > FSCONFIG_TEXT_MAX) {
		errno = E2BIG;
		return -1;
	}
	return sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, "lowerdir", joined.text, 0);
}

static int configure(int fs_fd, const struct overlay_layers *layers, bool joined)
{
	if ((joined ? set_joined_lower(fs_fd, layers) : add_lower(fs_fd, layers)) < 0)
		return -1;
	if (layers->upper >= 0) {
		if (set_fd(fs_fd, "upperdir", layers->upper) < 0 || set_fd(fs_fd, "workdir", layers->work) < 0)
			return -1;
		/* Best effort: a layer in memory has nothing to sync (5.10). */
		if (layers->in_memory)
			(void)sys_fsconfig(fs_fd, FSCONFIG_SET_FLAG, "volatile", NULL, 0);
	}
	if (sys_fsconfig(fs_fd, FSCONFIG_SET_FLAG, "userxattr", NULL, 0) < 0)
		return -1;
	return sys_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

static int create(const struct overlay_layers *layers, bool joined)
{
	cleanup_close int fs_fd = sys_fsopen("overlay", FSOPEN_CLOEXEC);
	int mount_fd;

	if (fs_fd < 0 || configure(fs_fd, layers, joined) < 0)
		return -errno;
	mount_fd = sys_fsmount(fs_fd, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID);
	return mount_fd < 0 ? -errno : mount_fd;
}

/* A folder that nobody but this process has and that nobody needs (tree_scratch.c has the reason): the mount stays on it for a moment. */
static const char passage[] = "/proc/self/map_files";

/* What mount(2) put on the passage, as a detached mount. */
static int take_from_passage(void)
{
	cleanup_close int place = open(passage, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = place < 0 ? -1 : sys_open_tree(place, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	int errnum = errno;

	if (umount2(passage, MNT_DETACH) < 0 && fd >= 0) {
		errnum = errno;
		fd = fd_close(fd);
	}
	return fd < 0 ? -errnum : fd;
}

static int create_by_mount(const struct overlay_layers *layers)
{
	cleanup_close int before = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_buf struct buf options = {0};
	int r;

	buf_puts(&options, "userxattr,lowerdir=");
	join_lower(layers, "", &options);
	if (layers->upper >= 0)
		buf_printf(&options, ",upperdir=%d,workdir=%d%s", layers->upper, layers->work, layers->in_memory ? ",volatile" : "");
	if (options.size > MOUNT_TEXT_MAX)
		return -E2BIG;
	if (before < 0 || chdir("/proc/self/fd") < 0)
		return -errno;
	r = mount("overlay", passage, "overlay", MS_NODEV | MS_NOSUID, options.text) < 0 ? -errno : take_from_passage();
	if (fchdir(before) < 0 && r >= 0) {
		int errnum = errno;

		(void)fd_close(r);
		return -errnum;
	}
	return r;
}

static int kernel_mount(const struct overlay_layers *layers, const struct overlay_host *host, struct error *err)
{
	int fd = create(layers, false);

	(void)host; /* nobody outside is needed */
	if (fd == -EINVAL) /* a kernel before 6.5 takes any key as long as nothing is created, and then knows no `lowerdir+` */
		fd = create(layers, true);
	if (fd == -E2BIG)
		fd = create_by_mount(layers);
	if (fd >= 0)
		return fd;
	error_set(err, -fd, "cannot mount the layers with the kernel's overlayfs");
	if (fd == -ENODEV)
		error_cause(err, "this kernel has no overlayfs, or it is not loaded");
	else if (fd == -EPERM)
		error_cause(err, "this kernel does not let users mount overlayfs (it does from 5.11 on)");
	else if (fd == -E2BIG)
		error_cause(err, "%zu layers are more than it takes", layers->lower_count);
	else if (fd == -EINVAL)
		error_cause(err, "the filesystem of the upper layer cannot be one, or a lower layer has mounts below it");
	return error_hint(err, "use --overlay fuse");
}

const struct overlay_backend overlay_kernel = {.name = "kernel", .mount = kernel_mount};
