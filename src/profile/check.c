/* Checks that need more than one value, or the lists of names of other parts. */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>

#include "isolate/caps.h"
#include "isolate/seccomp.h"
#include "profile/profile.h"
#include "profile/suggest.h"

enum { CALL_NUMBER_MAX = 600 };

static int fail(struct error *err, const struct origin *at, const char *key, const char *what, const char *cause, const char *hint)
{
	error_set(err, EINVAL, "cannot use '%s%s%.200s'", key, what ? ": " : "", what ? what : "");
	error_cause(err, "%s", cause);
	error_hint(err, "%s", hint);
	error_at(err, at, key);
	return -EINVAL;
}

static int check_mount(const struct profile_mount *mount, struct error *err)
{
	static const char key[] = "filesystem.mounts";
	const char *path = mount->path.v;
	bool is_tmpfs = mount->tmpfs.v >= 0, is_file = mount->content.v, is_bind = !is_tmpfs && !is_file;

	if (is_tmpfs + is_file + (mount->from.v != NULL) > 1)
		return fail(err, &mount->at, key, path, "more than one of from, tmpfs and content is given", "an entry is a bind of the host's (from), a tmpfs or a file (content)");
	if (!is_bind && mount->mode.at.file)
		return fail(err, &mount->mode.at, key, path, "mode is for binds of the host's files", is_tmpfs ? "a tmpfs is writable; permission bits are file_mode" : "permission bits are file_mode");
	if (is_bind && mount->file_mode.v >= 0)
		return fail(err, &mount->file_mode.at, key, path, "file_mode is for a tmpfs or a file with content, and this is a bind of the host's files", "");
	if (!is_bind && mount->optional.v && !strchr(path, '$'))
		return fail(err, &mount->optional.at, key, path, "it has no source that could be missing, so that optional has no meaning", "");
	if (strcmp(path, "/") == 0)
		return fail(err, &mount->path.at, key, path, "the root itself is not a mount of the list", "it is chosen by filesystem.root");
	return 0;
}

/* libseccomp numbers the calls of this machine densely from 0; a name that is near is worth the few hundred questions. */
static int fail_call(const struct text_value *call, const char *key, struct error *err)
{
	struct suggestion suggestion = {.wanted = call->v};
	char *names[CALL_NUMBER_MAX] = {0};

	for (int number = 0; number < CALL_NUMBER_MAX; number++) {
		names[number] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
		if (names[number])
			suggest_offer(&suggestion, names[number]);
	}
	(void)fail(err, &call->at, key, call->v, "no system call has this name", ""); /* the code is the same below */
	if (suggestion.best)
		error_hint(err, "did you mean '%s'?", suggestion.best);
	for (int number = 0; number < CALL_NUMBER_MAX; number++)
		free(names[number]);
	return -EINVAL;
}

/* Groups, and the calls that only the groups file knows, are looked at when the filter is compiled: that reads the file, this must not. */
static int check_calls(const struct text_list *list, const char *key, struct error *err)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].v[0] != '@' && !seccomp_knows_call(list->items[i].v, NULL))
			return fail_call(&list->items[i], key, err);
	return 0;
}

static int check_action(const struct text_value *action, const char *key, struct error *err)
{
	struct seccomp_action parsed;

	if (seccomp_parse_action(action->v, &parsed) == 0)
		return 0;
	return fail(err, &action->at, key, action->v, "it is not an action: no error of the kernel has this name", "write allow, log, kill or an errno such as EPERM or ENOSYS");
}

/* An empty root, or one that is read-only as a whole, is said by other keys. */
static int check_paths(const struct text_list *list, const char *key, struct error *err)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i].v, "/") == 0)
			return fail(err, &list->items[i].at, key, "/", "this is the root itself", "see filesystem.root and filesystem.writes");
	return 0;
}

