/* What is hidden and what is protected.
 *
 * An empty thing or a read-only copy of the mount is put on the path. That alone does not hold in a writable directory: whoever may write
 * there renames a parent directory, or replaces a symlink on the way, and makes the path anew. A mount point cannot be renamed or
 * removed (rename(2), EBUSY), so every directory and symlink on the way, as far as it lies in a writable directory
 * of the host, is pinned by mounting it on itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isolate/mount.h"
#include "isolate/placeholder.h"
#include "isolate/tree_parts.h"
#include "util/fd.h"
#include "util/path.h"

enum { COVER_FLAGS = MOUNT_RDONLY | MOUNT_NODEV | MOUNT_NOSUID };
enum { COVER_LINKS = 8 }; /* symlinks to symlinks */

int cover_with_void(struct tree *tree, int target_fd, struct error *err)
{
	struct stat st;
	int r = fstat(target_fd, &st) < 0 ? -errno : 0;
	cleanup_close int mount_fd = r < 0 ? -1 : mount_clone(tree->void_fd, S_ISDIR(st.st_mode) ? "dir" : "file", 0);

	if (r == 0)
		r = mount_fd < 0 ? mount_fd : tree_attach(tree, mount_fd, target_fd, COVER_FLAGS | MOUNT_NOEXEC, TREE_HOST_RO);
	return r < 0 ? error_set(err, -r, "cannot cover a path") : 0;
}

static int pin(struct tree *tree, int fd)
{
	uint64_t id;
	bool is_root;
	int r = mount_identify(fd, &id, &is_root);

	if (r < 0 || is_root || tree_owner_of(tree, fd) != TREE_HOST_RW)
		return r;
	cleanup_close int copy = mount_clone(fd, "", AT_EMPTY_PATH);
	return copy < 0 ? copy : tree_attach(tree, copy, fd, 0, TREE_HOST_RW);
}

/* Pin every component of `path` but, unless it is a symlink, the last. `depth` bounds symlinks to symlinks. */
static int pin_way(struct tree *tree, const char *path, int depth)
{
	char prefix[PATH_MAX], link[32];
	int r = 0;

	if (strlen(path) >= sizeof(prefix) || depth > COVER_LINKS)
		return -ELOOP;
	for (size_t len = 1; r == 0 && path[len - 1]; len++) {
		bool last;

		len += strcspn(path + len, "/");
		last = !path[len];
		(void)snprintf(prefix, sizeof(prefix), "%.*s", (int)len, path);
		cleanup_close int fd = path_open_in(tree->root_fd, prefix, O_PATH | O_NOFOLLOW);
		struct stat st;
		if (fd == -ENOENT || fd == -ENOTDIR || fd == -EACCES)
			return 0; /* the caller finds the same, and knows what it means */
		if (fd < 0 || fstat(fd, &st) < 0)
			return fd < 0 ? fd : -errno;
		if (!last || S_ISLNK(st.st_mode))
			r = pin(tree, fd);
		if (r == 0 && S_ISLNK(st.st_mode)) {
			cleanup_close int there = path_open_in(tree->root_fd, prefix, O_PATH);
			ssize_t n;

			if (there < 0)
				return 0; /* dangling: the caller finds it absent */
			(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", there);
			n = readlink(link, prefix, sizeof(prefix) - 1);
			if (n > 0 && prefix[0] == '/') {
				prefix[n] = 0;
				r = pin_way(tree, arena_strdup(tree->arena, prefix), depth + 1);
			}
			if (r == 0 && !last)
				r = pin(tree, there);
		}
		if (last)
			break;
	}
	return r;
}

/* The longest part of the path that exists and is not lent; *ret_missing points at the first name that does not, within `path`. */
static int open_deepest(struct tree *tree, const char *path, const char **ret_missing)
{
	char prefix[PATH_MAX];
	size_t len = strlen(path);
	int fd;

	if (len >= sizeof(prefix))
		return -ENAMETOOLONG;
	memcpy(prefix, path, len + 1);
	do {
		char *slash = strrchr(prefix, '/');

		*ret_missing = path + (slash - prefix) + 1;
		slash[slash == prefix] = 0;
		fd = path_open_in(tree->root_fd, prefix, O_PATH | O_DIRECTORY);
		if (fd >= 0 && tree_is_lent(tree, fd)) {
			(void)fd_close(fd);
			fd = -ENOENT;
		}
	} while (fd == -ENOENT && prefix[1]);
	return fd;
}

/* We could not make a name in a layer of ours although we have all capabilities over the mapped ids: then the directory belongs to an id that is not
 * mapped, and nobody inside can, either, unless by a group that is. */
static bool is_closed_to_all(int parent)
{
	enum { OVERFLOW_ID = 65534 };
	struct stat st;

	return fstat(parent, &st) == 0 && st.st_uid == OVERFLOW_ID && (st.st_gid == OVERFLOW_ID || !(st.st_mode & S_IWGRP));
}

static int cover_at(struct tree *tree, const struct tree_entry *entry, int depth);

/* A symlink that leads nowhere: whoever makes what it names, makes the path. The empty file goes over the symlink itself, and what it names is
 * covered as an absent path of its own. */
static int cover_dangling(struct tree *tree, const struct tree_entry *entry, int parent, int link, bool directory, int depth)
{
	struct tree_entry named = *entry;
	char proc[32], where[PATH_MAX], text[PATH_MAX];
	ssize_t n = readlinkat(link, "", text, sizeof(text) - 1), m;

	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", parent);
	m = readlink(proc, where, sizeof(where) - 1);
	if (n < 0 || m < 0)
		return -errno;
	text[n] = where[m] = 0;
	if (tree_owner_of(tree, link) != TREE_HOST_RO) {
		cleanup_close int mount_fd = mount_clone(tree->void_fd, "file", 0);
		int r = mount_fd < 0 ? mount_fd : tree_attach(tree, mount_fd, link, COVER_FLAGS, TREE_HOST_RO);

		if (r < 0)
			return r;
	}
	named.target = path_join(tree->arena, where, text);
	named.wants_directory = directory;
	return depth > COVER_LINKS ? -ELOOP : cover_at(tree, &named, depth + 1);
}

static int lend(const struct tree *tree, int parent, const char *name, bool directory)
{
	int lock, r;

	switch (tree_owner_of(tree, parent)) {
	case TREE_OURS:
		r = (directory ? mkdirat(parent, name, 0755) : mknodat(parent, name, S_IFREG | 0644, 0)) < 0 ? -errno : 0;
		return r == -EACCES && is_closed_to_all(parent) ? 1 : r;
	case TREE_HOST_RW:
		return placeholder_lend(tree->guard, parent, name, directory, &lock); /* PID 1 keeps the lock open */
	default:
		return 1; /* nobody can make it in a read-only place */
	}
}

/* The path is not there. */
static int cover_absent(struct tree *tree, const struct tree_entry *entry, int depth)
{
	const char *missing;
	cleanup_close int parent = open_deepest(tree, entry->target, &missing);
	cleanup_close int target = -1;
	char name[NAME_MAX + 1];
	size_t len;
	struct stat st;
	int r;

	if (parent < 0)
		return parent == -ENOTDIR ? 0 : parent;
	len = strcspn(missing, "/");
	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, missing, len);
	name[len] = 0;
	bool directory = missing[len] == '/' || entry->wants_directory;
	target = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (target >= 0 && fstat(target, &st) == 0 && S_ISLNK(st.st_mode))
		return cover_dangling(tree, entry, parent, target, directory, depth);
	target = fd_close(target);
	r = lend(tree, parent, name, directory);
	if (r != 0)
		return r < 0 ? r : 0;
	target = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return target < 0 ? -errno : cover_with_void(tree, target, NULL);
}

