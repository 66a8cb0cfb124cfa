#include "isolate/seccomp_compile.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "isolate/seccomp_groups.h"
#include "unit/isolate/bpf.h"

#define GROUPS_FILE "profiles/syscalls/groups.yaml"
#define X32_BIT 0x40000000
#define TIOCLINUX_REQUEST 0x541c

#define RETURN_ERRNO(e) (SECCOMP_RET_ERRNO | (e))
#define ALLOW_ACTION {SECCOMP_VERDICT_ALLOW, 0}
#define ERRNO_ACTION(e) {SECCOMP_VERDICT_ERRNO, e}

TestSuite(seccomp_compile);

static struct seccomp_program compile(const struct seccomp_spec *spec, const char *name)
{
	struct seccomp_program program = {0};
	struct error err = {0};
	int r = seccomp_compile(spec, &program, &err);

	cr_assert_eq(r, 0, "%s: %s: %s", name, err.what, err.cause);
	cr_assert_leq(program.length, BPF_MAXINSNS, "%s", name);
	return program;
}

static struct bpf_outcome ask(const struct seccomp_program *program, uint32_t arch, unsigned number, const uint64_t args[6])
{
	struct seccomp_data data = {.nr = (int)number, .arch = arch};

	if (args)
		memcpy(data.args, args, sizeof(data.args));
	return bpf_run(program, &data);
}

static const struct seccomp_name usual_allow[] = {{.name = "@docker-default"}, {.name = "clone"}, {.name = "clone3"}, {.name = "socket"}};
static const struct seccomp_name usual_deny[] = {{.name = "@clock"}, {.name = "@keyring"}, {.name = "io_uring_setup"}};
static const struct seccomp_rule usual_rules[] = {
	{.call = "ioctl", .arg = 1, .mask = UINT64_MAX, .value = TIOCSTI, .action = ERRNO_ACTION(EPERM)},
	{.call = "ioctl", .arg = 1, .mask = UINT64_MAX, .value = TIOCLINUX_REQUEST, .action = ERRNO_ACTION(EPERM)},
	{.call = "clone", .arg = 0, .mask = CLONE_NEWUSER, .value = CLONE_NEWUSER, .action = ERRNO_ACTION(EPERM)},
};

#define USUAL \
	.enabled = true, .groups_file = GROUPS_FILE, .allow = usual_allow, .allow_count = ARRAY_SIZE(usual_allow), .deny = usual_deny, \
	.deny_count = ARRAY_SIZE(usual_deny), .rules = usual_rules, .rule_count = ARRAY_SIZE(usual_rules)

static bool listed(const struct seccomp_groups *groups, const struct seccomp_name *names, size_t count, const char *call)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i].name, call) == 0 || (names[i].name[0] == '@' && seccomp_group_has(groups, seccomp_groups_find(groups, names[i].name), call)))
			return true;
	}
	return false;
}

/* What a call without arguments that a rule names must get, said a second time and without a tree. */
static uint32_t expected(const struct seccomp_groups *groups, uint32_t fallback, int number)
{
	char *call = number < 1024 ? seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, number) : NULL;
	uint32_t result = RETURN_ERRNO(ENOSYS);

	if (!call)
		return result;
	if (listed(groups, usual_deny, ARRAY_SIZE(usual_deny), call))
		result = RETURN_ERRNO(EPERM);
	else if (strcmp(call, "clone3") == 0)
		result = RETURN_ERRNO(ENOSYS);
	else
		result = listed(groups, usual_allow, ARRAY_SIZE(usual_allow), call) ? SECCOMP_RET_ALLOW : fallback;
	free(call);
	return result;
}

static const struct {
	const char *name;
	struct seccomp_action action;
	uint32_t result;
} fallbacks[] = {
	{"allow", {SECCOMP_VERDICT_ALLOW, 0}, SECCOMP_RET_ALLOW},
	{"log", {SECCOMP_VERDICT_LOG, 0}, SECCOMP_RET_LOG},
	{"kill", {SECCOMP_VERDICT_KILL, 0}, SECCOMP_RET_KILL_PROCESS},
	{"EPERM", {SECCOMP_VERDICT_ERRNO, EPERM}, RETURN_ERRNO(EPERM)},
	{"ENOSYS", {SECCOMP_VERDICT_ERRNO, ENOSYS}, RETURN_ERRNO(ENOSYS)},
};

