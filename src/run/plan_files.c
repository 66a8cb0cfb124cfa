/* The file tree: root, mounts in their order, masks, covers. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "isolate/placeholder.h"
#include "run/plan_image.h"
#include "util/buf.h"
#include "util/path.h"
#include "util/proc.h"

/* What Docker masks, and what else tells of the host or reaches into it (moby's default spec; proc(5)). */
static const char *const masked[] = {
    "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/kmsg", "/proc/kpagecount",
    "/proc/kpageflags", "/proc/latency_stats", "/proc/modules", "/proc/sched_debug", "/proc/scsi", "/proc/slabinfo", "/proc/timer_list",
    "/proc/timer_stats", "/proc/vmallocinfo", "/sys/firmware", "/sys/devices/virtual/powercap"};
/* A fresh /sys has nothing mounted below it; the host's, shown where there is no fresh one (the network is the host's, or a container's /sys is
 * masked), has. */
static const char *const masked_of_host[] = {
    "/sys/kernel/debug", "/sys/kernel/security", "/sys/kernel/tracing", "/sys/fs/bpf", "/sys/fs/pstore", "/sys/fs/cgroup"};
static const char *const read_only[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};

struct tree_entry *plan_add_entry(struct plan *plan, enum tree_kind kind, const char *target)
{
	struct tree_plan *tree = &plan->tree;

	tree->entries = arena_grow(plan->arena, tree->entries, tree->entry_count, sizeof(*tree->entries));
	struct tree_entry *entry = &tree->entries[tree->entry_count++];
	*entry = (struct tree_entry){.kind = kind, .target = target, .source_fd = -1};
	return entry;
}

void plan_add_directory(struct plan *plan, const char *path)
{
	struct tree_plan *tree = &plan->tree;

	tree->directories = arena_grow(plan->arena, tree->directories, tree->directory_count, sizeof(*tree->directories));
	tree->directories[tree->directory_count++] = path;
}

static void add_masks(struct plan *plan)
{
	for (size_t i = 0; i < ARRAY_SIZE(masked); i++)
		plan_add_entry(plan, TREE_HIDE, masked[i])->made_up = true;
	for (size_t i = 0; i < ARRAY_SIZE(masked_of_host); i++) {
		struct tree_entry *entry = plan_add_entry(plan, TREE_HIDE, masked_of_host[i]);

		entry->made_up = entry->of_host_sys = true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(read_only); i++)
		plan_add_entry(plan, TREE_PROTECT, read_only[i])->made_up = true;
	plan->tree.has_covers = true;
}

/* --- mounts -------------------------------------------------------------------------------------------------------------------- */

/* A profile that opens "the working directory" must not open the whole home, or more, because somebody stands there. */
static bool is_too_much(const struct plan *plan, const struct profile_mount *mount, const char *target)
{
	bool means_cwd = !strcmp(mount->path.v, "$PWD") || !strcmp(mount->path.v, "${PWD}") || !strcmp(mount->path.v, ".");

	return means_cwd && !plan_is_command_line(&mount->at) && path_is_beneath(plan->host->account.home, target);
}

static mode_t tmpfs_mode(const struct profile_mount *mount, const char *target)
{
	if (mount->file_mode.v >= 0)
		return (mode_t)mount->file_mode.v;
	return !strcmp(target, "/tmp") || !strcmp(target, "/var/tmp") || !strcmp(target, "/dev/shm") ? 01777 : 0755;
}

static const char *keep_folder(const struct plan *plan, const char *what)
{
	return arena_printf(plan->arena, "%s/layers/%s", plan->instance_dir, what);
}

/* The kept layer of a mount is found by the mount's place, whatever order the next run names them in: /a/b is "mount/+a/+b". The signs keep the folders
 * of /a and /a/upper apart. */
static const char *keep_name(const struct plan *plan, const char *target)
{
	struct buf name = {0};

	buf_puts(&name, "mount");
	for (const char *at = target; *at; at += strcspn(at + 1, "/") + 1)
		buf_printf(&name, "/+%.*s", (int)strcspn(at + 1, "/"), at + 1);
	const char *copy = arena_strdup(plan->arena, name.text);
	buf_done(&name);
	return copy;
}

