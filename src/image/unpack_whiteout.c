/* Whiteouts (image-spec, layer.md): what they say is about the layers below only. Something of this layer with the same name stays, before or behind the
 * whiteout in the archive; where it is a directory, what the layers below have in it must not shine through: it becomes opaque. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "image/unpack_parts.h"
#include "util/fd.h"

bool unpack_is_whiteout(mode_t mode, dev_t device)
{
	return S_ISCHR(mode) && device == makedev(0, 0);
}

static int put_marker(int dir, const char *name)
{
	cleanup_close int fd = openat(dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : 0;
}

/* Both overlays read the first attribute; before 1.8 (Debian 11, Ubuntu 22.04) fuse-overlayfs the second only. That is set where it must be: the kernel's copies it up, and then
 * fuse-overlayfs would hide what is below the copy. Where the filesystem keeps no attributes, the kernel takes no writable layer of a user's, and fuse-overlayfs reads the marker too. */
int unpack_set_opaque(const struct unpack_tree *tree, int dir)
{
	if (fsetxattr(dir, "user.overlay.opaque", "y", 1, 0) == 0 && (!tree->spec->for_old_fuse || fsetxattr(dir, "user.fuseoverlayfs.opaque", "y", 1, 0) == 0))
		return 0;
	return errno == EOPNOTSUPP ? put_marker(dir, WHITEOUT_OPAQUE) : -errno;
}

/* The name is taken by this layer. */
static int meet_sibling(const struct unpack_tree *tree, struct unpack_dir *dir, const char *base)
{
	cleanup_close int fd = openat(dir->fd, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		return unpack_set_opaque(tree, fd);
	return errno == ENOTDIR || errno == ELOOP ? 0 : -errno;
}

int unpack_put_whiteout(struct unpack_tree *tree, const struct unpack_entry *entry)
{
	const char *hidden = entry->name.base + strlen(WHITEOUT_PREFIX);
	struct unpack_dir *dir;
	int r = unpack_dirs_open(&tree->dirs, entry->name.parent, &dir);

	if (r < 0)
		return r;
	if (!strcmp(entry->name.base, WHITEOUT_OPAQUE))
		return unpack_set_opaque(tree, dir->fd);
	if (mknodat(dir->fd, hidden, S_IFCHR, makedev(0, 0)) == 0)
		return 0;
	if (errno == EEXIST)
		return meet_sibling(tree, dir, hidden);
	return errno == EPERM ? put_marker(dir->fd, entry->name.base) : -errno;
}
