#include <string.h>

#include "isolate/caps.h"
#include "run/plan_image.h"
#include "util/units.h"

static void origin(struct buf *out, const struct origin *at)
{
	if (at && at->file && at->line)
		buf_printf(out, "  # %s:%u", at->file, at->line);
	else if (at && at->file)
		buf_printf(out, "  # %s", at->file);
	buf_puts(out, "\n");
}

/* A YAML scalar: plain where nothing in it can be misread, else in double quotes. */
static void scalar(struct buf *out, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_/.-+=@%";

	if (*text && strspn(text, plain) == strlen(text) && *text != '-' && *text != '@' && *text != '%' && *text != '=') {
		buf_puts(out, text);
		return;
	}
	buf_puts(out, "\"");
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c == 0x7f)
			buf_printf(out, "\\x%02x", c);
		else if (c == 0xc2 && (unsigned char)text[1] >= 0x80 && (unsigned char)text[1] <= 0x9f) /* C1 controls, which some terminals obey */
			buf_printf(out, "\\x%02x", (unsigned char)*++text);
		else
			buf_printf(out, c == '"' || c == '\\' ? "\\%c" : "%c", c);
	}
	buf_puts(out, "\"");
}

static void field(struct buf *out, const char *key, const char *value, const struct origin *at)
{
	buf_printf(out, "%s: ", key);
	scalar(out, value);
	origin(out, at);
}

static const char *const kinds[TREE_KIND_MAX] = {
    [TREE_BIND] = "bind", [TREE_LAYERED] = "layered", [TREE_TMPFS] = "tmpfs", [TREE_FILE] = "file", [TREE_PROC] = "proc",
    [TREE_SYS] = "sysfs", [TREE_DEV] = "dev", [TREE_VOLUME] = "volume", [TREE_HIDE] = "hide", [TREE_PROTECT] = "protect"};
static const char *const roots[] = {
    [TREE_ROOT_HOST] = "host, in place, read-only", [TREE_ROOT_MIRROR] = "host, read-only, with room for mount points in /",
    [TREE_ROOT_BIND] = "directory, read-only", [TREE_ROOT_LAYERED] = "layered", [TREE_ROOT_EMPTY] = "empty"};
static const char *const backends[OVERLAY_BACKEND_MAX] = {
    [OVERLAY_BACKEND_AUTO] = "auto", [OVERLAY_BACKEND_KERNEL] = "kernel", [OVERLAY_BACKEND_FUSE] = "fuse"};

static void print_entry(const struct tree_entry *entry, struct buf *out)
{
	char size[UNITS_TEXT];

	buf_printf(out, "    - {%s: ", kinds[entry->kind]);
	scalar(out, entry->target);
	if (entry->source) {
		buf_puts(out, ", from: ");
		scalar(out, entry->source);
	}
	if (entry->kind == TREE_BIND)
		buf_printf(out, ", mode: %s", entry->writable ? "rw" : "ro");
	if (entry->kind == TREE_LAYERED)
		buf_printf(out, ", mode: %s", entry->keep ? "keep" : "discard");
	if (entry->kind == TREE_TMPFS)
		buf_printf(out, ", size: %s, file_mode: %04o", entry->size ? units_format_size(entry->size, size) : "default", (unsigned)entry->mode);
	if (entry->in_scratch)
		buf_puts(out, ", shared: true");
	buf_printf(out, "%s%s}", entry->noexec ? ", exec: false" : "", entry->optional ? ", optional: true" : "");
	if (entry->made_up)
		buf_puts(out, "  # built in\n");
	else
		origin(out, &entry->at);
}

static void print_files(const struct plan *plan, const struct profile *profile, struct buf *out)
{
	const struct tree_plan *tree = &plan->tree;

	buf_puts(out, "filesystem:\n");
	field(out, "  root", roots[tree->root], &tree->root_at);
	if (tree->root_source)
		field(out, "  root_source", tree->root_source, &tree->root_at);
	for (size_t i = 0; i < tree->lower_count; i++)
		field(out, "  lower", tree->lower[i], i < profile->filesystem.lower.count ? &profile->filesystem.lower.items[i].at : &tree->root_at);
	if (tree->root_read_only)
		buf_puts(out, "  read_only: true\n");
	if (plan_uses_layers(plan)) {
		field(out, "  overlay", backends[tree->overlay], &profile->filesystem.overlay.at);
		field(out, "  discarded_in", tree->scratch == TREE_SCRATCH_DISK ? "disk" : "memory", NULL);
	}
	if (plan->instance_dir)
		field(out, "  kept_in", plan->instance_dir, NULL);
	buf_puts(out, "  entries:\n");
	for (size_t i = 0; i < tree->entry_count; i++)
		print_entry(&tree->entries[i], out);
}

