/* The entries of the tree, one function for each kind. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isolate/devices.h"
#include "isolate/mount.h"
#include "isolate/placeholder.h"
#include "isolate/tree_parts.h"
#include "util/fd.h"
#include "util/path.h"

enum { SAFE = MOUNT_NODEV | MOUNT_NOSUID };

static unsigned entry_flags(const struct tree_entry *entry)
{
	return SAFE | (entry->noexec ? (unsigned)MOUNT_NOEXEC : 0u);
}

/* Replace the read-only directory at `path` by a mirror that has room. */
static int make_room(struct tree *tree, const char *path, struct error *err)
{
	if (!path[1])
		return root_mirror(tree, false, err);
	cleanup_close int old = path_open_in(tree->root_fd, path, O_PATH | O_DIRECTORY);
	int mirror = old < 0 ? old : mirror_new(old);
	int r = mirror < 0 ? mirror : tree_attach(tree, mirror, old, SAFE, TREE_OURS);

	if (r < 0)
		return error_set(err, -r, "cannot make room in '%s' for a mount point", path);
	tree_readonly_late(tree, mirror);
	return mirror_fill(tree, mirror, old, path, false, err);
}

/* Something empty of the host's to mount on. Where that is but the way to the mount point (`way`), the rest is made in a tmpfs of ours upon it. */
static int borrow(struct tree *tree, int parent, const char *path, bool directory, bool way, struct error *err)
{
	int lock;
	int r = placeholder_lend(tree->guard, parent, path_basename(path), directory, &lock);

	if (r < 0) {
		error_set(err, -r, "cannot make the mount point '%s' for the time of the run", path);
		return r == -EEXIST || r == -ENOTDIR || r == -ELOOP ? error_cause(err, "something stands there that is no directory, or leads nowhere") : r;
	}
	if (!way)
		return 0;
	cleanup_close int target = path_open_in(tree->root_fd, path, O_PATH | O_DIRECTORY);
	int room = target < 0 ? target : mount_new_tmpfs(1 << 20, 0755, SAFE);
	r = room < 0 ? room : tree_attach(tree, room, target, SAFE, TREE_OURS);
	if (r < 0)
		return error_set(err, -r, "cannot make room at '%s' for a mount point", path);
	tree_readonly_late(tree, room);
	return 0;
}

/* The same with what another sandbox has borrowed already. */
static int join(struct tree *tree, const char *path, bool directory, bool way, struct error *err)
{
	cleanup_close int parent = path_open_in(tree->root_fd, path_dirname(tree->arena, path), O_PATH | O_DIRECTORY);

	return parent < 0 ? error_set(err, -parent, "cannot lend a placeholder for '%s'", path) : borrow(tree, parent, path, directory, way, err);
}

/* One step towards a missing target: afterwards its deepest existing directory lies deeper, or has room. */
static int approach(struct tree *tree, const char *path, bool directory, bool way, struct error *err)
{
	const char *parent = path_dirname(tree->arena, path);
	cleanup_close int fd = path_open_in(tree->root_fd, parent, O_PATH | O_DIRECTORY);
	int r;

	if (fd == -ENOENT)
		return approach(tree, parent, true, true, err);
	if (fd < 0)
		return error_set(err, -fd, "cannot make the mount point '%s'", path);
	switch (tree_owner_of(tree, fd)) {
	case TREE_HOST_RO:
		return make_room(tree, parent, err);
	case TREE_HOST_RW:
		return tree_is_lent(tree, fd) ? join(tree, parent, true, true, err) : borrow(tree, fd, path, directory, way, err);
	case TREE_OURS:
		/* In what was found to be ours, not at the path: a neighbour who renames may have put a directory of the host's there meanwhile. */
		r = path_make_in(fd, path_basename(path), directory ? PATH_DIRECTORY : PATH_FILE, NULL);
		if (r < 0)
			return error_set(err, -r, "cannot make the mount point '%s'", path);
		(void)fd_close(r);
		return 0;
	}
	return 0;
}