/* A profile that names something in the working directory means that, and not where a symlink in there leads. The command line means what it says. */
static bool is_confined(const struct plan *plan, const struct text_value *text, const struct origin *at, const char *source)
{
	bool means_cwd = !strncmp(text->v, "$PWD/", 5) || !strncmp(text->v, "${PWD}/", 7) || !strchr("/~$", text->v[0]);

	return means_cwd && !plan_is_command_line(at) && plan->host->cwd && plan->host->cwd[1] && strcmp(source, plan->host->cwd) != 0 &&
	       path_is_beneath(source, plan->host->cwd);
}

static int add_bind(struct plan *plan, const struct profile_mount *mount, const char *target, struct error *err)
{
	bool layered = mount->mode.v == MODE_DISCARD || mount->mode.v == MODE_KEEP;
	struct tree_entry *entry;
	const char *source = target;
	int r = mount->from.v ? plan_expand(plan, &mount->from, "filesystem.mounts", &source, err) : 0;

	if (r == -ENOENT && mount->optional.v)
		return 0;
	if (r < 0)
		return r;
	entry = plan_add_entry(plan, layered ? TREE_LAYERED : TREE_BIND, target);
	entry->source = source;
	if (is_confined(plan, mount->from.v ? &mount->from : &mount->path, &mount->at, source))
		entry->beneath = plan->host->cwd;
	entry->writable = mount->mode.v == MODE_RW;
	if (mount->mode.v == MODE_KEEP || (layered && plan->instance_dir)) {
		if (!plan->instance_dir) {
			error_set(err, EINVAL, "cannot keep what is written to '%s'", target);
			error_cause(err, "this sandbox has no name");
			error_hint(err, "add  --name NAME ; the next run with this name sees the files again");
			return error_at(err, &mount->at, "filesystem.mounts");
		}
		entry->keep = keep_folder(plan, keep_name(plan, target));
	}
	return 0;
}

static int add_mount(struct plan *plan, const struct profile_mount *mount, struct error *err)
{
	const char *target;
	size_t before = plan->tree.entry_count;
	int r = plan_expand(plan, &mount->path, "filesystem.mounts", &target, err);

	if (r == -ENOENT && mount->optional.v)
		return 0;
	if (r < 0)
		return r;
	if (is_too_much(plan, mount, target)) {
		plan_note(plan, true, "'%s' is not made writable: it is the home or holds it; work in a directory below, or name it with -v", target);
		return 0;
	}
	if (!target[1]) {
		if (!strcmp(mount->path.v, "~"))
			return 0; /* a user without a home: there is none to hide */
		error_set(err, EINVAL, "cannot mount at '/'");
		error_hint(err, "choose the root by  filesystem.root");
		return error_at(err, &mount->at, "filesystem.mounts");
	}
	if (mount->tmpfs.v >= 0) {
		struct tree_entry *entry = plan_add_entry(plan, TREE_TMPFS, target);
		entry->size = (uint64_t)mount->tmpfs.v;
		entry->mode = tmpfs_mode(mount, target);
	} else if (mount->content.v) {
		struct tree_entry *entry = plan_add_entry(plan, TREE_FILE, target);
		entry->content = mount->content.v;
		entry->mode = mount->file_mode.v >= 0 ? (mode_t)mount->file_mode.v : 0444;
		plan->tree.has_covers = true; /* the file lies among the empty things */
	} else {
		r = add_bind(plan, mount, target, err);
	}
	for (size_t i = before; i < plan->tree.entry_count; i++) {
		plan->tree.entries[i].optional = mount->optional.v;
		plan->tree.entries[i].noexec = !mount->exec.v;
		plan->tree.entries[i].at = mount->at;
	}
	return r;
}

/* --- hide and protect ---------------------------------------------------------------------------------------------------------- */