static void print_extents(const char *key, const struct idmap_extent *extents, size_t count, struct buf *out)
{
	buf_printf(out, "  %s:\n", key);
	for (size_t i = 0; i < count; i++)
		buf_printf(out, "    - {inside: %u, outside: %u, count: %u}\n", extents[i].inside, extents[i].outside, extents[i].count);
}

static void print_identity(const struct plan *plan, const struct profile *profile, struct buf *out)
{
	static const char *const rungs[] = {[IDMAP_AUTO] = "auto", [IDMAP_SUBIDS] = "subids", [IDMAP_SINGLE] = "single", [IDMAP_KEEP_ID] = "keep-id"};

	buf_puts(out, "identity:\n");
	field(out, "  user", plan->process.user_text ? plan->process.user_text : "self", &plan->process.user_at);
	field(out, "  map", rungs[plan->ids.rung], &profile->identity.map.at);
	print_extents("uids", plan->ids.uids, plan->ids.uid_count, out);
	print_extents("gids", plan->ids.gids, plan->ids.gid_count, out);
}

static const char *action_text(const struct seccomp_action *action)
{
	static const char *const words[] = {
	    [SECCOMP_VERDICT_ALLOW] = "allow", [SECCOMP_VERDICT_LOG] = "log", [SECCOMP_VERDICT_KILL] = "kill"};

	if (action->verdict != SECCOMP_VERDICT_ERRNO)
		return words[action->verdict];
	const char *name = strerrorname_np(action->errnum);
	return name ? name : "EPERM";
}

static void print_names(const char *key, const struct seccomp_name *names, size_t count, struct buf *out)
{
	buf_printf(out, "  %s:%s\n", key, count ? "" : " []");
	for (size_t i = 0; i < count; i++) {
		buf_puts(out, "    - ");
		scalar(out, names[i].name);
		origin(out, &names[i].at);
	}
}

static void print_capabilities(uint64_t capabilities, struct buf *out)
{
	for (unsigned i = 0, some = 0; i < 64; i++) {
		if (capabilities & (1ull << i) && caps_name(i))
			buf_printf(out, "%s%s", some++ ? ", " : "", caps_name(i));
	}
}

static void print_walls(const struct plan *plan, const struct profile *profile, struct buf *out)
{
	buf_puts(out, "syscalls:\n");
	if (!plan->seccomp.enabled)
		buf_puts(out, "  default: allow  # no filter\n");
	else
		field(out, "  default", action_text(&plan->seccomp.fallback), &profile->syscalls.fallback.at);
	print_names("allow", plan->seccomp.allow, plan->seccomp.allow_count, out);
	print_names("deny", plan->seccomp.deny, plan->seccomp.deny_count, out);
	buf_printf(out, "  rules:%s\n", plan->seccomp.rule_count ? "" : " []");
	for (size_t i = 0; i < plan->seccomp.rule_count; i++) {
		const struct seccomp_rule *rule = &plan->seccomp.rules[i];

		buf_printf(out, "    - {call: %s, ", rule->call);
		if (rule->arg >= 0)
			buf_printf(out, "arg: %d, mask: 0x%llx, equals: 0x%llx, ", rule->arg, (unsigned long long)rule->mask, (unsigned long long)rule->value);
		buf_printf(out, "action: %s}", action_text(&rule->action));
		origin(out, rule->at.file ? &rule->at : &(struct origin){.file = "built in"});
	}
	buf_puts(out, "capabilities: [");
	print_capabilities(plan->capabilities, out);
	buf_puts(out, "]");
	origin(out, &profile->capabilities.at);
	if (plan->user_capabilities != plan->capabilities) {
		buf_puts(out, "# of these, a user other than root has: [");
		print_capabilities(plan->user_capabilities, out);
		buf_puts(out, "]\n");
	}
	buf_printf(out, "landlock: %s  # ABI %d\n", plan->landlock.enabled && landlock_abi() ? "on" : "off", landlock_abi());
}

static void print_tree_limit(const struct limits_plan *limits, enum limit limit, struct buf *out)
{
	const struct limit_value *value = &limits->spec.values[limit];
	bool is_size = limit == LIMIT_MEMORY || limit == LIMIT_MEMORY_HIGH || limit == LIMIT_SWAP || limit == LIMIT_IO_READ || limit == LIMIT_IO_WRITE || limit == LIMIT_SCRATCH;
	char text[UNITS_TEXT];

	buf_printf(out, "  - {limit: %s, value: ", limit_key(limit));
	if (limit == LIMIT_CPUSET)
		scalar(out, limits->spec.cpuset);
	else if (limit == LIMIT_CPUS)
		buf_printf(out, "%g", (double)value->value / 1000);
	else if (is_size)
		buf_puts(out, units_format_size(value->value, text));
	else
		buf_printf(out, "%llu", (unsigned long long)value->value);
	buf_printf(out, ", rung: %s}", limit_rung_name(limits->rungs[limit]));
	origin(out, &value->at);
}