int tree_target(struct tree *tree, const struct tree_entry *entry, bool directory, struct error *err)
{
	int fd = path_open_in(tree->root_fd, entry->target, O_PATH);

	/* Each missing component takes two steps at most: room, then the name. */
	for (int steps = 0; fd == -ENOENT && steps < 128; steps++) {
		int r = approach(tree, entry->target, directory, false, err);

		if (r < 0)
			return r;
		fd = path_open_in(tree->root_fd, entry->target, O_PATH);
	}
	if (fd >= 0 && tree_is_lent(tree, fd)) {
		int r = join(tree, entry->target, directory, false, err);

		(void)fd_close(fd);
		if (r < 0)
			return r;
		fd = path_open_in(tree->root_fd, entry->target, O_PATH);
	}
	return fd < 0 ? error_set(err, -fd, "cannot reach the mount point '%s'", entry->target) : fd;
}

static int attach_entry(struct tree *tree, const struct tree_entry *entry, int mount_fd, unsigned flags, enum tree_owner owner, struct error *err)
{
	struct stat st;
	bool directory = fstat(mount_fd, &st) < 0 || S_ISDIR(st.st_mode);
	cleanup_close int target = tree_target(tree, entry, directory, err);
	int r;

	if (target < 0)
		return target;
	r = tree_attach(tree, mount_fd, target, flags, owner);
	if (r == 0)
		return 0;
	error_set(err, -r, "cannot mount at '%s'", entry->target);
	if (fstat(target, &st) == 0 && S_ISDIR(st.st_mode) != directory)
		return error_cause(err, "one of source and mount point is a directory and the other is not");
	return r;
}

static int mount_bind(struct tree *tree, const struct tree_entry *entry, struct error *err)
{
	unsigned flags = entry_flags(entry) | MOUNT_RECURSIVE | (entry->writable ? 0u : (unsigned)MOUNT_RDONLY);

	return attach_entry(tree, entry, entry->source_fd, flags, entry->writable ? TREE_HOST_RW : TREE_HOST_RO, err);
}

static int mount_layered(struct tree *tree, const struct tree_entry *entry, struct error *err)
{
	return attach_entry(tree, entry, entry->source_fd, entry_flags(entry), TREE_OURS, err);
}

static int mount_tmpfs(struct tree *tree, const struct tree_entry *entry, struct error *err)
{
	/* One of its own was made with its flags. */
	return attach_entry(tree, entry, entry->source_fd, entry->in_scratch ? entry_flags(entry) : 0, TREE_OURS, err);
}

static int mount_file(struct tree *tree, const struct tree_entry *entry, struct error *err)
{
	char name[32];
	int r;

	(void)snprintf(name, sizeof(name), "content.%zu", (size_t)(entry - tree->plan->entries));
	cleanup_close int fd = openat(tree->void_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	r = fd < 0 ? -errno : fd_write_all(fd, entry->content, strlen(entry->content));
	if (r == 0 && fchmod(fd, entry->mode) < 0)
		r = -errno;
	cleanup_close int mount_fd = r < 0 ? r : mount_clone(tree->void_fd, name, 0);
	if (mount_fd < 0)
		return error_set(err, -mount_fd, "cannot make the file '%s'", entry->target);
	return attach_entry(tree, entry, mount_fd, entry_flags(entry) | MOUNT_RDONLY, TREE_HOST_RO, err);
}

static int mount_pseudo(struct tree *tree, const struct tree_entry *entry, struct error *err)
{
	/* Before 6.15 what is cloned must be attached: the tmpfs of empty things goes below /proc, where nothing finds it. */
	if (entry->kind == TREE_PROC && tree->void_fd >= 0) {
		cleanup_close int probe = mount_clone(tree->void_fd, "dir", 0);
		if (probe < 0) {
			int r = attach_entry(tree, entry, tree->void_fd, 0, TREE_OURS, err);
			if (r < 0)
				return r;
		}
	}
	return attach_entry(tree, entry, entry->source_fd, entry->kind == TREE_SYS ? MOUNT_RDONLY | MOUNT_RECURSIVE : 0, entry->kind == TREE_SYS ? TREE_HOST_RO : TREE_OURS, err);
}

static int mount_dev(struct tree *tree, const struct tree_entry *entry, struct error *err)
{
	cleanup_close int target = tree_target(tree, entry, true, err);

	return target < 0 ? target : devices_mount(tree, tree->devices, target, tree->tty_gid, err);
}

/* A mount of its own, of what is there already: when the root's mount gets read-only, this one does not. */
static int mount_volume(struct tree *tree, const struct tree_entry *entry, struct error *err)
{
	cleanup_close int target = tree_target(tree, entry, true, err);
	cleanup_close int clone = target < 0 ? target : mount_clone(target, "", AT_EMPTY_PATH);
	int r = target < 0 ? 0 : clone < 0 ? clone : tree_attach(tree, clone, target, entry_flags(entry), TREE_OURS);

	if (target < 0)
		return target;
	return r < 0 ? error_set(err, -r, "cannot make the volume '%s'", entry->target) : 0;
}

typedef int mount_function(struct tree *tree, const struct tree_entry *entry, struct error *err);

static mount_function *const by_kind[TREE_KIND_MAX] = {
    [TREE_BIND] = mount_bind,
    [TREE_LAYERED] = mount_layered,
    [TREE_TMPFS] = mount_tmpfs,
    [TREE_FILE] = mount_file,
    [TREE_PROC] = mount_pseudo,
    [TREE_SYS] = mount_pseudo,
    [TREE_DEV] = mount_dev,
    [TREE_VOLUME] = mount_volume,
    [TREE_HIDE] = cover_apply,
    [TREE_PROTECT] = cover_apply,
};

/* Does an earlier entry bring the place that this one is mounted in? */
static bool lies_in_earlier(const struct tree_plan *plan, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		const struct tree_entry *other = &plan->entries[i];

		if (other->target && other->kind < TREE_HIDE && path_is_beneath(plan->entries[at].target, other->target))
			return true;
	}
	return false;
}