Test(seccomp_compile, the_whole_table_under_each_fallback)
{
	struct seccomp_groups groups;

	cr_assert_eq(seccomp_groups_load(GROUPS_FILE, &groups, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(fallbacks); i++) {
		struct seccomp_spec spec = {USUAL, .fallback = fallbacks[i].action};
		struct seccomp_program program = compile(&spec, fallbacks[i].name);

		for (int number = 0; number < 2048; number++) {
			struct bpf_outcome outcome = ask(&program, AUDIT_ARCH_X86_64, (unsigned)number, NULL);
			uint32_t want = expected(&groups, fallbacks[i].result, number);

			cr_expect_eq(outcome.result, want, "%s: call %d gets %#x, not %#x", fallbacks[i].name, number, outcome.result, want);
			/* By the number alone, or the kernel's bitmap does not take it and each call pays for the filter. */
			cr_expect(outcome.looked_at_args == (number == SYS_ioctl || number == SYS_clone), "%s: call %d: arguments", fallbacks[i].name, number);
		}
		seccomp_done(&program);
	}
	seccomp_groups_done(&groups);
}

Test(seccomp_compile, other_abis_and_odd_numbers_get_enosys_under_each_fallback)
{
	for (size_t i = 0; i < ARRAY_SIZE(fallbacks); i++) {
		struct seccomp_spec spec = {USUAL, .fallback = fallbacks[i].action};
		struct seccomp_program program = compile(&spec, fallbacks[i].name);
		static const unsigned odd[] = {512, 547, 1000, 0x3fffffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};

		for (unsigned number = 0; number < 1024; number++) {
			cr_expect_eq(ask(&program, AUDIT_ARCH_X86_64, number | X32_BIT, NULL).result, RETURN_ERRNO(ENOSYS), "%s: x32 %u", fallbacks[i].name, number);
			cr_expect_eq(ask(&program, AUDIT_ARCH_I386, number, NULL).result, RETURN_ERRNO(ENOSYS), "%s: i386 %u", fallbacks[i].name, number);
			cr_expect_eq(ask(&program, AUDIT_ARCH_AARCH64, number, NULL).result, RETURN_ERRNO(ENOSYS), "%s: arm64 %u", fallbacks[i].name, number);
		}
		for (size_t k = 0; k < ARRAY_SIZE(odd); k++)
			cr_expect_eq(ask(&program, AUDIT_ARCH_X86_64, odd[k], NULL).result, RETURN_ERRNO(ENOSYS), "%s: number %#x", fallbacks[i].name, odd[k]);
		seccomp_done(&program);
	}
}

#define RULES(...) .rules = (const struct seccomp_rule[]){__VA_ARGS__}, \
		   .rule_count = sizeof((const struct seccomp_rule[]){__VA_ARGS__}) / sizeof(struct seccomp_rule)
#define ALLOW_ALL .enabled = true, .allow = (const struct seccomp_name[]){{.name = "@known"}}, .allow_count = 1
#define DENY(call) .deny = (const struct seccomp_name[]){{.name = (call)}}, .deny_count = 1
#define RULE(c, a, m, v, ...) {.call = (c), .arg = (a), .mask = (m), .value = (v), .action = __VA_ARGS__}

/* At file scope, where compound literals live as long as the table. */
static const struct {
	const char *name;
	struct seccomp_spec spec;
	unsigned number;
	uint64_t args[6];
	uint32_t result;
} rule_cases[] = {
	{"the ioctl that is refused", {USUAL}, SYS_ioctl, {0, TIOCSTI}, RETURN_ERRNO(EPERM)},
	{"with a high bit", {USUAL}, SYS_ioctl, {0, TIOCSTI | UINT64_C(1) << 32}, RETURN_ERRNO(EPERM)},
	{"with all high bits", {USUAL}, SYS_ioctl, {0, TIOCSTI | ~UINT64_C(0) << 32}, RETURN_ERRNO(EPERM)},
	{"the second rule", {USUAL}, SYS_ioctl, {0, TIOCLINUX_REQUEST | UINT64_C(1) << 63}, RETURN_ERRNO(EPERM)},
	{"another ioctl", {USUAL}, SYS_ioctl, {TIOCSTI, TIOCGWINSZ, TIOCSTI}, SECCOMP_RET_ALLOW},
	{"clone of a thread", {USUAL}, SYS_clone, {CLONE_VM | CLONE_THREAD}, SECCOMP_RET_ALLOW},
	{"clone with a user namespace", {USUAL}, SYS_clone, {CLONE_NEWUSER | CLONE_NEWNS | 17}, RETURN_ERRNO(EPERM)},
	{"and high bits", {USUAL}, SYS_clone, {CLONE_NEWUSER | UINT64_C(1) << 40}, RETURN_ERRNO(EPERM)},
	{"clone3 follows clone", {USUAL}, SYS_clone3, {0}, RETURN_ERRNO(ENOSYS)},
	{"clone3 alone", {ALLOW_ALL}, SYS_clone3, {0}, SECCOMP_RET_ALLOW},
	{"clone3 with its own rule", {ALLOW_ALL, RULES(RULE("clone", 0, 1, 1, ERRNO_ACTION(EPERM)), RULE("clone3", -1, 0, 0, ALLOW_ACTION))}, SYS_clone3,
	    {0}, SECCOMP_RET_ALLOW},
	{"clone3 denied", {ALLOW_ALL, DENY("clone3"), RULES(RULE("clone", 0, 1, 1, ERRNO_ACTION(EPERM)))}, SYS_clone3, {0}, RETURN_ERRNO(EPERM)},
	{"a rule for whatever arguments", {ALLOW_ALL, RULES(RULE("clone3", -1, 0, 0, ERRNO_ACTION(ENOSYS)))}, SYS_clone3, {7}, RETURN_ERRNO(ENOSYS)},
	{"64 bits, equal", {ALLOW_ALL, RULES(RULE("lseek", 1, UINT64_MAX, 0x1234567890, ERRNO_ACTION(EIO)))}, SYS_lseek, {0, 0x1234567890}, RETURN_ERRNO(EIO)},
	{"64 bits, low half differs", {ALLOW_ALL, RULES(RULE("lseek", 1, UINT64_MAX, 0x1234567890, ERRNO_ACTION(EIO)))}, SYS_lseek, {0, 0x1234567891},
	    SECCOMP_RET_ALLOW},
	{"64 bits, high half differs", {ALLOW_ALL, RULES(RULE("lseek", 1, UINT64_MAX, 0x1234567890, ERRNO_ACTION(EIO)))}, SYS_lseek, {0, 0x34567890},
	    SECCOMP_RET_ALLOW},
	{"a mask over both halves", {ALLOW_ALL, RULES(RULE("lseek", 5, 0xff000000ff, 0x1200000034, ERRNO_ACTION(EIO)))}, SYS_lseek,
	    {0, 0, 0, 0, 0, 0xab12cdef5634}, RETURN_ERRNO(EIO)},
	{"a mask over the high half", {ALLOW_ALL, RULES(RULE("lseek", 1, 0xff00000000, 0x1200000000, ERRNO_ACTION(EIO)))}, SYS_lseek, {0, 0x12ffffffff},
	    RETURN_ERRNO(EIO)},
	{"allowed where it matches", {.enabled = true, .fallback = ERRNO_ACTION(EPERM), RULES(RULE("personality", 0, UINT64_MAX, 0xffffffff, ALLOW_ACTION))},
	    SYS_personality, {UINT64_MAX}, SECCOMP_RET_ALLOW},
	{"the fallback where it does not", {.enabled = true, .fallback = ERRNO_ACTION(EACCES), RULES(RULE("personality", 0, UINT64_MAX, 0, ALLOW_ACTION))},
	    SYS_personality, {8}, RETURN_ERRNO(EACCES)},
	{"the fallback allows, a rule refuses", {.enabled = true, RULES(RULE("socket", 0, UINT64_MAX, 40, ERRNO_ACTION(EAFNOSUPPORT)))}, SYS_socket, {40},
	    RETURN_ERRNO(EAFNOSUPPORT)},
	{"a rule with the default's own action", {ALLOW_ALL, RULES(RULE("socket", 0, UINT64_MAX, 40, ERRNO_ACTION(ENOSYS)))}, SYS_socket, {40},
	    RETURN_ERRNO(ENOSYS)},
	{"and the call otherwise", {ALLOW_ALL, RULES(RULE("socket", 0, UINT64_MAX, 40, ERRNO_ACTION(ENOSYS)))}, SYS_socket, {2}, SECCOMP_RET_ALLOW},
	{"deny is stronger than a rule", {ALLOW_ALL, DENY("socket"), RULES(RULE("socket", 0, UINT64_MAX, 2, ALLOW_ACTION))}, SYS_socket, {2},
	    RETURN_ERRNO(EPERM)},
	{"the strictest rule wins", {ALLOW_ALL, RULES(RULE("socket", 0, UINT64_MAX, 2, ALLOW_ACTION), RULE("socket", 1, 15, 3, {SECCOMP_VERDICT_LOG, 0}),
	    RULE("socket", 1, 15, 3, ERRNO_ACTION(EIO)), RULE("socket", 1, 15, 3, {SECCOMP_VERDICT_KILL, 0}))}, SYS_socket, {2, 3}, SECCOMP_RET_KILL_PROCESS},
	{"the first errno wins", {ALLOW_ALL, RULES(RULE("socket", 0, UINT64_MAX, 2, ERRNO_ACTION(EIO)), RULE("socket", -1, 0, 0, ERRNO_ACTION(EBUSY)))},
	    SYS_socket, {2}, RETURN_ERRNO(EIO)},
	{"the next errno for the rest", {ALLOW_ALL, RULES(RULE("socket", 0, UINT64_MAX, 2, ERRNO_ACTION(EIO)), RULE("socket", -1, 0, 0, ERRNO_ACTION(EBUSY)))},
	    SYS_socket, {1}, RETURN_ERRNO(EBUSY)},
	{"a rule for a group", {ALLOW_ALL, .groups_file = GROUPS_FILE, RULES(RULE("@clock", -1, 0, 0, {SECCOMP_VERDICT_KILL, 0}))}, SYS_settimeofday, {0},
	    SECCOMP_RET_KILL_PROCESS},
	{"allow and log", {ALLOW_ALL, RULES(RULE("ptrace", -1, 0, 0, {SECCOMP_VERDICT_LOG, 0}))}, SYS_ptrace, {0}, SECCOMP_RET_LOG},
};

Test(seccomp_compile, rules_on_arguments)
{
	for (size_t i = 0; i < ARRAY_SIZE(rule_cases); i++) {
		struct seccomp_program program = compile(&rule_cases[i].spec, rule_cases[i].name);
		uint32_t result = ask(&program, AUDIT_ARCH_X86_64, rule_cases[i].number, rule_cases[i].args).result;

		cr_expect_eq(result, rule_cases[i].result, "%s: %#x, not %#x", rule_cases[i].name, result, rule_cases[i].result);
		seccomp_done(&program);
	}
}

/* One pair of bits per comparison, over random arguments: the chain against the definition. */
Test(seccomp_compile, random_rules_mean_what_they_say)
{
	uint64_t state = 20240607;
#define RANDOM() (state = state * 6364136223846793005u + 1442695040888963407u, state >> 33 | state << 31)
	for (unsigned round = 0; round < 30; round++) {
		struct seccomp_rule rules[5];
		struct seccomp_spec spec = {ALLOW_ALL, .rules = rules, .rule_count = ARRAY_SIZE(rules)};

		for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
			uint64_t mask = RANDOM() & RANDOM() & (i % 2 ? UINT64_MAX : 0xffff) & 0x700000007;

			rules[i] = (struct seccomp_rule){.call = "mmap", .arg = (int)(RANDOM() % 6), .mask = mask, .value = RANDOM() & mask,
			    .action = ERRNO_ACTION((int)i + 1)};
		}
		struct seccomp_program program = compile(&spec, "random");
		for (unsigned try = 0; try < 300; try++) {
			uint64_t args[6];
			uint32_t want = SECCOMP_RET_ALLOW;

			for (size_t k = 0; k < 6; k++)
				args[k] = RANDOM() & 0x700000007;
			for (size_t i = ARRAY_SIZE(rules); i-- > 0;) {
				if ((args[rules[i].arg] & rules[i].mask) == rules[i].value)
					want = RETURN_ERRNO((uint32_t)rules[i].action.errnum);
			}
			cr_expect_eq(ask(&program, AUDIT_ARCH_X86_64, SYS_mmap, args).result, want, "round %u, try %u", round, try);
		}
		seccomp_done(&program);
	}
}

