/* What the payload may not do: system calls, capabilities, Landlock, resource limits. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "isolate/caps.h"
#include "run/plan.h"

/* --- system calls -------------------------------------------------------------------------------------------------------------- */

static struct seccomp_name *copy_names(struct plan *plan, const struct text_list *list)
{
	struct seccomp_name *names = arena_alloc(plan->arena, (list->count + 1) * sizeof(*names));

	for (size_t i = 0; i < list->count; i++)
		names[i] = (struct seccomp_name){.name = list->items[i].v, .at = list->items[i].at};
	return names;
}

static int bad_action(const struct text_value *text, const char *key, struct error *err)
{
	error_set(err, EINVAL, "cannot use '%s' as an action", text->v);
	error_cause(err, "an action is allow, log, kill or the name of an errno");
	return error_at(err, &text->at, key);
}

static const struct seccomp_action refused = {.verdict = SECCOMP_VERDICT_ERRNO, .errnum = EPERM};

/* New user namespaces give a process all capabilities in them, and with them the parts of the kernel where most of its holes were found. clone3
 * hides its flags in memory, where no filter can look: ENOSYS makes libc fall back to clone. */
static void refuse_new_namespaces(struct seccomp_rule *rules, size_t *count)
{
	static const struct seccomp_action unknown = {.verdict = SECCOMP_VERDICT_ERRNO, .errnum = ENOSYS};
	static const char *const by_flags[] = {"clone", "unshare"};

	for (size_t i = 0; i < ARRAY_SIZE(by_flags); i++)
		rules[(*count)++] = (struct seccomp_rule){.call = by_flags[i], .arg = 0, .mask = CLONE_NEWUSER, .value = CLONE_NEWUSER, .action = refused};
	rules[(*count)++] = (struct seccomp_rule){.call = "clone3", .arg = -1, .action = unknown};
	rules[(*count)++] = (struct seccomp_rule){.call = "setns", .arg = -1, .action = refused};
}

static bool refuses_keyrings(const struct profile *profile)
{
	if (profile->process.keyring.v && !strcmp(profile->process.keyring.v, "none"))
		return true;
	for (size_t i = 0; i < profile->syscalls.deny.count; i++) {
		if (!strcmp(profile->syscalls.deny.items[i].v, "@keyring"))
			return true;
	}
	return false;
}

static int plan_syscalls(struct plan *plan, const struct plan_input *in, struct error *err)
{
	const struct profile *profile = in->profile;
	const struct text_value *fallback = &profile->syscalls.fallback;
	struct seccomp_spec *spec = &plan->seccomp;
	struct seccomp_rule *rules = arena_alloc(plan->arena, (profile->syscalls.rule_count + 6) * sizeof(*rules));
	size_t count = 0;

	if (fallback->v && seccomp_parse_action(fallback->v, &spec->fallback) < 0)
		return bad_action(fallback, "syscalls.default", err);
	spec->fallback_at = fallback->at;
	for (size_t i = 0; i < profile->syscalls.rule_count; i++) {
		const struct profile_rule *rule = &profile->syscalls.rules[i];
		struct seccomp_rule *made = &rules[count++];

		*made = (struct seccomp_rule){.call = rule->call.v, .arg = (int)rule->arg.v, .mask = (uint64_t)rule->mask.v, .value = (uint64_t)rule->equals.v, .action = refused, .at = rule->at};
		if (rule->action.v && seccomp_parse_action(rule->action.v, &made->action) < 0)
			return bad_action(&rule->action, "syscalls.rules", err);
	}
	spec->allow = copy_names(plan, &profile->syscalls.allow);
	spec->allow_count = profile->syscalls.allow.count;
	spec->deny = copy_names(plan, &profile->syscalls.deny);
	spec->deny_count = profile->syscalls.deny.count;
	spec->enabled = spec->fallback.verdict != SECCOMP_VERDICT_ALLOW || spec->deny_count || count || !profile->process.new_namespaces.v;
	if (!profile->process.new_namespaces.v)
		refuse_new_namespaces(rules, &count);
	if (spec->enabled && (profile->process.keyring.v && !strcmp(profile->process.keyring.v, "none")))
		rules[count++] = (struct seccomp_rule){.call = "@keyring", .arg = -1, .action = refused};
	/* Where no cgroup keeps it to its processors, it must not choose others itself. */
	if (plan->limits.rungs[LIMIT_CPUSET] == LIMIT_RUNG_AFFINITY && spec->enabled)
		rules[count++] = (struct seccomp_rule){.call = "sched_setaffinity", .arg = -1, .action = refused, .at = profile->resources.cpuset.at};
	else if (plan->limits.rungs[LIMIT_CPUSET] == LIMIT_RUNG_AFFINITY)
		plan_note(plan, true, "resources.cpuset can be undone by the command: without a system call filter it may choose its processors itself");
	plan->process.no_keyring_calls = spec->enabled && refuses_keyrings(profile);
	spec->rules = rules;
	spec->rule_count = count;
	spec->groups_file = arena_printf(plan->arena, "%s/profiles/syscalls/groups.yaml", in->data_dir);
	spec->cache_dir = plan->host->runtime_dir;
	return 0;
}

