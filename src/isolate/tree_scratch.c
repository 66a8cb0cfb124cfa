/* Where what ends with the sandbox lies: the folder of discarded layers and, where its size is to hold for all together, of the tmpfs mounts. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isolate/mount.h"
#include "isolate/tree_parts.h"
#include "util/fd.h"
#include "util/path.h"

int tree_scratch(struct tree *tree, struct error *err)
{
	const struct tree_plan *plan = tree->plan;

	if (plan->scratch == TREE_SCRATCH_DISK) {
		tree->scratch_fd = open(plan->scratch_dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		return tree->scratch_fd < 0 ? error_set(err, errno, "cannot open the scratch folder '%s'", plan->scratch_dir) : 0;
	}
	tree->scratch_fd = mount_new_tmpfs(plan->scratch_size, 0755, MOUNT_NODEV | MOUNT_NOSUID);
	if (tree->scratch_fd < 0)
		return error_set(err, -tree->scratch_fd, "cannot make the tmpfs for scratch files");
	/* Before 6.15 neither overlayfs nor open_tree takes what lies in a detached mount. So it is attached, until the pivot or tree_finish takes it away,
	 * on a folder that nobody but this process has and that nobody needs (not `task`, through which thread-self leads): a copy of the host's tree, as a
	 * mount or a layer, hides nothing by it. */
	cleanup_close int probe = mount_clone(tree->scratch_fd, "", AT_EMPTY_PATH);
	if (probe < 0) {
		cleanup_close int place = open("/proc/self/map_files", O_PATH | O_DIRECTORY | O_CLOEXEC);
		int r = place < 0 ? -errno : mount_attach(tree->scratch_fd, place, 0);
		if (r < 0)
			return error_set(err, -r, "cannot attach the tmpfs for the writable layers");
		tree->scratch_attached = true;
	}
	return 0;
}

static int need_scratch(struct tree *tree, struct error *err)
{
	return tree->scratch_fd < 0 ? tree_scratch(tree, err) : 0;
}

int tree_area(struct tree *tree, const char *keep, struct error *err)
{
	char name[16];
	int fd;

	if (keep) {
		int r = path_make_dirs(keep, 0700);

		fd = r < 0 ? -1 : open(keep, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		return fd < 0 ? error_set(err, r < 0 ? -r : errno, "cannot open the kept layer '%s'", keep) : fd;
	}
	int r = need_scratch(tree, err);

	if (r < 0)
		return r;
	(void)snprintf(name, sizeof(name), "%u", tree->areas++);
	if (mkdirat(tree->scratch_fd, name, 0755) < 0)
		return error_set(err, errno, "cannot make a writable layer");
	fd = openat(tree->scratch_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? error_set(err, errno, "cannot open a writable layer") : fd;
}

int tree_scratch_entry(struct tree *tree, struct tree_entry *entry, struct error *err)
{
	char name[16];
	int r = need_scratch(tree, err);

	if (r < 0)
		return r;
	(void)snprintf(name, sizeof(name), "%u", tree->areas++);
	if (mkdirat(tree->scratch_fd, name, 0700) < 0 || fchmodat(tree->scratch_fd, name, entry->mode, 0) < 0)
		return error_set(err, errno, "cannot make the folder for '%s'", entry->target);
	entry->source_fd = mount_clone(tree->scratch_fd, name, 0);
	return entry->source_fd < 0 ? error_set(err, -entry->source_fd, "cannot mount a folder at '%s'", entry->target) : 0;
}

static int add_storage(struct tree_storage *storage, int fd, struct error *err)
{
	if (storage->tmpfs_count == TREE_STORAGE_MAX) {
		error_set(err, E2BIG, "cannot watch over more than %d tmpfs mounts", TREE_STORAGE_MAX);
		return error_hint(err, "set  resources.scratch : then all of them are one filesystem");
	}
	storage->tmpfs[storage->tmpfs_count++] = fd;
	return 0;
}

int tree_storage_fds(struct tree *tree, struct tree_storage *ret, struct error *err)
{
	struct tree_storage storage = {.scratch = tree->scratch_fd, .scratch_on_disk = tree->plan->scratch == TREE_SCRATCH_DISK};
	int r = 0;

	for (size_t i = 0; i < tree->plan->entry_count && r == 0; i++) {
		const struct tree_entry *entry = &tree->plan->entries[i];

		if (entry->kind == TREE_TMPFS && !entry->in_scratch && !entry->made_up && entry->source_fd >= 0)
			r = add_storage(&storage, entry->source_fd, err);
	}
	if (r == 0 && tree->dev_fd >= 0)
		r = add_storage(&storage, tree->dev_fd, err);
	if (r == 0)
		*ret = storage;
	return r;
}
