/* The kernel's overlayfs, mounted from inside the user namespace (Documentation/filesystems/overlayfs.rst).
 *
 * Layers are named /proc/self/fd/N: no path of a user's is ever parsed for the colons and backslashes of mount options, the
 * whole stays short, and what was opened is what is mounted. `lowerdir+` (6.5) takes one layer at a time without a limit; before it,
 * the one `lowerdir` string may have 255 characters, which is fifteen layers.
 */
#include "isolate/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

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

static int join_lower(int fs_fd, const struct overlay_layers *layers)
{
	cleanup_buf struct buf joined = {0};

	for (size_t i = 0; i < layers->lower_count; i++)
		buf_printf(&joined, "%s/proc/self/fd/%d", i ? ":" : "", layers->lower[i]);
	return sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, "lowerdir", joined.text, 0);
}

static int configure(int fs_fd, const struct overlay_layers *layers, bool joined)
{
	if ((joined ? join_lower(fs_fd, layers) : add_lower(fs_fd, layers)) < 0)
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

static int kernel_mount(const struct overlay_layers *layers, const struct overlay_host *host, struct error *err)
{
	int fd = create(layers, false);

	(void)host; /* nobody outside is needed */
	if (fd == -EINVAL) /* a kernel before 6.5 takes any key as long as nothing is created, and then knows no `lowerdir+` */
		fd = create(layers, true);
	if (fd >= 0)
		return fd;
	error_set(err, -fd, "cannot mount the layers with the kernel's overlayfs");
	if (fd == -ENODEV)
		error_cause(err, "this kernel has no overlayfs, or it is not loaded");
	else if (fd == -EPERM)
		error_cause(err, "this kernel does not let users mount overlayfs (it does from 5.11 on)");
	else if (fd == -EINVAL)
		error_cause(err, "the filesystem of the upper layer cannot be one, or a lower layer has mounts below it");
	return error_hint(err, "use --overlay fuse");
}

const struct overlay_backend overlay_kernel = {.name = "kernel", .mount = kernel_mount};
