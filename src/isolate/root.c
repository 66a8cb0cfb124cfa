/* The root of the sandbox, in its five kinds. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "isolate/mount.h"
#include "isolate/tree_parts.h"
#include "util/fd.h"
#include "util/path.h"

enum { HOST_FLAGS = MOUNT_RDONLY | MOUNT_NODEV | MOUNT_NOSUID | MOUNT_RECURSIVE };

static int open_root(struct tree *tree, struct error *err)
{
	tree->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return tree->root_fd < 0 ? error_set(err, errno, "cannot open the root") : 0;
}

/* Nothing is copied and nothing detached: what the kernel copied for the namespace is made read-only where it stands. This
 * saves a copy of the host's mount table and the RCU grace period that dropping it costs. */
static int root_host(struct tree *tree, struct error *err)
{
	int r = mount_isolate(HOST_FLAGS & ~(unsigned)MOUNT_RECURSIVE, err);

	return r < 0 ? r : open_root(tree, err);
}

static int pivot_to(struct tree *tree, int mount_fd, unsigned flags, enum tree_owner owner, struct error *err)
{
	struct tree_mount made = {.owner = owner};
	bool is_root;
	int r = mount_restrict(mount_fd, flags);

	if (r < 0 && r != -ENOSYS)
		return error_set(err, -r, "cannot restrict the new root");
	r = mount_pivot(mount_fd, false, err);
	if (r == 0 && flags)
		r = mount_isolate(flags & ~(unsigned)MOUNT_RECURSIVE, err); /* where mount_setattr is missing, only now */
	if (r < 0)
		return r;
	if (mount_identify(mount_fd, &made.id, &is_root) == 0) {
		tree->mounts = arena_grow(tree->arena, tree->mounts, tree->mount_count, sizeof(made));
		tree->mounts[tree->mount_count++] = made;
	}
	return open_root(tree, err);
}

static int root_bind(struct tree *tree, struct error *err)
{
	return pivot_to(tree, tree->root_source_fd, HOST_FLAGS, TREE_HOST_RO, err);
}

static int restrict_children(const struct tree *tree, struct error *err)
{
	for (size_t i = 0; i < tree->unrestricted_count; i++) {
		int r = mount_restrict_attached(tree->unrestricted[i], HOST_FLAGS);

		if (r < 0)
			return error_set(err, -r, "cannot make the host's mounts read-only");
		(void)fd_close(tree->unrestricted[i]);
	}
	return 0;
}

/* A tmpfs in which every child of the old root is bound, read-only. The children are cloned while the old root is still there. */
int root_mirror(struct tree *tree, bool layered, struct error *err)
{
	cleanup_close int old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int mirror = old < 0 ? -errno : mirror_new(old);
	int r;

	tree->root_fd = fd_close(tree->root_fd);
	if (mirror < 0)
		return error_set(err, -mirror, "cannot make a root directory");
	cleanup_close int top = open("/", O_PATH | O_CLOEXEC);
	r = tree_attach(tree, mirror, top, 0, TREE_OURS);
	if (r < 0)
		return error_set(err, -r, "cannot attach the new root");
	r = mirror_fill(tree, mirror, old, "/", layered, err);
	if (r < 0)
		return r;
	r = mount_pivot(mirror, true, err);
	if (r == 0)
		r = restrict_children(tree, err);
	if (r < 0)
		return r;
	if (!layered)
		tree_readonly_late(tree, mirror);
	return open_root(tree, err);
}

static int root_layered(struct tree *tree, struct error *err)
{
	struct error why = {0};
	int fd = tree_layer(tree, tree->plan->overlay, tree->lower_fds, tree->plan->lower_count + 1, tree->plan->root_keep, &why);

	if (fd < 0) {
		*err = why;
		return error_at(err, &tree->plan->root_at, "filesystem.root");
	}
	if (tree->plan->root_read_only)
		tree_readonly_late(tree, fd);
	return pivot_to(tree, fd, 0, TREE_OURS, err);
}

static int root_empty(struct tree *tree, struct error *err)
{
	int fd = mount_new_tmpfs(16 << 20, 0755, MOUNT_NODEV | MOUNT_NOSUID);
	int r = fd < 0 ? error_set(err, -fd, "cannot make an empty root") : pivot_to(tree, fd, 0, TREE_OURS, err);

	if (r == 0)
		tree_readonly_late(tree, fd);
	return r;
}

int tree_make_root(struct tree *tree, struct error *err)
{
	const struct tree_plan *plan = tree->plan;
	bool whole_host = plan->root == TREE_ROOT_LAYERED && plan->root_source[0] == '/' && !plan->root_source[1];

	switch (plan->root) {
	case TREE_ROOT_HOST:
		return root_host(tree, err);
	case TREE_ROOT_MIRROR:
		return root_mirror(tree, false, err);
	case TREE_ROOT_BIND:
		return root_bind(tree, err);
	case TREE_ROOT_EMPTY:
		return root_empty(tree, err);
	case TREE_ROOT_LAYERED:
		/* The kernel's overlayfs refuses a lower layer with mounts below it, as every host's "/" has: it takes the children one by one. */
		if (whole_host && plan->overlay != OVERLAY_BACKEND_FUSE)
			return root_mirror(tree, true, err);
		return root_layered(tree, err);
	}
	return error_set(err, EINVAL, "cannot make a root of kind %d", plan->root);
}

/* The overlays hold their layers by themselves. */
static int detach_scratch(const struct tree *tree, struct error *err)
{
	if (!tree->scratch_attached || tree->plan->root != TREE_ROOT_HOST)
		return 0;
	if (fchdir(tree->scratch_fd) < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return error_set(err, errno, "cannot detach the tmpfs of the writable layers");
	return 0;
}

int tree_finish(struct tree *tree, struct error *err)
{
	int detached = detach_scratch(tree, err);

	if (detached < 0)
		return detached;
	for (size_t i = 0; i < tree->late_count; i++) {
		int r = mount_restrict_attached(tree->late_readonly[i], MOUNT_RDONLY);

		if (r < 0 && r != -ESTALE) /* covered by another mount: nobody writes to it */
			return error_set(err, -r, "cannot make a directory of the sandbox read-only");
	}
	return 0;
}
