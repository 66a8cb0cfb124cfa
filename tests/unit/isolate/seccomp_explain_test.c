#include "isolate/seccomp_explain.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>

#include "isolate/seccomp_compile.h"
#include "unit/isolate/bpf.h"

#define GROUPS_FILE "profiles/syscalls/groups.yaml"
#define KILL_ACTION {SECCOMP_VERDICT_KILL, 0}
#define AT(l) {.file = "web.yaml", .line = (l)}

TestSuite(seccomp_explain);

static const struct seccomp_name allow[] = {{.name = "@docker-default", .at = AT(2)}, {.name = "clone", .at = AT(3)}, {.name = "clone3", .at = AT(4)}, {.name = "ptrace", .at = AT(5)}};
static const struct seccomp_name deny[] = {{.name = "io_uring_setup", .at = AT(6)}, {.name = "@clock", .at = AT(7)}};
static const struct seccomp_rule rules[] = {
	{.call = "ioctl", .arg = 1, .mask = UINT64_MAX, .value = 0x5412, .action = {SECCOMP_VERDICT_ERRNO, EPERM}, .at = AT(8)},
	{.call = "ioctl", .arg = 1, .mask = UINT64_MAX, .value = 0x541c, .action = KILL_ACTION, .at = AT(9)},
	{.call = "@swap", .arg = -1, .action = KILL_ACTION, .at = AT(10)},
	{.call = "swapon", .arg = -1, .action = {SECCOMP_VERDICT_ERRNO, EIO}, .at = AT(11)},
	{.call = "clone", .arg = 0, .mask = CLONE_NEWUSER, .value = CLONE_NEWUSER, .action = {SECCOMP_VERDICT_ERRNO, EPERM}, .at = AT(12)},
	{.call = "ptrace", .arg = -1, .action = {SECCOMP_VERDICT_LOG, 0}, .at = AT(13)},
	{.call = "clock_settime", .arg = -1, .action = KILL_ACTION, .at = AT(14)},
	{.call = "lseek", .arg = 1, .mask = 0xff000000ff, .value = 0x1200000034, .action = {SECCOMP_VERDICT_ERRNO, EIO}, .at = AT(15)},
	{.call = "lseek", .arg = 2, .mask = 0, .action = {SECCOMP_VERDICT_ERRNO, EBUSY}, .at = AT(16)},
};

#define SPEC(...) {.enabled = true, .groups_file = GROUPS_FILE, .allow = allow, .allow_count = ARRAY_SIZE(allow), .deny = deny, .deny_count = ARRAY_SIZE(deny), \
	.rules = rules, .rule_count = ARRAY_SIZE(rules), .fallback_at = AT(1), .fallback = __VA_ARGS__}

static const struct seccomp_spec spec_kill = SPEC(KILL_ACTION);
static const struct seccomp_spec specs[] = {SPEC(KILL_ACTION), SPEC({SECCOMP_VERDICT_ALLOW, 0}), SPEC({SECCOMP_VERDICT_ERRNO, EPERM}), SPEC({SECCOMP_VERDICT_LOG, 0})};

static const struct {
	const char *name;
	int number;
	uint64_t args[6];
	const char *call, *entry;
	unsigned line;
	enum seccomp_verdict verdict;
} cases[] = {
	{"a rule for a group", SYS_swapoff, {0}, "swapoff", "@swap", 10, SECCOMP_VERDICT_KILL},
	{"kill is stronger than an errno", SYS_swapon, {0}, "swapon", "@swap", 10, SECCOMP_VERDICT_KILL},
	{"by the argument", SYS_ioctl, {0, 0x541c}, "ioctl", "ioctl", 9, SECCOMP_VERDICT_KILL},
	{"with high bits", SYS_ioctl, {0, 0x541c | UINT64_C(1) << 40}, "ioctl", "ioctl", 9, SECCOMP_VERDICT_KILL},
	{"by another argument", SYS_ioctl, {0, 0x5412}, "ioctl", "ioctl", 8, SECCOMP_VERDICT_ERRNO},
	{"by none: the group that allows", SYS_ioctl, {0, 1}, "ioctl", "@docker-default", 2, SECCOMP_VERDICT_ALLOW},
	{"deny is stronger than a rule", SYS_clock_settime, {0}, "clock_settime", "@clock", 7, SECCOMP_VERDICT_ERRNO},
	{"denied by name", SYS_io_uring_setup, {0}, "io_uring_setup", "io_uring_setup", 6, SECCOMP_VERDICT_ERRNO},
	{"allowed by name", SYS_clone, {17}, "clone", "clone", 3, SECCOMP_VERDICT_ALLOW},
	{"clone3 follows clone", SYS_clone3, {0}, "clone3", "clone", 12, SECCOMP_VERDICT_ERRNO},
	{"the fallback", SYS_kexec_load, {0}, "kexec_load", NULL, 1, SECCOMP_VERDICT_KILL},
	{"newer than libseccomp", 1000, {0}, "call 1000", NULL, 0, SECCOMP_VERDICT_ERRNO},
};

