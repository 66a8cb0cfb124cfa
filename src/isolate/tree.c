#include "isolate/tree_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "isolate/devices.h"
#include "isolate/mount.h"
#include "isolate/placeholder.h"
#include "isolate/squash.h"
#include "util/fd.h"
#include "util/path.h"

static int open_bind(const char *source)
{
	return mount_clone(AT_FDCWD, source, 0);
}

static int open_layer(const char *source)
{
	int fd = open(source, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* What lies in the working directory may be somebody else's: a symlink in there must not choose what is shown (CVE-2024-42472). */
static int open_confined(const struct tree_entry *entry)
{
	cleanup_close int dir = open(entry->beneath, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = dir < 0 ? -errno : path_open_beneath(dir, entry->source + strlen(entry->beneath) + 1, O_PATH);

	if (fd < 0 || entry->kind == TREE_LAYERED)
		return fd;
	int clone = mount_clone(fd, "", AT_EMPTY_PATH);
	(void)fd_close(fd);
	return clone;
}

/* A layered mount is made now, not when its turn comes: the kernel takes no layer from the old root once that is detached, and /dev/fuse may not be in
 * the new one. */
static int lay_over(struct tree *tree, struct tree_entry *entry, int lower_fd, struct error *err)
{
	cleanup_close int lower = lower_fd;
	int fd = tree_layer(tree, tree->plan->overlay, &lower, 1, entry->keep, err);

	if (fd < 0)
		return error_at(err, &entry->at, "filesystem.mounts");
	entry->source_fd = fd;
	return 0;
}

static int open_source(struct tree *tree, struct tree_entry *entry, struct error *err)
{
	int fd = entry->beneath ? open_confined(entry) : entry->kind == TREE_BIND ? open_bind(entry->source) : open_layer(entry->source);

	if (fd >= 0 && entry->kind == TREE_LAYERED)
		return lay_over(tree, entry, fd, err);
	if (fd >= 0) {
		entry->source_fd = fd;
		return 0;
	}
	if (fd == -ENOENT && entry->optional) {
		entry->target = NULL;
		return 0;
	}
	error_set(err, -fd, "cannot mount '%s' at '%s'", entry->source, entry->target);
	error_at(err, &entry->at, "filesystem.mounts");
	if (entry->beneath && (fd == -EXDEV || fd == -ELOOP)) {
		error_cause(err, "a symbolic link leads out of the working directory, whose content must not choose what a profile shows");
		return error_hint(err, "name what is meant in the profile, or on the command line with -v");
	}
	if (fd == -ENOENT)
		return error_hint(err, "make it first, or mark the mount  optional: true");
	return fd;
}

/* Before 6.15 no layer is taken from a detached mount: so it is attached, until the pivot takes it away, where nobody but this process looks. */
static int open_squash(struct tree *tree, struct error *err)
{
	cleanup_close int fd = squash_mount(tree->plan->root_file, tree->host, err);
	cleanup_close int probe = fd < 0 ? -1 : mount_clone(fd, "", AT_EMPTY_PATH);

	if (fd >= 0 && probe < 0) {
		cleanup_close int place = open("/proc/self/fdinfo", O_PATH | O_DIRECTORY | O_CLOEXEC);
		int r = place < 0 ? -errno : mount_attach(fd, place, 0);
		if (r < 0)
			return error_set(err, -r, "cannot attach the squashfs");
	}
	return fd < 0 ? error_prefix(err, "cannot use '%s' as the root", tree->plan->root_source) : take_fd(fd);
}

static int open_root_sources(struct tree *tree, struct error *err)
{
	const struct tree_plan *plan = tree->plan;

	if (plan->root == TREE_ROOT_LAYERED && plan->root_squash) {
		tree->root_source_fd = open_squash(tree, err);
		if (tree->root_source_fd < 0)
			return error_at(err, &plan->root_at, "filesystem.root");
	} else if (plan->root == TREE_ROOT_BIND)
		tree->root_source_fd = open_bind(plan->root_source);
	else if (plan->root == TREE_ROOT_LAYERED)
		tree->root_source_fd = open_layer(plan->root_source);
	if (tree->root_source_fd < -1) {
		error_set(err, -tree->root_source_fd, "cannot use '%s' as the root", plan->root_source);
		return error_at(err, &plan->root_at, "filesystem.root");
	}
	tree->lower_fds = arena_alloc(tree->arena, (plan->lower_count + 1) * sizeof(int));
	for (size_t i = 0; i < plan->lower_count; i++) {
		tree->lower_fds[i] = open_layer(plan->lower[i]);
		if (tree->lower_fds[i] < 0)
			return error_set(err, -tree->lower_fds[i], "cannot use '%s' as a layer", plan->lower[i]);
	}
	tree->lower_fds[plan->lower_count] = tree->root_source_fd;
	return 0;
}

/* Fresh /proc and /sys are made while the host's are still in sight, as the kernel asks (mount_too_revealing). */
static int open_proc(struct tree_entry *entry, struct error *err)
{
	entry->source_fd = mount_new("proc", NULL, MOUNT_NODEV | MOUNT_NOSUID | MOUNT_NOEXEC, NULL);
	if (entry->source_fd >= 0)
		return 0;
	error_set(err, -entry->source_fd, "cannot mount a fresh /proc");
	if (entry->source_fd == -EPERM) {
		error_cause(err, "the /proc out here is partly covered, as in a container, and the kernel lets nobody see more through a new one");
		error_hint(err, "start the outer container with  --security-opt systempaths=unconfined  (Docker) or  --security-opt unmask=ALL  (podman)");
	}
	return -err->code;
}

/* A sysfs shows the network devices of the namespace that it is made in. Who has none of his own gets no fresh one: then it is the host's, read-only. */
static int open_sys(struct tree *tree, struct tree_entry *entry, struct error *err)
{
	entry->source_fd = mount_new("sysfs", NULL, MOUNT_NODEV | MOUNT_NOSUID | MOUNT_NOEXEC, NULL);
	tree->sys_is_hosts = entry->source_fd < 0;
	if (entry->source_fd < 0)
		entry->source_fd = mount_clone(AT_FDCWD, "/sys", 0);
	return entry->source_fd < 0 ? error_set(err, -entry->source_fd, "cannot show /sys") : 0;
}

static int open_entry(struct tree *tree, struct tree_entry *entry, struct error *err)
{
	switch (entry->kind) {
	case TREE_BIND:
	case TREE_LAYERED:
		return open_source(tree, entry, err);
	case TREE_TMPFS:
		return entry->in_scratch ? tree_scratch_entry(tree, entry, err) : 0;
	case TREE_DEV:
		return devices_open(tree->devices, err);
	default:
		return 0;
	}
}

static int open_void(struct tree *tree, struct error *err)
{
	tree->void_fd = mount_new_tmpfs(4 << 20, 0755, MOUNT_NODEV | MOUNT_NOSUID | MOUNT_NOEXEC);
	if (tree->void_fd < 0)
		return error_set(err, -tree->void_fd, "cannot make a tmpfs of empty things");
	if (mkdirat(tree->void_fd, "dir", 0555) < 0 || mknodat(tree->void_fd, "file", S_IFREG | 0444, 0) < 0)
		return error_set(err, errno, "cannot make an empty thing");
	return 0;
}

void tree_init(struct tree *tree, struct arena *arena, const struct tree_plan *plan)
{
	*tree = (struct tree){.arena = arena, .plan = plan, .guard = -1, .root_fd = -1, .void_fd = -1, .scratch_fd = -1, .root_source_fd = -1, .dev_fd = -1, .tty_gid = -1};
}

static int open_tmpfs(struct tree_entry *entry, struct error *err)
{
	unsigned flags = MOUNT_NODEV | MOUNT_NOSUID | (entry->noexec ? (unsigned)MOUNT_NOEXEC : 0u);

	entry->source_fd = mount_new_tmpfs(entry->size, entry->mode, flags);
	return entry->source_fd < 0 ? error_set(err, -entry->source_fd, "cannot mount a tmpfs at '%s'", entry->target) : 0;
}

int tree_prepare(struct tree *tree, struct tree_entry *entries, struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < tree->plan->entry_count && r == 0; i++) {
		entries[i].source_fd = -1;
		if (entries[i].kind == TREE_PROC)
			r = open_proc(&entries[i], err);
		else if (entries[i].kind == TREE_TMPFS && !entries[i].in_scratch)
			r = open_tmpfs(&entries[i], err);
	}
	return r;
}

bool tree_sys_can_wait(const struct tree_plan *plan)
{
	if (plan->root != TREE_ROOT_HOST)
		return false;
	for (size_t i = 0; i < plan->entry_count; i++) {
		const struct tree_entry *entry = &plan->entries[i];

		if (entry->kind < TREE_HIDE && entry->kind != TREE_SYS && path_is_beneath(entry->target, "/sys"))
			return false;
	}
	return true;
}

int tree_open(struct tree *tree, struct tree_entry *entries, struct error *err)
{
	int r = open_root_sources(tree, err);

	if (r == 0 && tree->plan->has_covers)
		r = open_void(tree, err);
	if (r == 0 && tree->plan->scratch_dir) /* its path is gone after the pivot */
		r = tree_scratch(tree, err);
	for (size_t i = 0; i < tree->plan->entry_count && r == 0; i++)
		r = open_entry(tree, &entries[i], err);
	return r;
}

int tree_open_sys(struct tree *tree, struct tree_entry *entries, struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < tree->plan->entry_count && r == 0; i++) {
		if (entries[i].kind == TREE_SYS)
			r = open_sys(tree, &entries[i], err);
	}
	return r;
}

int tree_attach(struct tree *tree, int mount_fd, int target_fd, unsigned flags, enum tree_owner owner)
{
	struct tree_mount made = {.owner = owner};
	bool is_root;
	int r = mount_attach(mount_fd, target_fd, flags);

	if (r < 0 || owner == TREE_HOST_RO) /* what is not known is asked for its flags */
		return r;
	r = mount_identify(mount_fd, &made.id, &is_root);
	if (r < 0)
		return r;
	tree->mounts = arena_grow(tree->arena, tree->mounts, tree->mount_count, sizeof(made));
	tree->mounts[tree->mount_count++] = made;
	return 0;
}

void tree_readonly_late(struct tree *tree, int mount_fd)
{
	tree->late_readonly = arena_grow(tree->arena, tree->late_readonly, tree->late_count, sizeof(int));
	tree->late_readonly[tree->late_count++] = mount_fd;
}

/* A mount that is none of ours came along with a bind, from below it: it is as writable as the kernel says. */
static enum tree_owner owner_of_foreign(int fd)
{
	struct statvfs st;

	return fstatvfs(fd, &st) < 0 || st.f_flag & ST_RDONLY ? TREE_HOST_RO : TREE_HOST_RW;
}

enum tree_owner tree_owner_of(const struct tree *tree, int fd)
{
	uint64_t id;
	bool is_root;

	if (mount_identify(fd, &id, &is_root) < 0)
		return TREE_HOST_RO; /* the cautious answer: nothing is made there */
	for (size_t i = tree->mount_count; i > 0; i--) {
		if (tree->mounts[i - 1].id == id)
			return tree->mounts[i - 1].owner;
	}
	return owner_of_foreign(fd);
}

bool tree_is_lent(const struct tree *tree, int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && placeholder_is_lent(&st) && tree_owner_of(tree, fd) == TREE_HOST_RW;
}

/* The upper directory's own mode and owner are what the merged root shows: take them from the lower one. */
static void adopt_mode(int upper, int lower)
{
	struct stat st;

	if (fstat(lower, &st) == 0)
		(void)fchmod(upper, st.st_mode & 07777); /* of a directory of ours; a wrong mode would show, not harm */
}

int tree_layer(struct tree *tree, enum overlay_backend_kind kind, const int *lower, size_t count, const char *keep, struct error *err)
{
	cleanup_close int area = tree_area(tree, keep, err);
	cleanup_close int upper = -1, work = -1;
	struct overlay_layers layers = {.lower = lower, .lower_count = count, .area = area,
	    .in_memory = !keep && tree->plan->scratch == TREE_SCRATCH_MEMORY};
	int r = area < 0 ? area : overlay_open_area(area, &upper, &work, err);

	if (r < 0)
		return r;
	adopt_mode(upper, lower[count - 1]);
	layers.upper = upper;
	layers.work = work;
	return overlay_mount(kind, &layers, tree->host, &tree->overlay_used, err);
}