/* --- capabilities -------------------------------------------------------------------------------------------------------------- */

/* A container's capabilities are root's: for a program of its root that steps down by itself. Who asks for another user gets him without them, as with
 * Docker, and with those only that the command line adds or that the profile names which names the user. */
static bool is_for_users(const struct text_value *capability, const struct text_value *user)
{
	bool is_self = !user->v || !strcmp(user->v, "self");

	if (plan_is_command_line(&capability->at) || (is_self && !plan_is_command_line(&user->at)))
		return true;
	return capability->at.file && user->at.file && !strcmp(capability->at.file, user->at.file);
}

static int plan_capabilities(struct plan *plan, const struct plan_input *in, struct error *err)
{
	const struct text_list *list = &in->profile->capabilities;

	for (size_t i = 0; i < list->count; i++) {
		uint64_t mask;

		if (caps_parse(list->items[i].v, &mask) < 0) {
			error_set(err, EINVAL, "cannot keep '%s'", list->items[i].v);
			error_cause(err, "no capability has this name");
			return error_at(err, &list->items[i].at, "capabilities");
		}
		plan->capabilities |= mask;
		if (is_for_users(&list->items[i], &in->profile->identity.user))
			plan->user_capabilities |= mask;
	}
	for (size_t i = 0; i < in->request->cap_drop_count; i++) {
		const struct request_text *drop = &in->request->cap_drops[i];
		uint64_t mask;

		if (caps_parse(drop->text, &mask) < 0) {
			error_set(err, EINVAL, "cannot drop '%s'", drop->text);
			error_cause(err, "no capability has this name");
			return error_at(err, &(struct origin){.file = drop->label}, NULL);
		}
		plan->capabilities &= ~mask;
		plan->user_capabilities &= ~mask;
	}
	return 0;
}

/* --- Landlock ------------------------------------------------------------------------------------------------------------------ */

static void add_rule(struct plan *plan, struct landlock_rule *rules, const char *path, enum landlock_access access)
{
	rules[plan->landlock.rule_count++] = (struct landlock_rule){.path = path, .access = access};
}

/* The second wall says the same as the mounts: what is writable there is here, the rest can be read. */
static void plan_landlock(struct plan *plan, const struct profile *profile)
{
	const struct tree_plan *tree = &plan->tree;
	struct landlock_rule *rules = arena_alloc(plan->arena, (tree->entry_count + 6) * sizeof(*rules));
	uint64_t sys_admin = 0;

	if (caps_parse("CAP_SYS_ADMIN", &sys_admin) < 0 || (plan->capabilities & sys_admin) || profile->process.new_namespaces.v) {
		if (plan->capabilities & sys_admin)
			plan_note(plan, true, "CAP_SYS_ADMIN lets the command undo its mounts: what is hidden or read-only is not safe from it");
		plan_note(plan, false, "Landlock is off: it would forbid the mounts that this profile allows the payload to make");
		return;
	}
	plan->landlock = (struct landlock_plan){.enabled = true, .rules = rules, .deny_tcp = false,
	    .scope_abstract_unix = true, .scope_signals = false};
	if (!plan->ns.network && landlock_abi() < LANDLOCK_ABI_SCOPES)
		plan_note(plan, false, "abstract sockets of the host (X11, D-Bus) are in reach: with its network only Landlock of Linux 6.12 could close them");
	add_rule(plan, rules, "/", tree->root == TREE_ROOT_LAYERED && !tree->root_read_only ? LANDLOCK_WRITE : LANDLOCK_READ);
	add_rule(plan, rules, "/dev", LANDLOCK_DEVICE);
	add_rule(plan, rules, "/dev/shm", LANDLOCK_WRITE);
	add_rule(plan, rules, "/dev/mqueue", LANDLOCK_WRITE);
	add_rule(plan, rules, "/proc", LANDLOCK_DEVICE);
	for (size_t i = 0; i < tree->entry_count; i++) {
		const struct tree_entry *entry = &tree->entries[i];

		if (entry->kind == TREE_TMPFS || entry->kind == TREE_LAYERED || entry->kind == TREE_VOLUME || (entry->kind == TREE_BIND && entry->writable))
			add_rule(plan, rules, entry->target, LANDLOCK_WRITE);
	}
}

int plan_walls(struct plan *plan, const struct plan_input *in, struct error *err)
{
	int r = plan_syscalls(plan, in, err);

	if (r == 0)
		r = plan_capabilities(plan, in, err);
	if (r == 0)
		plan_landlock(plan, in->profile);
	return r;
}
