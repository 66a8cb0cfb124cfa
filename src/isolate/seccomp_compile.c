/* Theory of operation
 *
 * 1. Every call that libseccomp knows on this machine gets a line in a table of numbers; names and groups of the spec are marked in it.
 * 2. Each line is decided alone: deny, then the rules from the strictest to the mildest, then allow, then the fallback. The result is one action, or a chain of
 *    conditions (seccomp_args.h).
 * 3. The actions become a binary tree over the numbers (seccomp_tree.h), and the chains follow it (seccomp_args.h). A number outside the table gets ENOSYS:
 *    a call newer than libseccomp, whatever the fallback (CVE-2021-41133). A call that is always allowed is decided by its number alone, so that the kernel
 *    answers it from a bitmap without running the filter (since 5.11, seccomp_cache_prepare in kernel/seccomp.c).
 * 4. The other ABIs of the machine get ENOSYS as well: it is what a kernel built without them says. Killing would also be safe, but takes a program down
 *    that only asks, and a 32-bit program dies of ENOSYS by itself.
 */
#include "isolate/seccomp_compile.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>

#include "isolate/seccomp_args.h"
#include "isolate/seccomp_groups.h"
#include "isolate/seccomp_tree.h"

#define NO_SUCH_CALL (SECCOMP_RET_ERRNO | ENOSYS)

enum { CALL_MAX = 1024 }; /* above every number of x86-64 and of arm64; the x32 numbers are refused as an ABI */

struct call {
	const char *name; /* NULL: libseccomp does not know the number */
	bool allowed, denied;
	const struct seccomp_rule **rules;
	size_t rule_count;
	uint32_t result; /* SECCOMP_RET_…, when there is no chain */
	struct seccomp_chain chain;
};

struct compiler {
	const struct seccomp_spec *spec;
	struct error *err;
	struct arena arena;
	struct seccomp_groups groups;
	bool has_groups;
	struct call calls[CALL_MAX];
};

/* What to do with the calls that a name stands for. */
struct mark {
	struct compiler *compiler;
	bool allow, deny;
	const struct seccomp_rule *rule;
};

static void list_known_calls(struct compiler *compiler)
{
	for (int number = 0; number < CALL_MAX; number++) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

		if (name)
			compiler->calls[number].name = arena_strdup(&compiler->arena, name);
		free(name);
	}
}

static int load_groups(struct compiler *compiler)
{
	int r;

	if (compiler->has_groups)
		return 0;
	if (!compiler->spec->groups_file) {
		(void)error_set(compiler->err, ENOENT, "cannot read the system call groups");
		return error_cause(compiler->err, "no file of groups is given");
	}
	r = seccomp_groups_load(compiler->spec->groups_file, &compiler->groups, compiler->err);
	compiler->has_groups = r == 0;
	return r;
}

static void mark_number(const struct mark *mark, int number)
{
	struct call *call;

	/* Negative: libseccomp knows the name from another architecture. It cannot be called here. */
	if (number < 0 || number >= CALL_MAX)
		return;
	call = &mark->compiler->calls[number];
	call->allowed |= mark->allow;
	call->denied |= mark->deny;
	if (mark->rule) {
		call->rules = arena_grow(&mark->compiler->arena, call->rules, call->rule_count, sizeof(*call->rules));
		call->rules[call->rule_count++] = mark->rule;
	}
}

static void mark_call(const char *name, void *context)
{
	mark_number(context, seccomp_syscall_resolve_name(name));
}

static int fail_unknown(struct compiler *compiler, const char *name, const struct origin *at)
{
	bool is_group = name[0] == '@';

	(void)error_set(compiler->err, EINVAL, "unknown system call%s '%s'", is_group ? " group" : "", name);
	(void)error_cause(compiler->err, is_group ? "'%s' does not list it" : "neither libseccomp nor '%s' knows it", compiler->spec->groups_file);
	(void)error_hint(compiler->err, is_group ? "see the file for the groups there are; @known stands for every call" : "see syscalls(2) for the names");
	return error_at(compiler->err, at, NULL);
}