static int add_covers(struct plan *plan, const struct text_list *list, enum tree_kind kind, struct error *err)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct text_value *item = &list->items[i];
		const char *key = kind == TREE_HIDE ? "filesystem.hide" : "filesystem.protect";
		const char *target;
		size_t len = strlen(item->v);
		int r = plan_expand(plan, item, key, &target, err);

		/* A variable that is not set names nothing that could be hidden ($XDG_RUNTIME_DIR/bus without a session); an unnameable
		 * working directory is an error, since it may well hold what is to be hidden. */
		if (r == -ENOENT && strncmp(item->v, "$PWD", 4))
			continue;
		if (r < 0)
			return r;
		struct tree_entry *entry = plan_add_entry(plan, kind, target);
		entry->wants_directory = len > 1 && item->v[len - 1] == '/';
		entry->at = item->at;
		plan->tree.has_covers = true;
	}
	return 0;
}

/* The mount of the first `count` entries that `target` lies in, or NULL: the later one covers the earlier. */
static const struct tree_entry *find_holder(const struct plan *plan, const char *target, size_t count)
{
	const struct tree_entry *holder = NULL;

	for (size_t i = 0; i < count; i++) {
		const struct tree_entry *entry = &plan->tree.entries[i];

		if (entry->kind < TREE_HIDE && path_is_beneath(target, entry->target))
			holder = entry;
	}
	return holder;
}

/* Hide a folder of carrel's own wherever a writable directory of the host brings it along. Who stands in it does not write there. */
static void hide_own_folder(struct plan *plan, const char *folder, bool must_not_be_made)
{
	char real[PATH_MAX], source[PATH_MAX];
	size_t count = plan->tree.entry_count;

	if (!realpath(folder, real)) {
		if (!must_not_be_made)
			return;
		(void)snprintf(real, sizeof(real), "%s", folder);
	}
	for (size_t i = 0; i < count; i++) {
		struct tree_entry *bind = &plan->tree.entries[i];

		if (bind->kind != TREE_BIND || !bind->writable || !realpath(bind->source, source))
			continue;
		if (path_is_beneath(source, real) && !plan_is_command_line(&bind->at)) {
			bind->writable = false;
			plan_note(plan, true, "'%s' is not made writable: carrel's own files are in it, which later starts trust", bind->target);
			continue;
		}
		if (!path_is_beneath(real, source))
			continue;
		const char *target = path_join(plan->arena, bind->target, arena_printf(plan->arena, "./%s", real + (source[1] ? strlen(source) : 0)));
		if (find_holder(plan, target, count) != bind)
			continue;
		struct origin at = bind->at;
		struct tree_entry *entry = plan_add_entry(plan, TREE_HIDE, target);
		entry->at = at;
		entry->wants_directory = true;
		plan->tree.has_covers = true;
	}
}

/* What later starts trust must not be written from inside: compiled filters, profiles, kept layers. */
static void hide_own_folders(struct plan *plan)
{
	const struct host *host = plan->host;
	const char *config = host_env(host, "XDG_CONFIG_HOME");

	if (host->runtime_dir)
		hide_own_folder(plan, host->runtime_dir, false);
	hide_own_folder(plan, host->store_dir, false);
	if (!config || config[0] != '/')
		config = path_join(plan->arena, host->account.home, ".config");
	hide_own_folder(plan, path_join(plan->arena, config, "carrel"), true); /* profiles decide */
}

/* Is the entry's target, as the host has it, missing in a directory of the host that the sandbox may write to? */
static bool may_need_placeholder(const struct plan *plan, const struct tree_entry *entry)
{
	const struct tree_entry *holder = find_holder(plan, entry->target, (size_t)(entry - plan->tree.entries));
	struct stat st;

	if (!holder || holder->kind != TREE_BIND || !holder->writable)
		return false;
	return stat(arena_printf(plan->arena, "%s%s", holder->source, entry->target + strlen(holder->target)), &st) < 0 || placeholder_is_lent(&st);
}

static bool needs_guard(const struct plan *plan)
{
	for (size_t i = 0; i < plan->tree.entry_count; i++) {
		const struct tree_entry *entry = &plan->tree.entries[i];

		if (!entry->made_up && may_need_placeholder(plan, entry))
			return true;
	}
	return false;
}

/* --- the root ------------------------------------------------------------------------------------------------------------------ */

