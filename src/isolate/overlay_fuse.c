/* fuse-overlayfs: the filesystem is mounted here, inside, with a /dev/fuse descriptor that goes to the launcher; the server runs
 * outside the sandbox's pid namespace, where the payload can neither see, signal nor trace it, and in the sandbox's user namespace, so
 * that it sees the same ids. It needs no path of the host: its layers come as detached mounts and are attached in a mount
 * namespace that only the server has. libfuse takes the mount point "/dev/fd/N" for an already mounted descriptor (3.3).
 *
 * Until the server answers the kernel's first request, the first access to the mount waits; so nobody has to.
 */
#include "isolate/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "isolate/mount.h"
#include "util/buf.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/sys.h"

enum { SERVER_FDS = 4 }; /* what goes with the lower layers: /dev/fuse, the area, the user namespace, and in the server's process a pipe */

static int clone_layers(const struct overlay_layers *layers, int *fds, size_t *ret_count, struct error *err)
{
	*ret_count = 1;
	for (size_t i = 0; i <= layers->lower_count; i++) {
		int layer = i ? layers->lower[i - 1] : layers->area;

		fds[*ret_count] = layer < 0 ? -1 : mount_clone(layer, "", AT_EMPTY_PATH);
		if (layer >= 0 && fds[*ret_count] < 0)
			return error_set(err, -fds[*ret_count], "cannot hand layer %zu to fuse-overlayfs", i);
		if (layer < 0)
			fds[*ret_count] = dup(fds[0]); /* keeps the numbering; the server finds no directory there */
		++*ret_count;
	}
	return 0;
}

static int fuse_mount(const struct overlay_layers *layers, const struct overlay_host *host, struct error *err)
{
	int fds[FD_PASS_MAX];
	size_t count = 1;
	int mount_fd = -1, r;

	if (layers->lower_count + SERVER_FDS > FD_PASS_MAX) {
		error_set(err, E2BIG, "cannot mount %zu layers with fuse-overlayfs", layers->lower_count);
		error_cause(err, "%d are the most", FD_PASS_MAX - SERVER_FDS);
		return error_hint(err, "use --overlay kernel");
	}
	fds[0] = fuse_open(FUSE_OVERLAYFS, err);
	if (fds[0] < 0)
		return fds[0];
	r = clone_layers(layers, fds, &count, err);
	if (r == 0)
		r = mount_fd = fuse_mount_new(fds[0], FUSE_OVERLAYFS, 0, err);
	if (r >= 0)
		r = host->start_server(host->context, FUSE_OVERLAYFS, fds, count, err);
	for (size_t i = 0; i < count; i++)
		(void)fd_close(fds[i]);
	if (r < 0) {
		(void)fd_close(mount_fd);
		return r;
	}
	return mount_fd;
}

const struct overlay_backend overlay_fuse = {.name = "fuse", .mount = fuse_mount};

/* The server's own tree: a tmpfs on /tmp, of which nothing else is needed, with one folder for each layer. */
static int attach_layer(int tmp_fd, const char *name, int layer_fd, unsigned flags)
{
	cleanup_close int target = -1;

	if (mkdirat(tmp_fd, name, 0700) < 0)
		return -errno;
	target = openat(tmp_fd, name, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	return target < 0 ? -errno : mount_attach(layer_fd, target, flags);
}

/* squashfuse, NFS and tmpfs of some kernels have no ACLs and say EOPNOTSUPP, which fuse-overlayfs passes on. There the kernel lets nobody by who is not the
 * owner: it asks for the ACL first (fuse_get_acl), and takes that answer for a failure. */
static bool has_acls(const char *path)
{
	return lgetxattr(path, "system.posix_acl_access", NULL, 0) >= 0 || errno != EOPNOTSUPP;
}

static int attach_layers(const int *fds, size_t count, struct buf *options)
{
	cleanup_close int tmp = mount_new_tmpfs(1 << 20, 0700, MOUNT_NODEV | MOUNT_NOSUID);
	cleanup_close int place = open("/tmp", O_PATH | O_CLOEXEC);
	struct stat st;
	bool acls = true;
	int r = tmp < 0 ? tmp : place < 0 ? -errno : mount_attach(tmp, place, 0);

	for (size_t i = 2; i < count && r == 0; i++) {
		char path[24], *name = path + strlen("/tmp/");

		(void)snprintf(path, sizeof(path), "/tmp/%zu", i);
		r = attach_layer(tmp, name, fds[i], MOUNT_RDONLY | MOUNT_RECURSIVE);
		acls = acls && has_acls(path);
		buf_printf(options, "%s%s", i == 2 ? "lowerdir=" : ":", path);
	}
	if (r == 0 && fstat(fds[1], &st) == 0 && S_ISDIR(st.st_mode)) {
		r = attach_layer(tmp, "area", fds[1], 0);
		buf_puts(options, ",upperdir=/tmp/area/upper,workdir=/tmp/area/work");
		acls = acls && has_acls("/tmp/area");
	}
	if (!acls)
		buf_puts(options, ",noacl");
	return r;
}

int overlay_fuse_exec(const struct fuse_program *program, struct error *err)
{
	cleanup_buf struct buf options = {0};
	char mount_point[24];
	int r;

	if (unshare(CLONE_NEWNS) < 0)
		return error_set(err, errno, "cannot give fuse-overlayfs a mount namespace");
	/* It works on what the payload wrote, with all of the host's tree in reach: of that, it shall not change anything but the layers. */
	r = mount_isolate(MOUNT_RDONLY | MOUNT_NODEV | MOUNT_NOSUID, err);
	if (r < 0)
		return r;
	r = attach_layers(program->fds, program->count, &options);
	if (r < 0)
		return error_set(err, -r, "cannot attach the layers for fuse-overlayfs");
	if (program->single_id)
		buf_printf(&options, ",squash_to_uid=%u,squash_to_gid=%u", geteuid(), getegid());
	(void)snprintf(mount_point, sizeof(mount_point), "/dev/fd/%d", program->fds[0]);
	if (fcntl(program->fds[0], F_SETFD, 0) < 0)
		return error_set(err, errno, "cannot hand /dev/fuse to fuse-overlayfs");
	char *argv[] = {"fuse-overlayfs", "-f", "-o", options.text, mount_point, NULL};
	return fuse_exec(program, argv, err);
}