Test(seccomp_explain, names_the_entry)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct seccomp_reason reason;

		cr_assert_eq(seccomp_explain(&spec_kill, cases[i].number, cases[i].args, &reason), 0, "%s", cases[i].name);
		cr_expect_str_eq(reason.call, cases[i].call, "%s: %s", cases[i].name, reason.call);
		cr_expect(cases[i].entry ? reason.entry && !strcmp(reason.entry, cases[i].entry) : !reason.entry, "%s: %s", cases[i].name, reason.entry ? reason.entry : "none");
		cr_expect_eq(reason.at.line, cases[i].line, "%s: line %u", cases[i].name, reason.at.line);
		cr_expect_eq(reason.action.verdict, cases[i].verdict, "%s: verdict %d", cases[i].name, (int)reason.action.verdict);
	}
}

static uint32_t result_of(const struct seccomp_action *action)
{
	switch (action->verdict) {
	case SECCOMP_VERDICT_ALLOW:
		return SECCOMP_RET_ALLOW;
	case SECCOMP_VERDICT_LOG:
		return SECCOMP_RET_LOG;
	case SECCOMP_VERDICT_ERRNO:
		return SECCOMP_RET_ERRNO | (uint32_t)action->errnum;
	default:
		return SECCOMP_RET_KILL_PROCESS;
	}
}

static void compare_with_filter(const struct seccomp_spec *spec, const uint64_t args[6])
{
	struct seccomp_program program;

	cr_assert_eq(seccomp_compile(spec, &program, NULL), 0);
	for (int number = 0; number < 470; number++) {
		struct seccomp_data data = {.nr = number, .arch = AUDIT_ARCH_X86_64};
		struct seccomp_reason reason;

		memcpy(data.args, args, sizeof(data.args));
		cr_assert_eq(seccomp_explain(spec, number, args, &reason), 0);
		cr_expect_eq(result_of(&reason.action), bpf_run(&program, &data).result, "fallback %d, call %d (%s), second argument %#lx", (int)spec->fallback.verdict, number,
		    reason.call, (unsigned long)args[1]);
	}
	seccomp_done(&program);
}

Test(seccomp_explain, decides_as_the_compiled_filter)
{
	static const uint64_t arguments[][6] = {{0}, {CLONE_NEWUSER, 0x541c}, {0, 0x12000000034, 7}, {1, 0xab12cdef5634}, {2, 0x5412 | UINT64_C(1) << 63}};

	for (size_t i = 0; i < ARRAY_SIZE(arguments); i++)
		compare_with_filter(&specs[i % ARRAY_SIZE(specs)], arguments[i]);
}

Test(seccomp_explain, lists_what_is_killed)
{
	struct seccomp_spec spec = {.rules = rules, .rule_count = ARRAY_SIZE(rules)};
	char text[256];

	seccomp_explain_kills(&spec, text, sizeof(text));
	cr_expect_str_eq(text, "ioctl (web.yaml:9), @swap (web.yaml:10), clock_settime (web.yaml:14)", "%s", text);
	seccomp_explain_kills(&spec_kill, text, sizeof(text));
	cr_expect(strstr(text, "what no list names (web.yaml:1)"), "%s", text);
	seccomp_explain_kills(&spec, text, 40);
	cr_expect_str_eq(text, "ioctl (web.yaml:9), …", "%s", text);
	spec.rule_count = 0;
	seccomp_explain_kills(&spec, text, sizeof(text));
	cr_expect_str_eq(text, "");
}

Test(seccomp_explain, names_the_call_without_the_groups)
{
	struct seccomp_spec spec = spec_kill;
	struct seccomp_reason reason;

	spec.groups_file = "/no/such/file";
	cr_expect_eq(seccomp_explain(&spec, SYS_swapon, cases[0].args, &reason), -ENOENT);
	cr_expect_str_eq(reason.call, "swapon");
}