/* Does a mask add anything? What belongs to the host's root, whom the kernel shows as the overflow id where nobody maps him, and gives nothing
 * to others is closed to all capabilities of a user namespace (capabilities(7), "privileged_wrt_inode_uidgid"). */
static bool is_closed(int target)
{
	enum { OVERFLOW_ID = 65534 };
	struct stat st;

	return fstat(target, &st) == 0 && st.st_uid == OVERFLOW_ID && st.st_gid == OVERFLOW_ID && !(st.st_mode & S_IRWXO);
}

static int cover_present(struct tree *tree, const struct tree_entry *entry, int target)
{
	if (entry->made_up && is_closed(target))
		return 0;
	if (entry->kind == TREE_HIDE)
		return cover_with_void(tree, target, NULL);
	if (tree_owner_of(tree, target) == TREE_HOST_RO)
		return 0; /* read-only already */
	cleanup_close int copy = mount_clone(target, "", AT_EMPTY_PATH);
	return copy < 0 ? copy : tree_attach(tree, copy, target, COVER_FLAGS | MOUNT_RECURSIVE, TREE_HOST_RO);
}

static int cover_at(struct tree *tree, const struct tree_entry *entry, int depth)
{
	int r = entry->made_up ? 0 : pin_way(tree, entry->target, 0);
	cleanup_close int target = r < 0 ? r : path_open_in(tree->root_fd, entry->target, O_PATH);

	if (r < 0)
		return r;
	if (target >= 0 && !tree_is_lent(tree, target))
		return cover_present(tree, entry, target);
	if (target >= 0 || target == -ENOENT)
		return entry->made_up ? 0 : cover_absent(tree, entry, depth);
	return target == -ENOTDIR || target == -EACCES ? 0 : target; /* below a file or a closed directory there is nothing to hide */
}

int cover_apply(struct tree *tree, const struct tree_entry *entry, struct error *err)
{
	int r = entry->of_host_sys && !tree->sys_is_hosts ? 0 : cover_at(tree, entry, 0);

	if (r == 0)
		return 0;
	error_set(err, -r, "cannot %s '%s'", entry->kind == TREE_HIDE ? "hide" : "protect", entry->target);
	return error_at(err, &entry->at, entry->kind == TREE_HIDE ? "filesystem.hide" : "filesystem.protect");
}
