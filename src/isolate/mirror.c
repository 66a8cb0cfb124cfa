/* A directory replaced by a tmpfs that shows the same children and has room for more: for mount points that a read-only host
 * directory lacks, and for layers over a directory that has other mounts below it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isolate/mount.h"
#include "isolate/tree_parts.h"
#include "util/fd.h"
#include "util/path.h"

enum {
	MIRROR_ENTRIES = 2000, /* a start must not take time in proportion to the host */
	MIRROR_FLAGS = MOUNT_RDONLY | MOUNT_NODEV | MOUNT_NOSUID | MOUNT_RECURSIVE,
};

struct mirror {
	struct tree *tree;
	int to, from;
	const char *path;
	bool layered;
};

int mirror_new(int dir_fd)
{
	struct stat st;

	if (fstat(dir_fd, &st) < 0)
		return -errno;
	return mount_new_tmpfs(16 << 20, st.st_mode & 07777, MOUNT_NODEV | MOUNT_NOSUID);
}

/* Will an entry of the plan stand here anyway? Then an empty mount point is enough. */
static bool is_target(const struct mirror *m, const char *child)
{
	for (size_t i = 0; i < m->tree->plan->entry_count; i++) {
		const struct tree_entry *entry = &m->tree->plan->entries[i];

		if (entry->target && entry->kind < TREE_HIDE && !strcmp(entry->target, child))
			return true;
	}
	return false;
}

static int copy_symlink(const struct mirror *m, const char *name)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(m->from, name, text, sizeof(text) - 1);

	if (n < 0)
		return -errno;
	text[n] = 0;
	return symlinkat(text, m->to, name) < 0 ? -errno : 0;
}

static int attach_child(const struct mirror *m, int mount_fd, const char *name, unsigned flags, enum tree_owner owner)
{
	cleanup_close int target = openat(m->to, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	return target < 0 ? -errno : tree_attach(m->tree, mount_fd, target, flags, owner);
}

static int layer_child(const struct mirror *m, const char *name, const char *child)
{
	cleanup_close int lower = openat(m->from, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_close int mount_fd = lower < 0 ? -errno : tree_layer(m->tree, OVERLAY_BACKEND_KERNEL, &lower, 1, NULL, NULL);
	cleanup_close int deeper = -1;
	int r;

	if (mount_fd >= 0)
		return attach_child(m, mount_fd, name, 0, TREE_OURS);
	/* It has mounts below it itself: go one level down. */
	deeper = lower < 0 ? -1 : mirror_new(lower);
	if (deeper < 0)
		return mount_fd;
	r = attach_child(m, deeper, name, 0, TREE_OURS);
	return r < 0 ? r : mirror_fill(m->tree, deeper, lower, child, true, NULL);
}

static int bind_child(const struct mirror *m, const char *name)
{
	struct tree *tree = m->tree;
	cleanup_close int mount_fd = mount_clone(m->from, name, AT_SYMLINK_NOFOLLOW);
	int r = mount_fd < 0 ? mount_fd : mount_restrict(mount_fd, MIRROR_FLAGS);

	if (r < 0 && r != -ENOSYS)
		return r;
	if (r == 0 || tree->root_fd >= 0)
		return attach_child(m, mount_fd, name, MIRROR_FLAGS, TREE_HOST_RO);
	r = attach_child(m, mount_fd, name, 0, TREE_HOST_RO);
	if (r < 0)
		return r;
	tree->unrestricted = arena_grow(tree->arena, tree->unrestricted, tree->unrestricted_count, sizeof(int));
	tree->unrestricted[tree->unrestricted_count++] = take_fd(mount_fd);
	return 0;
}

static int mirror_child(const struct mirror *m, const char *name, unsigned char type)
{
	struct arena arena = {0};
	const char *child = path_join(&arena, m->path, name);
	struct stat st;
	int r = 0;

	if (type == DT_UNKNOWN && fstatat(m->from, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) == 0)
		type = (unsigned char)IFTODT(st.st_mode);
	if (type == DT_LNK)
		r = copy_symlink(m, name);
	else if (type == DT_DIR)
		r = mkdirat(m->to, name, 0755) < 0 ? -errno : 0;
	else
		r = mknodat(m->to, name, S_IFREG | 0644, 0) < 0 ? -errno : 0;
	if (r == 0 && type != DT_LNK && !is_target(m, child)) {
		r = m->layered && type == DT_DIR ? layer_child(m, name, child) : bind_child(m, name);
		if (r < 0 && m->layered)
			r = bind_child(m, name);
	}
	arena_done(&arena);
	return r;
}

int mirror_fill(struct tree *tree, int mirror_fd, int dir_fd, const char *path, bool layered, struct error *err)
{
	struct mirror m = {.tree = tree, .to = mirror_fd, .from = dir_fd, .path = path, .layered = layered};
	int list_fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = list_fd < 0 ? NULL : fdopendir(list_fd);
	struct dirent *entry;
	unsigned count = 0;
	int r = 0;

	if (!dir) {
		r = errno;
		(void)fd_close(list_fd);
		return error_set(err, r, "cannot list '%s' to make room in it", path);
	}
	while (r == 0 && (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (++count > MIRROR_ENTRIES) {
			r = error_set(err, E2BIG, "cannot make room in '%s' for a mount point", path);
			error_cause(err, "it has more than %d entries", MIRROR_ENTRIES);
			error_hint(err, "mount on an existing directory, or use  filesystem.writes: discard");
			break;
		}
		r = mirror_child(&m, entry->d_name, entry->d_type);
		if (r == -EACCES || r == -EPERM)
			r = 0; /* what the user may not reach on the host is not there inside either */
		if (r < 0)
			error_set(err, -r, "cannot show '%s' of '%s' in the sandbox", entry->d_name, path);
	}
	closedir(dir);
	return r;
}