static int check_rule(const struct profile_rule *rule, struct error *err)
{
	static const char key[] = "syscalls.rules";
	int r = check_action(&rule->action, key, err);

	if (r == 0 && rule->call.v[0] != '@' && !seccomp_knows_call(rule->call.v, NULL))
		r = fail_call(&rule->call, key, err);
	if (r < 0)
		return r;
	bool has_arg = rule->arg.at.file, has_equals = rule->equals.at.file;

	if (has_arg != has_equals)
		return fail(err, &rule->at, key, rule->call.v, "arg and equals belong together, and one of them is missing", "");
	if (!has_arg && rule->mask.at.file)
		return fail(err, &rule->mask.at, key, rule->call.v, "a mask without arg and equals has no meaning", "");
	if ((uint64_t)rule->equals.v & ~(uint64_t)rule->mask.v && has_equals)
		return fail(err, &rule->equals.at, key, rule->call.v, "equals has bits that the mask takes away, so that it never holds", "");
	return 0;
}

static int check_syscalls(const struct profile *profile, struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < profile->syscalls.rule_count && r == 0; i++)
		r = check_rule(&profile->syscalls.rules[i], err);
	if (r < 0)
		return r;
	r = check_action(&profile->syscalls.fallback, "syscalls.default", err);
	if (r == 0)
		r = check_calls(&profile->syscalls.allow, "syscalls.allow", err);
	if (r == 0)
		r = check_calls(&profile->syscalls.deny, "syscalls.deny", err);
	if (r < 0)
		return r;
	/* Such a profile would be secure and of no use: most likely it should have extended another. */
	const struct text_value *fallback = &profile->syscalls.fallback;
	if (!profile->syscalls.allow.count && strcmp(fallback->v, "allow") != 0 && strcmp(fallback->v, "log") != 0)
		return fail(err, &fallback->at, "syscalls.allow", NULL, "no system call is allowed, so that no program could start",
			    "write  extends: default  at the top, or  syscalls: {allow: [\"@docker-default\"]}");
	return 0;
}

static int check_capabilities(const struct profile *profile, struct error *err)
{
	const struct text_list *list = &profile->capabilities;

	for (size_t i = 0; i < list->count; i++) {
		const struct text_value *item = &list->items[i];
		struct suggestion suggestion = {.wanted = item->v};
		uint64_t mask;

		if (caps_parse(item->v, &mask) == 0)
			continue;
		for (unsigned number = 0; caps_name(number); number++) {
			suggest_offer(&suggestion, caps_name(number));
			suggest_offer(&suggestion, caps_name(number) + strlen("cap_"));
		}
		(void)fail(err, &item->at, "capabilities", item->v, "no capability has this name", "see capabilities(7)"); /* the code is the same below */
		if (suggestion.best)
			error_hint(err, "did you mean '%s'?", suggestion.best);
		return -EINVAL;
	}
	return 0;
}

static int check_network(const struct profile *profile, struct error *err)
{
	const struct text_list *publish = &profile->network.publish;

	if (publish->count && profile->network.mode.v != NETWORK_NAT)
		return fail(err, &publish->items[0].at, "network.publish", publish->items[0].v, "ports are published from a private network only", "write  network: {mode: nat, …}");
	return 0;
}

static int check_resources(const struct profile *profile, struct error *err)
{
	const struct number_value *high = &profile->resources.memory_high, *most = &profile->resources.memory;

	if (high->v >= 0 && most->v >= 0 && high->v > most->v)
		return fail(err, &high->at, "resources.memory_high", NULL, "it is above resources.memory, so that it never matters", "");
	return 0;
}

int profile_check(const struct profile *profile, struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < profile->filesystem.mount_count && r == 0; i++)
		r = check_mount(&profile->filesystem.mounts[i], err);
	if (r == 0)
		r = check_paths(&profile->filesystem.hide, "filesystem.hide", err);
	if (r == 0)
		r = check_paths(&profile->filesystem.protect, "filesystem.protect", err);
	if (r == 0)
		r = check_syscalls(profile, err);
	if (r == 0)
		r = check_capabilities(profile, err);
	if (r == 0)
		r = check_network(profile, err);
	if (r == 0)
		r = check_resources(profile, err);
	return r;
}