static void print_limits(const struct plan *plan, struct buf *out)
{
	static const char *const io_classes[] = {[IO_CLASS_BEST_EFFORT] = "best-effort", [IO_CLASS_IDLE] = "idle"};
	const struct plan_process *process = &plan->process;
	char text[UNITS_TEXT];

	buf_puts(out, "resources:\n");
	for (enum limit limit = 0; limit < LIMIT_MAX; limit++) {
		if (plan->limits.spec.values[limit].is_set)
			print_tree_limit(&plan->limits, limit, out);
	}
	for (size_t i = 0; i < plan->rlimit_count; i++) {
		const struct rlimit_entry *entry = &plan->rlimits[i];

		if (!strcmp(entry->key, limit_key(LIMIT_TASKS))) /* it stands above */
			continue;
		buf_printf(out, "  - {limit: %s, soft: %lld, hard: %lld, rung: rlimit}", entry->key, (long long)entry->soft, (long long)entry->hard);
		origin(out, &entry->at);
	}
	if (process->nice) {
		buf_printf(out, "  - {limit: resources.nice, value: %d}", process->nice);
		origin(out, &process->nice_at);
	}
	if (process->io_class) {
		buf_printf(out, "  - {limit: resources.io_class, value: %s}", io_classes[process->io_class]);
		origin(out, &process->io_class_at);
	}
	if (process->has_output_max) {
		buf_printf(out, "  - {limit: resources.output, value: %s}", units_format_size(process->output_max, text));
		origin(out, &process->output_at);
	}
	if (process->timeout_ms)
		field(out, "  - timeout", units_format_duration(process->timeout_ms, text), &process->timeout_at);
	if (process->grace_at.file)
		field(out, "  - grace", units_format_duration(process->grace_ms, text), &process->grace_at);
}

/* What the timeout sends. */
static void print_stop_signal(const struct plan_process *process, struct buf *out)
{
	const char *name = sigabbrev_np(process->stop_signal);

	if (name)
		buf_printf(out, "  stop_signal: SIG%s", name);
	else
		buf_printf(out, "  stop_signal: %d", process->stop_signal);
	origin(out, &process->stop_signal_at);
}

static void print_process(const struct plan *plan, const struct profile *profile, struct buf *out)
{
	const struct plan_process *process = &plan->process;

	buf_puts(out, "process:\n  command: [");
	for (size_t i = 0; process->argv[i]; i++) {
		buf_puts(out, i ? ", " : "");
		scalar(out, process->argv[i]);
	}
	buf_puts(out, "]\n");
	field(out, "  workdir", process->workdir, &profile->process.workdir.at);
	if (process->hostname)
		field(out, "  hostname", process->hostname, &profile->process.hostname.at);
	buf_printf(out, "  umask: %04o", (unsigned)process->umask);
	origin(out, &profile->process.umask.at);
	print_stop_signal(process, out);
	buf_printf(out, "  terminal: %s\n  environment:\n", process->pty ? "a pty of its own" : "none");
	for (size_t i = 0; process->environment[i]; i++) {
		buf_puts(out, "    - ");
		scalar(out, process->environment[i]);
		buf_puts(out, "\n");
	}
}

static void print_list(const char *key, const struct image_texts *texts, struct buf *out)
{
	buf_printf(out, "  %s: [", key);
	for (size_t i = 0; i < texts->count; i++) {
		buf_puts(out, i ? ", " : "");
		scalar(out, texts->items[i]);
	}
	buf_puts(out, "]\n");
}

static void print_image(const struct plan *plan, struct buf *out)
{
	const struct image *image = &plan->image->image;

	buf_puts(out, "image:\n");
	field(out, "  reference", plan->image->name, &plan->tree.root_at);
	if (digest_is_set(&image->manifest))
		buf_printf(out, "  manifest: %s\n", image->manifest.text);
	print_list("volumes", &image->volumes, out);
	print_list("ports", &image->ports, out); /* that it would listen on: nothing is published */
}

void plan_print(const struct plan *plan, const struct profile *profile, struct buf *out)
{
	buf_puts(out, "# the plan of this run; nothing was started\n");
	field(out, "profile", plan->profile->name, NULL);
	if (plan->image)
		print_image(plan, out);
	print_identity(plan, profile, out);
	print_files(plan, profile, out);
	field(out, "network", plan->ns.network ? "none" : "host", &profile->network.mode.at);
	print_walls(plan, profile, out);
	print_limits(plan, out);
	print_process(plan, profile, out);
	buf_printf(out, "notes:%s\n", plan->note_count ? "" : " []");
	for (size_t i = 0; i < plan->note_count; i++) {
		buf_puts(out, "  - ");
		scalar(out, plan->notes[i].text);
		buf_puts(out, "\n");
	}
}