/* Does the host's root directory lack the first component of a mount's target? Then it needs room. */
static bool lacks_top_level(const struct plan *plan)
{
	for (size_t i = 0; i < plan->tree.entry_count; i++) {
		const struct tree_entry *entry = &plan->tree.entries[i];
		struct stat st;

		if (entry->kind >= TREE_HIDE)
			continue;
		const char *top = arena_strndup(plan->arena, entry->target, 1 + strcspn(entry->target + 1, "/"));
		if (lstat(top, &st) < 0 && errno == ENOENT)
			return true;
	}
	return false;
}

bool plan_uses_layers(const struct plan *plan)
{
	for (size_t i = 0; i < plan->tree.entry_count; i++) {
		if (plan->tree.entries[i].kind == TREE_LAYERED)
			return true;
	}
	return plan->tree.root == TREE_ROOT_LAYERED;
}

static int add_lower(struct plan *plan, const struct profile *profile, struct error *err)
{
	struct tree_plan *tree = &plan->tree;

	for (size_t i = 0; i < profile->filesystem.lower.count; i++) {
		const char *layer;
		int r = plan_expand(plan, &profile->filesystem.lower.items[i], "filesystem.lower", &layer, err);

		if (r < 0)
			return r;
		tree->lower = arena_grow(plan->arena, tree->lower, tree->lower_count, sizeof(char *));
		tree->lower[tree->lower_count++] = layer;
	}
	return 0;
}

static int choose_root(struct plan *plan, const struct profile *profile, struct error *err)
{
	struct tree_plan *tree = &plan->tree;
	bool denied = profile->filesystem.writes.v == WRITES_DENY, layered = !denied || profile->filesystem.lower.count || plan->image;
	int r = add_lower(plan, profile, err);

	if (r < 0)
		return r;
	switch (profile->filesystem.root.v) {
	case ROOT_NONE:
		tree->root = TREE_ROOT_EMPTY;
		return 0;
	case ROOT_HOST:
		tree->root = layered ? TREE_ROOT_LAYERED : lacks_top_level(plan) ? TREE_ROOT_MIRROR : TREE_ROOT_HOST;
		tree->root_source = "/";
		break;
	case ROOT_IMAGE:
		plan_image_root(plan, plan->image);
		break;
	default:
		tree->root = layered ? TREE_ROOT_LAYERED : TREE_ROOT_BIND;
		r = plan_expand(plan, &profile->filesystem.root_argument, "filesystem.root", &tree->root_source, err);
		if (r < 0)
			return r;
	}
	tree->root_read_only = denied && tree->root == TREE_ROOT_LAYERED;
	if (profile->filesystem.writes.v == WRITES_KEEP && !plan->instance_dir) {
		error_set(err, EINVAL, "cannot keep what is written to the root");
		error_cause(err, "this sandbox has no name");
		error_hint(err, "add  --name NAME ; the next run with this name sees the files again");
		return error_at(err, &profile->filesystem.writes.at, "filesystem.writes");
	}
	if (layered && plan->instance_dir)
		tree->root_keep = keep_folder(plan, "root");
	return 0;
}

/* The kernel's overlayfs takes the host's tree only directory by directory (root.c), and what is made in "/" itself would lie in none of these layers. */
static bool keeps_host_root(const struct plan *plan)
{
	return plan->tree.root == TREE_ROOT_LAYERED && plan->tree.root_keep && !strcmp(plan->tree.root_source, "/");
}

static int refuse_to_keep(const struct profile *profile, struct error *err)
{
	error_set(err, EOPNOTSUPP, "cannot keep what is written to the host's root with the kernel's overlayfs");
	error_cause(err, "it takes no layer with other mounts below it");
	error_hint(err, "use --overlay fuse");
	return error_at(err, &profile->filesystem.overlay.at, "filesystem.overlay");
}

static int refuse_kernel_overlay(const struct plan *plan, const struct profile *profile, struct error *err)
{
	error_set(err, EOPNOTSUPP, "cannot use the kernel's overlayfs");
	error_cause(err, "a trial shows that this kernel takes no writable layer of a user's on a tmpfs, nor in '%s'", plan->host->store_dir);
	error_hint(err, "use --overlay fuse ;  carrel doctor  says more");
	return error_at(err, &profile->filesystem.overlay.at, "filesystem.overlay");
}

/* Layers that were unpacked for a single id all belong to the user; only fuse-overlayfs reads whose they are. And only that shows the files of a
 * squashfs, or of layers that were unpacked for a range, as the single id's own: the kernel's overlay copies no file up whose owner has no number inside. */
