#include "isolate/room.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>

#include "isolate/mount.h"
#include "util/fd.h"

int room_enter(const char *path, struct error *err)
{
	cleanup_close int folder = -1, root = -1;
	int r;

	if (unshare(CLONE_NEWNS) < 0)
		return error_set(err, errno, "cannot make a mount namespace");
	r = mount_isolate(0, err);
	if (r < 0)
		return r;
	/* Opened only now: a descriptor from before leads into the old namespace's mounts, which cannot be copied here. */
	folder = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0)
		return error_set(err, errno, "cannot open '%s'", path);
	root = mount_clone(folder, "", AT_EMPTY_PATH);
	if (root < 0)
		return error_set(err, -root, "cannot make '%s' a root of its own", path);
	r = mount_restrict(root, MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC);
	if (r < 0 && r != -ENOSYS)
		return error_set(err, -r, "cannot restrict the mount of '%s'", path);
	return mount_pivot(root, false, err);
}