/* Make room in the bare root before anything is mounted into it: a mirror made later would have to carry what lies there already. */
static int make_all_room(struct tree *tree, struct error *err)
{
	for (size_t i = 0; i < tree->plan->entry_count; i++) {
		const struct tree_entry *entry = &tree->plan->entries[i];
		const char *parent = entry->target;
		int fd;

		if (!parent || entry->kind >= TREE_HIDE || lies_in_earlier(tree->plan, i))
			continue;
		while ((fd = path_open_in(tree->root_fd, parent, O_PATH)) == -ENOENT)
			parent = path_dirname(tree->arena, parent);
		cleanup_close int held = fd;
		if (held < 0 || parent == entry->target || tree_owner_of(tree, held) != TREE_HOST_RO)
			continue;
		int r = make_room(tree, parent, err);
		if (r < 0)
			return error_at(err, &entry->at, NULL);
	}
	return 0;
}

/* Only where nobody but the sandbox sees it: in a directory of the host's that is missing stays missing. What is in the way, or leads nowhere, is for
 * those to find who use it. */
static int make_directory(struct tree *tree, const char *path, struct error *err)
{
	const char *above = path;
	int fd = path_open_in(tree->root_fd, path, O_PATH);
	int r;

	if (fd != -ENOENT) {
		(void)fd_close(fd);
		return 0;
	}
	do
		fd = path_open_in(tree->root_fd, above = path_dirname(tree->arena, above), O_PATH);
	while (fd == -ENOENT && above[1]);
	cleanup_close int held = fd;
	if (held < 0 || tree_owner_of(tree, held) != TREE_OURS)
		return 0;
	r = path_make_in(tree->root_fd, path, PATH_DIRECTORY, NULL);
	if (r < 0)
		return error_set(err, -r, "cannot make the directory '%s' in the sandbox", path);
	(void)fd_close(r);
	return 0;
}

static int make_directories(struct tree *tree, struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < tree->plan->directory_count && r == 0; i++)
		r = make_directory(tree, tree->plan->directories[i], err);
	return r;
}

static enum tree_part part_of(const struct tree_entry *entry)
{
	if (entry->kind >= TREE_HIDE)
		return TREE_PART_COVERS;
	return entry->kind == TREE_SYS ? TREE_PART_SYS : TREE_PART_PLACES;
}

int tree_mount_entries(struct tree *tree, enum tree_part part, struct error *err)
{
	int r = part == TREE_PART_PLACES ? make_all_room(tree, err) : 0;

	if (r < 0)
		return r;
	for (size_t i = 0; i < tree->plan->entry_count; i++) {
		const struct tree_entry *entry = &tree->plan->entries[i];

		if (!entry->target || part_of(entry) != part)
			continue;
		r = by_kind[entry->kind](tree, entry, err);
		if (r < 0)
			return err->line || err->file[0] ? r : error_at(err, &entry->at, NULL);
	}
	return part == TREE_PART_PLACES ? make_directories(tree, err) : 0;
}