static bool wants_recorded_owners(struct plan *plan)
{
	const struct run_image *image = plan->image;
	bool is_single = plan->ids.rung == IDMAP_SINGLE;
	bool differs = image && image->single_count && !is_single;
	bool others = image && is_single && (image->is_sqfs || (image->single_count < image->image.layer_count && !plan->tree.root_read_only));
	cleanup_free char *program = differs || others ? proc_find_program("fuse-overlayfs", PROC_SYSTEM_PATH) : NULL;

	if (differs && program)
		plan_note(plan, false, "the image was unpacked for a single id: fuse-overlayfs shows the owners that it records");
	else if (differs)
		plan_note(plan, true, "the image was unpacked for a single id: without fuse-overlayfs all of its files belong to root");
	else if (others && !program)
		plan_note(plan, true, "without fuse-overlayfs, files of others than root cannot be changed: there is only one id inside");
	else if (others && !image->is_sqfs)
		plan_note(plan, false, "the image was unpacked for a range of ids: fuse-overlayfs shows all of its files as the one id's");
	return program;
}

/* Which back end, and where what is discarded lies meanwhile. */
static int choose_layers(struct plan *plan, const struct profile *profile, struct error *err)
{
	static const enum overlay_backend_kind kinds[] = {
	    [OVERLAY_AUTO] = OVERLAY_BACKEND_AUTO, [OVERLAY_KERNEL] = OVERLAY_BACKEND_KERNEL, [OVERLAY_FUSE] = OVERLAY_BACKEND_FUSE};
	struct tree_plan *tree = &plan->tree;
	const struct host *host = plan->host;
	bool wants_fuse = profile->filesystem.overlay.v == OVERLAY_FUSE;
	bool wants_disk = profile->filesystem.discard.v == DISCARD_DISK;

	tree->overlay = kinds[profile->filesystem.overlay.v];
	if (!plan_uses_layers(plan))
		return 0;
	if (tree->overlay == OVERLAY_BACKEND_AUTO && wants_recorded_owners(plan)) {
		tree->overlay = OVERLAY_BACKEND_FUSE;
		wants_fuse = true;
	}
	if (keeps_host_root(plan)) {
		if (tree->overlay == OVERLAY_BACKEND_KERNEL)
			return refuse_to_keep(profile, err);
		tree->overlay = OVERLAY_BACKEND_FUSE;
		wants_fuse = true;
	}
	if (wants_disk && wants_fuse) {
		tree->scratch = TREE_SCRATCH_DISK;
		return 0;
	}
	if (!wants_disk && (wants_fuse || overlay_probe_kernel(NULL, host->runtime_dir))) {
		if (tree->overlay == OVERLAY_BACKEND_AUTO && plan->instance_dir && !overlay_probe_kernel(host->store_dir, host->runtime_dir))
			tree->overlay = OVERLAY_BACKEND_FUSE;
		return 0;
	}
	/* tmpfs has the extended attributes that the kernel's overlayfs needs from 6.6 on; before, a disk must do. */
	if (profile->filesystem.discard.v != DISCARD_MEMORY && path_make_dirs(host->store_dir, 0700) == 0 && overlay_probe_kernel(host->store_dir, host->runtime_dir)) {
		tree->scratch = TREE_SCRATCH_DISK;
		plan_note(plan, false, "what is discarded lies on disk below %s until the end%s", host->store_dir, wants_disk ? "" : ": tmpfs cannot hold it on this kernel");
		return 0;
	}
	if (tree->overlay == OVERLAY_BACKEND_KERNEL)
		return refuse_kernel_overlay(plan, profile, err);
	tree->overlay = OVERLAY_BACKEND_FUSE;
	tree->scratch = wants_disk ? TREE_SCRATCH_DISK : TREE_SCRATCH_MEMORY;
	return 0;
}

/* Is there a tmpfs of its own at the place of shared memory? Else it lies in /dev's, which nobody measures. */
static bool has_shared_memory(const struct plan *plan)
{
	const struct tree_entry *holder = find_holder(plan, "/dev/shm", plan->tree.entry_count);

	return !holder || holder->kind != TREE_DEV;
}