static bool is_newer_call(const struct compiler *compiler, const char *name)
{
	const struct seccomp_group *newer = seccomp_groups_find(&compiler->groups, SECCOMP_GROUP_NEWER);

	return newer && seccomp_group_has(&compiler->groups, newer, name);
}

static int mark_name(struct mark *mark, const char *name, const struct origin *at)
{
	struct compiler *compiler = mark->compiler;
	const struct seccomp_group *group;
	int r;

	if (strcmp(name, SECCOMP_GROUP_KNOWN) == 0) {
		for (int number = 0; number < CALL_MAX; number++)
			mark_number(mark, number);
		return 0;
	}
	if (name[0] != '@' && seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR) {
		mark_call(name, mark);
		return 0;
	}
	r = load_groups(compiler);
	if (r < 0)
		return r;
	if (name[0] != '@') /* a call that this libseccomp is too old for has ENOSYS, whichever list it is in */
		return is_newer_call(compiler, name) ? 0 : fail_unknown(compiler, name, at);
	group = seccomp_groups_find(&compiler->groups, name);
	if (!group)
		return fail_unknown(compiler, name, at);
	seccomp_group_visit(&compiler->groups, group, mark_call, mark);
	return 0;
}

static int check_rule(struct compiler *compiler, const struct seccomp_rule *rule)
{
	const char *cause = NULL;

	if (rule->arg < -1 || rule->arg > 5)
		cause = "a system call has the arguments 0 to 5 (-1: whatever they are)";
	else if (rule->arg >= 0 && (rule->value & ~rule->mask))
		cause = "the value has bits outside the mask, so it can never match";
	else if (rule->action.verdict == SECCOMP_VERDICT_ERRNO && (rule->action.errnum <= 0 || rule->action.errnum > 4095))
		cause = "not an errno";
	if (!cause)
		return 0;
	(void)error_set(compiler->err, EINVAL, "cannot use the rule for the system call '%s'", rule->call);
	(void)error_cause(compiler->err, "%s", cause);
	return error_at(compiler->err, &rule->at, "syscalls.rules");
}

static int mark_spec(struct compiler *compiler)
{
	const struct seccomp_spec *spec = compiler->spec;
	struct mark mark = {.compiler = compiler, .allow = true};
	int r = 0;

	for (size_t i = 0; r == 0 && i < spec->allow_count; i++)
		r = mark_name(&mark, spec->allow[i].name, &spec->allow[i].at);
	mark = (struct mark){.compiler = compiler, .deny = true};
	for (size_t i = 0; r == 0 && i < spec->deny_count; i++)
		r = mark_name(&mark, spec->deny[i].name, &spec->deny[i].at);
	for (size_t i = 0; r == 0 && i < spec->rule_count; i++) {
		mark = (struct mark){.compiler = compiler, .rule = &spec->rules[i]};
		r = check_rule(compiler, &spec->rules[i]);
		if (r == 0)
			r = mark_name(&mark, spec->rules[i].call, &spec->rules[i].at);
	}
	return r;
}

static uint32_t action_result(const struct seccomp_action *action)
{
	switch (action->verdict) {
	case SECCOMP_VERDICT_ALLOW:
		return SECCOMP_RET_ALLOW;
	case SECCOMP_VERDICT_LOG:
		return SECCOMP_RET_LOG;
	case SECCOMP_VERDICT_ERRNO:
		return SECCOMP_RET_ERRNO | ((uint32_t)action->errnum & SECCOMP_RET_DATA);
	case SECCOMP_VERDICT_KILL:
		break;
	}
	return SECCOMP_RET_KILL_PROCESS;
}

static bool lets_pass(uint32_t result)
{
	return result == SECCOMP_RET_ALLOW || result == SECCOMP_RET_LOG;
}