Test(seccomp_compile, wrong_specs_are_refused_with_their_line)
{
	static const struct origin at = {.file = "p.yaml", .line = 7, .column = 3};
	static const struct {
		const char *name;
		const char *call; /* in the allow list */
		struct seccomp_rule rule;
		int result;
		const char *says;
	} cases[] = {
		{"unknown call", "opennat", {0}, -EINVAL, "opennat"},
		{"unknown group", "@clocks", {0}, -EINVAL, "@clocks"},
		{"call of another architecture", "socketcall", {0}, 0, ""},
		{"call newer than libseccomp", "mseal", {0}, 0, ""},
		{"empty name", "", {0}, -EINVAL, "''"},
		{"unknown call in a rule", "read", {.call = "ioctll"}, -EINVAL, "ioctll"},
		{"argument 6", "read", {.call = "ioctl", .arg = 6}, -EINVAL, "ioctl"},
		{"argument -2", "read", {.call = "ioctl", .arg = -2}, -EINVAL, "ioctl"},
		{"a value that cannot match", "read", {.call = "ioctl", .arg = 1, .mask = 0xff, .value = 0x100}, -EINVAL, "ioctl"},
		{"errno 0", "read", {.call = "ioctl", .arg = 1, .action = {SECCOMP_VERDICT_ERRNO, 0}}, -EINVAL, "ioctl"},
		{"errno too large", "read", {.call = "ioctl", .arg = 1, .action = {SECCOMP_VERDICT_ERRNO, 4096}}, -EINVAL, "ioctl"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct seccomp_name allow = {.name = cases[i].call, .at = at};
		struct seccomp_rule rule = cases[i].rule;
		struct seccomp_spec spec = {.enabled = true, .groups_file = GROUPS_FILE, .allow = &allow, .allow_count = 1, .rules = &rule, .rule_count = rule.call != NULL};
		struct seccomp_program program = {0};
		struct error err = {0};
		int r;

		rule.at = at;
		r = seccomp_compile(&spec, &program, &err);
		cr_expect_eq(r, cases[i].result, "%s: %d", cases[i].name, r);
		cr_expect(r == 0 || (err.line == 7 && strcmp(err.file, "p.yaml") == 0), "%s: at %s:%u", cases[i].name, err.file, err.line);
		cr_expect(strstr(err.what, cases[i].says) != NULL, "%s: says '%s'", cases[i].name, err.what);
		seccomp_done(&program);
	}
}

Test(seccomp_compile, a_filter_that_is_too_long_is_refused)
{
	static struct seccomp_rule rules[900];
	struct seccomp_spec spec = {ALLOW_ALL, .rules = rules, .rule_count = ARRAY_SIZE(rules)};
	struct seccomp_program program = {0};
	struct error err = {0};

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		rules[i] = (struct seccomp_rule)RULE("mmap", 1, UINT64_MAX, i, ERRNO_ACTION(EIO));
	cr_expect_eq(seccomp_compile(&spec, &program, &err), -E2BIG);
	cr_expect(strstr(err.cause, "4096") != NULL, "%s", err.cause);
	cr_expect_null(program.code);
}
