#include "isolate/seccomp_explain.h"

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>

#include "isolate/seccomp_args.h"
#include "isolate/seccomp_groups.h"

static const struct seccomp_action refused = {.verdict = SECCOMP_VERDICT_ERRNO, .errnum = EPERM};
static const struct seccomp_action unknown = {.verdict = SECCOMP_VERDICT_ERRNO, .errnum = ENOSYS};

/* The strictest first, as the compiler has it. */
static const enum seccomp_verdict order[] = {SECCOMP_VERDICT_KILL, SECCOMP_VERDICT_ERRNO, SECCOMP_VERDICT_LOG, SECCOMP_VERDICT_ALLOW};

struct explainer {
	const struct seccomp_spec *spec;
	const struct seccomp_groups *groups;
};

struct search {
	int number;
	bool found;
};

static void compare(const char *call, void *context)
{
	struct search *search = context;

	search->found |= seccomp_syscall_resolve_name(call) == search->number;
}

/* Is the call, which libseccomp knows, one that this entry stands for? */
static bool stands_for(const struct explainer *e, const char *name, int number)
{
	struct search search = {.number = number};
	const struct seccomp_group *group;

	if (!strcmp(name, SECCOMP_GROUP_KNOWN))
		return true;
	if (name[0] != '@')
		return seccomp_syscall_resolve_name(name) == number;
	group = seccomp_groups_find(e->groups, name);
	if (group)
		seccomp_group_visit(e->groups, group, compare, &search);
	return search.found;
}

static const struct seccomp_name *find_name(const struct explainer *e, const struct seccomp_name *names, size_t count, int number)
{
	for (size_t i = 0; i < count; i++) {
		if (stands_for(e, names[i].name, number))
			return &names[i];
	}
	return NULL;
}

static uint64_t mask_of(const struct seccomp_rule *rule, const char *call)
{
	return rule->arg < 0 ? 0 : rule->mask & seccomp_arg_width(call, (unsigned)rule->arg);
}

static bool matches(const struct seccomp_rule *rule, const char *call, const uint64_t args[6])
{
	uint64_t mask = mask_of(rule, call);

	return !mask || (args[rule->arg] & mask) == (rule->value & mask);
}

static const struct seccomp_rule *find_rule(const struct explainer *e, int number, const char *call, const uint64_t args[6])
{
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		for (size_t k = 0; k < e->spec->rule_count; k++) {
			const struct seccomp_rule *rule = &e->spec->rules[k];

			if (rule->action.verdict == order[i] && stands_for(e, rule->call, number) && matches(rule, call, args))
				return rule;
		}
	}
	return NULL;
}

static bool has_rule(const struct explainer *e, int number)
{
	for (size_t k = 0; k < e->spec->rule_count; k++) {
		if (stands_for(e, e->spec->rules[k].call, number))
			return true;
	}
	return false;
}

/* The rule for whose sake clone's flags are looked at, which clone3 follows; NULL: nobody looks. */
static const struct seccomp_rule *rule_on_flags(const struct explainer *e)
{
	int clone = seccomp_syscall_resolve_name("clone");

	if (find_name(e, e->spec->deny, e->spec->deny_count, clone))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		for (size_t k = 0; k < e->spec->rule_count; k++) {
			const struct seccomp_rule *rule = &e->spec->rules[k];

			if (rule->action.verdict == order[i] && stands_for(e, rule->call, clone))
				return mask_of(rule, "clone") ? rule : NULL; /* the first decides: behind one for all arguments nothing is looked at */
		}
	}
	return NULL;
}

static bool lets_pass(const struct seccomp_action *action)
{
	return action->verdict == SECCOMP_VERDICT_ALLOW || action->verdict == SECCOMP_VERDICT_LOG;
}

static void decide(const struct explainer *e, int number, const uint64_t args[6], struct seccomp_reason *ret)
{
	const struct seccomp_spec *spec = e->spec;
	const struct seccomp_name *deny = find_name(e, spec->deny, spec->deny_count, number);
	const struct seccomp_name *allow = find_name(e, spec->allow, spec->allow_count, number);
	const struct seccomp_rule *rule = find_rule(e, number, ret->call, args);

	ret->action = spec->fallback;
	ret->at = spec->fallback_at;
	if (deny) {
		ret->action = refused;
		ret->entry = deny->name;
		ret->at = deny->at;
	} else if (rule) {
		ret->action = rule->action;
		ret->entry = rule->call;
		ret->at = rule->at;
	} else if (allow) {
		ret->action = (struct seccomp_action){.verdict = SECCOMP_VERDICT_ALLOW};
		ret->entry = allow->name;
		ret->at = allow->at;
	}
	rule = !strcmp(ret->call, "clone3") && lets_pass(&ret->action) && !has_rule(e, number) ? rule_on_flags(e) : NULL;
	if (rule) {
		ret->action = unknown;
		ret->entry = rule->call;
		ret->at = rule->at;
	}
}

int seccomp_explain(const struct seccomp_spec *spec, int number, const uint64_t args[6], struct seccomp_reason *ret)
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
	struct seccomp_groups groups = {0};
	int r;

	*ret = (struct seccomp_reason){.action = unknown};
	if (!name) {
		(void)snprintf(ret->call, sizeof(ret->call), "call %d", number);
		return 0;
	}
	(void)snprintf(ret->call, sizeof(ret->call), "%s", name);
	free(name);
	r = spec->groups_file ? seccomp_groups_load(spec->groups_file, &groups, NULL) : 0;
	if (r < 0)
		return r;
	decide(&(struct explainer){.spec = spec, .groups = &groups}, number, args, ret);
	seccomp_groups_done(&groups);
	return 0;
}

void seccomp_explain_kills(const struct seccomp_spec *spec, char *buffer, size_t size)
{
	static const char more[] = ", …";
	size_t used = 0, room = size > sizeof(more) ? size - sizeof(more) : 0;

	buffer[0] = 0;
	for (size_t i = 0; i <= spec->rule_count; i++) {
		bool is_fallback = i == spec->rule_count;
		const struct seccomp_action *action = is_fallback ? &spec->fallback : &spec->rules[i].action;
		const struct origin *at = is_fallback ? &spec->fallback_at : &spec->rules[i].at;

		if (action->verdict != SECCOMP_VERDICT_KILL)
			continue;
		cleanup_free char *where = !at->file ? mem_strdup("") : at->line ? mem_printf(" (%s:%u)", at->file, at->line) : mem_printf(" (%s)", at->file);
		int n = snprintf(buffer + used, room - used, "%s%s%s", used ? ", " : "", is_fallback ? "what no list names" : spec->rules[i].call, where);
		if (n < 0 || (size_t)n >= room - used) {
			(void)snprintf(buffer + used, size - used, "%s", used ? more : more + 2);
			return;
		}
		used += (size_t)n;
	}
}
