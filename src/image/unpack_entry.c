#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/unpack_parts.h"
#include "util/fd.h"
#include "util/path.h"

/* Take away what has the name. The slots of tree->dirs may be gone then: what was a symlink or a directory may have been part of their names. */
static int make_room(struct unpack_tree *tree, const struct unpack_dir *parent, const char *base)
{
	struct stat st;
	int r;

	if (fstatat(parent->fd, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISDIR(st.st_mode))
		r = path_remove_tree(parent->fd, base);
	else
		r = unlinkat(parent->fd, base, 0) < 0 ? -errno : 0;
	if (r < 0 || !(S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode)))
		return r;
	return unpack_dirs_flush(&tree->dirs);
}

/* --- directories --- */

/* Make and open it. A whiteout in its place means that nothing of the layers below is to be seen in it. */
static int new_directory(const struct unpack_tree *tree, struct unpack_dir *parent, const char *base, mode_t mode, int *ret_fd)
{
	bool whiteout = false;
	struct stat st;
	int r = mkdirat(parent->fd, base, mode) < 0 ? -errno : 0;

	if (r == -EEXIST && fstatat(parent->fd, base, &st, AT_SYMLINK_NOFOLLOW) == 0 && unpack_is_whiteout(st.st_mode, st.st_rdev)) {
		whiteout = true;
		r = unlinkat(parent->fd, base, 0) < 0 || mkdirat(parent->fd, base, mode) < 0 ? -errno : 0;
	}
	if (r < 0)
		return r;
	cleanup_close int fd = openat(parent->fd, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = whiteout ? unpack_set_opaque(tree, fd) : 0;
	if (r == 0)
		*ret_fd = take_fd(fd);
	return r;
}

int unpack_make_missing(void *context, struct unpack_dir *parent, const char *base, int *ret_fd)
{
	static const struct unpack_owner root = {.mode = 0755};
	struct unpack_tree *tree = context;
	int made = -1, r = unpack_take_room(tree, tree->entry, 0, 1); /* a name of 4 KiB is one entry, and makes 2,000 of them */

	if (r == 0)
		r = new_directory(tree, parent, base, 0755, &made);
	if (r < 0)
		return r == -EEXIST ? -ENOTDIR : r;
	cleanup_close int fd = made;
	r = unpack_set_owner(tree, fd, "", &root, parent->gid);
	if (r == 0)
		r = unpack_set_record(tree, fd, &root);
	unpack_drop_inherited(tree, fd);
	if (r == 0 && (tree->default_acls || parent->mode & S_ISGID) && fchmod(fd, 0755) < 0)
		r = -errno;
	if (r == 0)
		*ret_fd = take_fd(fd);
	return r;
}

/* What the archive says about a directory that is held. Its time, and a mode that would keep us out, come when it is let go. */
static int describe_directory(struct unpack_tree *tree, const struct unpack_entry *entry, struct unpack_dir *dir, gid_t parent_gid)
{
	mode_t mode = unpack_real_mode(tree, entry->owner.mode), now = mode | 0700;
	struct stat st;
	int r = unpack_set_owner(tree, dir->fd, "", &entry->owner, parent_gid);

	if (r == 0)
		r = unpack_set_record(tree, dir->fd, &entry->owner);
	if (r < 0)
		return r;
	unpack_drop_inherited(tree, dir->fd);
	if (entry->attributes)
		unpack_set_attributes(tree, entry, dir->fd);
	if ((dir->mode_now != now || entry->attributes || tree->default_acls) && fchmod(dir->fd, now) < 0)
		return -errno;
	if (fstat(dir->fd, &st) < 0)
		return -errno;
	dir->gid = st.st_gid;
	dir->mode_now = st.st_mode & 07777;
	dir->mode = mode;
	dir->mtime = entry->mtime;
	dir->written = true;
	return 0;
}

static int put_directory(struct unpack_tree *tree, const struct unpack_entry *entry, struct unpack_dir *parent)
{
	gid_t parent_gid = parent->gid;
	struct unpack_dir *dir;
	int fd = -1, r = new_directory(tree, parent, entry->name.base, (unpack_real_mode(tree, entry->owner.mode) & 0777) | 0700, &fd);

	if (r == -EEXIST) { /* two directories of one name become one, which belongs to the later */
		fd = openat(parent->fd, entry->name.base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return -EEXIST;
		parent_gid = (gid_t)-1;
		r = 0;
	}
	if (r < 0)
		return r;
	r = unpack_dirs_adopt(&tree->dirs, entry->name.parent, entry->name.base, fd, &dir);
	return r < 0 ? r : describe_directory(tree, entry, dir, parent_gid);
}

/* --- the others --- */

static int put_symlink(struct unpack_tree *tree, const struct unpack_entry *entry, struct unpack_dir *parent)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, entry->mtime};
	const char *target = archive_entry_symlink(entry->entry);
	int r;

	if (!target || !target[0])
		return unpack_refuse(tree, EINVAL, entry, "it is a symlink to nothing");
	if (symlinkat(target, parent->fd, entry->name.base) < 0)
		return -errno;
	r = unpack_set_owner(tree, parent->fd, entry->name.base, &entry->owner, parent->gid);
	if (r == 0 && utimensat(parent->fd, entry->name.base, times, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	if (r == 0 && entry->attributes)
		unpack_set_attributes(tree, entry, -1);
	return r;
}

static int put_special(struct unpack_tree *tree, const struct unpack_entry *entry, struct unpack_dir *parent)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, entry->mtime};
	mode_t mode = unpack_real_mode(tree, entry->owner.mode);
	int r;

	if (mknodat(parent->fd, entry->name.base, archive_entry_filetype(entry->entry) | mode, 0) < 0)
		return -errno;
	r = unpack_set_owner(tree, parent->fd, entry->name.base, &entry->owner, parent->gid);
	/* (It has just been made, and nobody else is here: the name is no symlink, which fchmodat would follow.) */
	if (r == 0 && (mode & 07000 || tree->default_acls) && fchmodat(parent->fd, entry->name.base, mode, 0) < 0)
		r = -errno;
	if (r == 0 && utimensat(parent->fd, entry->name.base, times, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	if (r == 0 && entry->attributes)
		unpack_set_attributes(tree, entry, -1);
	return r;
}

/* Where is the file that the link is another name of? */
static int find_original(struct unpack_tree *tree, const struct unpack_entry *entry, struct unpack_name *name, struct unpack_dir **ret_dir, struct stat *ret_st)
{
	const char *said = archive_entry_hardlink(entry->entry);
	char buffer[UNPACK_SHORT];
	bool skip = false;
	int r = unpack_name_parse(tree, entry, "its link's target", said, name, &skip);

	if (r < 0)
		return r;
	if (skip || !strncmp(name->base, WHITEOUT_PREFIX, strlen(WHITEOUT_PREFIX)))
		return unpack_refuse(tree, EINVAL, entry, "it is a hard link to a whiteout, '%s'", unpack_name_short(said, buffer));
	r = unpack_dirs_find(&tree->dirs, name->parent, ret_dir);
	if (r == 0 && fstatat((*ret_dir)->fd, name->base, ret_st, AT_SYMLINK_NOFOLLOW | (name->base[0] ? 0 : AT_EMPTY_PATH)) < 0)
		r = -errno;
	if (r == -ENOENT || r == -ENOTDIR || r == -ELOOP)
		return unpack_refuse(tree, ENOENT, entry, "it is a hard link to '%s', which this layer does not have", unpack_name_short(said, buffer));
	if (r < 0)
		return r;
	if (unpack_is_whiteout(ret_st->st_mode, ret_st->st_rdev))
		return unpack_refuse(tree, EINVAL, entry, "it is a hard link to a whiteout, '%s'", unpack_name_short(said, buffer));
	if (S_ISDIR(ret_st->st_mode))
		return unpack_refuse(tree, EPERM, entry, "it is a hard link to a directory, '%s'", unpack_name_short(said, buffer));
	return 0;
}

/* (The name is found again after room was made for it, since it may have gone with that.) */
static int put_hardlink(struct unpack_tree *tree, const struct unpack_entry *entry, struct unpack_dir *parent)
{
	struct unpack_name name;
	struct unpack_dir *dir;
	struct stat original, there;
	int r = find_original(tree, entry, &name, &dir, &original);

	if (r < 0)
		return r;
	if (linkat(dir->fd, name.base, parent->fd, entry->name.base, 0) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (fstatat(parent->fd, entry->name.base, &there, AT_SYMLINK_NOFOLLOW) == 0 && there.st_ino == original.st_ino && there.st_dev == original.st_dev)
		return 0; /* they are one already */
	return -EEXIST;
}

/* Put it where it belongs; what has the name gives way. */
static int put_in_place(struct unpack_tree *tree, const struct unpack_entry *entry, int (*put)(struct unpack_tree *, const struct unpack_entry *, struct unpack_dir *))
{
	struct unpack_dir *parent;
	int r = unpack_dirs_open(&tree->dirs, entry->name.parent, &parent);

	if (r == 0)
		r = put(tree, entry, parent);
	if (r != -EEXIST)
		return r;
	r = make_room(tree, parent, entry->name.base);
	if (r == 0)
		r = unpack_dirs_open(&tree->dirs, entry->name.parent, &parent);
	return r < 0 ? r : put(tree, entry, parent);
}

static int put_file(struct unpack_tree *tree, const struct unpack_entry *entry, struct unpack_dir *parent)
{
	return unpack_put_file(tree, entry, parent);
}

static int put_root(struct unpack_tree *tree, const struct unpack_entry *entry)
{
	struct unpack_dir *root;
	int r;

	if (archive_entry_filetype(entry->entry) != AE_IFDIR || archive_entry_hardlink(entry->entry))
		return unpack_refuse(tree, EINVAL, entry, "it is the root, which must be a directory");
	r = unpack_dirs_open(&tree->dirs, "", &root);
	return r < 0 ? r : describe_directory(tree, entry, root, (gid_t)-1);
}

int unpack_put(struct unpack_tree *tree, struct unpack_entry *entry)
{
	if (!entry->name.base[0])
		return put_root(tree, entry);
	if (!strncmp(entry->name.base, WHITEOUT_PREFIX, strlen(WHITEOUT_PREFIX)))
		return unpack_put_whiteout(tree, entry);
	if (archive_entry_hardlink(entry->entry))
		return put_in_place(tree, entry, put_hardlink);
	switch (archive_entry_filetype(entry->entry)) {
	case AE_IFREG:
		return put_in_place(tree, entry, put_file);
	case AE_IFDIR:
		return put_in_place(tree, entry, put_directory);
	case AE_IFLNK:
		return put_in_place(tree, entry, put_symlink);
	case AE_IFIFO:
	case AE_IFSOCK:
		return put_in_place(tree, entry, put_special);
	case AE_IFCHR:
	case AE_IFBLK:
		tree->result->devices++;
		return 0;
	default:
		return unpack_refuse(tree, EOPNOTSUPP, entry, "it is of an unknown kind");
	}
}