/* Add the rules with this verdict to the call's chain. True: one of them matches whatever the arguments, and the chain ends with it. */
static bool chain_verdict(struct compiler *compiler, struct call *call, enum seccomp_verdict verdict)
{
	struct seccomp_chain *chain = &call->chain;

	for (size_t i = 0; i < call->rule_count; i++) {
		const struct seccomp_rule *rule = call->rules[i];
		uint64_t width = rule->arg < 0 ? 0 : seccomp_arg_width(call->name, (unsigned)rule->arg);

		if (rule->action.verdict != verdict)
			continue;
		if (!(rule->mask & width)) {
			chain->otherwise = action_result(&rule->action);
			return true;
		}
		chain->conditions = arena_grow(&compiler->arena, chain->conditions, chain->count, sizeof(*chain->conditions));
		chain->conditions[chain->count++] = (struct seccomp_condition){
		    .arg = (unsigned)rule->arg,
		    .mask = rule->mask & width,
		    .value = rule->value & width,
		    .result = action_result(&rule->action),
		};
	}
	return false;
}

static void decide_call(struct compiler *compiler, struct call *call)
{
	/* The strictest first: what a profile refuses, a later rule that allows does not open again. */
	static const enum seccomp_verdict order[] = {SECCOMP_VERDICT_KILL, SECCOMP_VERDICT_ERRNO, SECCOMP_VERDICT_LOG, SECCOMP_VERDICT_ALLOW};
	struct seccomp_chain *chain = &call->chain;

	if (call->denied) {
		call->result = SECCOMP_RET_ERRNO | EPERM;
		return;
	}
	chain->otherwise = call->allowed ? SECCOMP_RET_ALLOW : action_result(&compiler->spec->fallback);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		if (chain_verdict(compiler, call, order[i]))
			break;
	}
	call->result = chain->otherwise;
}

/* clone3 has its flags in memory, where a filter cannot look: where clone's are looked at, clone3 says ENOSYS and the C library takes clone. */
static void decide_clone3(struct compiler *compiler)
{
	int clone = seccomp_syscall_resolve_name("clone"), clone3 = seccomp_syscall_resolve_name("clone3");

	if (clone < 0 || clone3 < 0 || clone3 >= CALL_MAX || !compiler->calls[clone].chain.count)
		return;
	if (!compiler->calls[clone3].rule_count && lets_pass(compiler->calls[clone3].result))
		compiler->calls[clone3].result = SECCOMP_RET_ERRNO | ENOSYS;
}

static int emit_program(struct compiler *compiler, struct seccomp_program *ret)
{
	struct seccomp_chain *chains = arena_alloc(&compiler->arena, CALL_MAX * sizeof(*chains));
	struct seccomp_program program;
	uint32_t results[CALL_MAX];
	size_t count = 0;
	int r;

	for (size_t number = 0; number < CALL_MAX; number++) {
		const struct call *call = &compiler->calls[number];

		results[number] = call->name ? call->result : NO_SUCH_CALL;
		if (call->chain.count) {
			results[number] = SECCOMP_RET_TRACE | (uint32_t)count;
			chains[count++] = call->chain;
		}
	}
	seccomp_tree_build(results, CALL_MAX, NO_SUCH_CALL, &program);
	r = seccomp_args_link(&program, chains, count);
	if (r < 0) {
		seccomp_done(&program);
		(void)error_set(compiler->err, E2BIG, "cannot compile the system call filter");
		(void)error_cause(compiler->err, "it is longer than the %d instructions that the kernel takes", BPF_MAXINSNS);
		return error_hint(compiler->err, "use fewer entries in syscalls.rules");
	}
	*ret = program;
	return 0;
}

int seccomp_compile(const struct seccomp_spec *spec, struct seccomp_program *ret, struct error *err)
{
	struct arena arena = {0};
	struct compiler *compiler = arena_alloc(&arena, sizeof(*compiler));
	int r;

	compiler->spec = spec;
	compiler->err = err;
	list_known_calls(compiler);
	r = mark_spec(compiler);
	if (r == 0) {
		for (int number = 0; number < CALL_MAX; number++)
			decide_call(compiler, &compiler->calls[number]);
		decide_clone3(compiler);
		r = emit_program(compiler, ret);
	}
	seccomp_groups_done(&compiler->groups);
	arena_done(&compiler->arena);
	arena_done(&arena);
	return r;
}