static bool is_scratch(const struct tree_entry *entry)
{
	return entry->kind == TREE_TMPFS && !entry->made_up;
}

/* resources.scratch holds for discarded layers and temporary files together. In memory they share one tmpfs of that size. With the layers on disk that cannot
 * be: there no tmpfs is larger, and who watches adds up. */
static void limit_scratch(struct plan *plan, const struct profile *profile)
{
	struct tree_plan *tree = &plan->tree;
	bool is_shared = tree->scratch == TREE_SCRATCH_MEMORY;

	if (profile->resources.scratch.v <= 0)
		return;
	tree->scratch_size = (uint64_t)profile->resources.scratch.v;
	if (!has_shared_memory(plan)) {
		struct tree_entry *entry = plan_add_entry(plan, TREE_TMPFS, "/dev/shm");

		entry->mode = 01777;
		entry->noexec = true;
		entry->at = profile->resources.scratch.at;
	}
	for (size_t i = 0; i < tree->entry_count; i++) {
		struct tree_entry *entry = &tree->entries[i];

		if (!is_scratch(entry))
			continue;
		entry->in_scratch = is_shared;
		if (is_shared || !entry->size || entry->size > tree->scratch_size)
			entry->size = tree->scratch_size;
	}
}

static int choose_storage(struct plan *plan, const struct profile *profile, struct error *err)
{
	int r = choose_layers(plan, profile, err);

	if (r == 0)
		limit_scratch(plan, profile);
	return r;
}

static bool valid_name(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	return name[0] && name[0] != '.' && name[0] != '-' && strlen(name) < 128 && strspn(name, letters) == strlen(name);
}

static int choose_instance(struct plan *plan, const struct request *request, struct error *err)
{
	if (request->rm || !(request->name || request->keep))
		return 0;
	if (!request->name) {
		error_set(err, EINVAL, "cannot keep the sandbox");
		error_cause(err, "it has no name to find it by");
		return error_hint(err, "add  --name NAME");
	}
	if (!valid_name(request->name)) {
		error_set(err, EINVAL, "cannot name a sandbox '%s'", request->name);
		return error_cause(err, "names have letters, digits, '_', '.' and '-', at most 127, and begin with a letter or digit");
	}
	plan->instance_dir = arena_printf(plan->arena, "%s/instances/%s", plan->host->store_dir, request->name);
	return 0;
}

/* The kernel gives a sandbox inside of this one a fresh /proc only where an uncovered one is mounted already (mount_too_revealing in fs/namespace.c). Ours
 * has masks; so another stands below it, where no path leads. */
static void add_nested_proc(struct plan *plan)
{
	struct tree_entry *below = plan_add_entry(plan, TREE_TMPFS, "/proc");

	below->size = 64 << 10;
	below->mode = 0555;
	below->made_up = true;
	plan_add_entry(plan, TREE_PROC, "/proc/nested");
}

int plan_files(struct plan *plan, const struct plan_input *in, struct error *err)
{
	const struct profile *profile = in->profile;
	int r = choose_instance(plan, in->request, err);

	if (plan->image)
		plan_image_volumes(plan, plan->image, profile->filesystem.writes.v == WRITES_DENY);
	if (profile->process.new_namespaces.v)
		add_nested_proc(plan);
	plan_add_entry(plan, TREE_PROC, "/proc");
	plan_add_entry(plan, TREE_SYS, "/sys");
	plan_add_entry(plan, TREE_DEV, "/dev");
	for (size_t i = 0; i < profile->filesystem.mount_count && r == 0; i++)
		r = add_mount(plan, &profile->filesystem.mounts[i], err);
	if (r == 0)
		r = choose_root(plan, profile, err);
	if (r < 0)
		return r;
	add_masks(plan);
	r = add_covers(plan, &profile->filesystem.hide, TREE_HIDE, err);
	if (r == 0)
		r = add_covers(plan, &profile->filesystem.protect, TREE_PROTECT, err);
	if (r == 0)
		hide_own_folders(plan);
	if (r == 0)
		r = choose_storage(plan, profile, err);
	if (r == 0)
		plan->needs_guard = needs_guard(plan);
	return r;
}
