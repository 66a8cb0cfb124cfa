/* Real calls under real filters, each in a child of its own. Each defence is also taken away, and then the call must get through to the kernel: so that the
 * test is known to look at the defence and not at a kernel that refuses anyway. */
#include "isolate/seccomp.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "unit/isolate/child.h"
#include "util/fd.h"
#include "util/sys.h"

#define GROUPS_FILE "profiles/syscalls/groups.yaml"
#define X32_BIT 0x40000000
#define TIOCLINUX_REQUEST 0x541c

#define ERRNO_ACTION(e) {SECCOMP_VERDICT_ERRNO, e}

TestSuite(seccomp);

/* --- what is tried: 0 or the errno ------------------------------------------------------------------------------------------------------- */

static int outcome(long result)
{
	return result < 0 ? errno : 0;
}

/* On /dev/null: the kernel's own answer is ENOTTY, whatever dev.tty.legacy_tiocsti says. */
static int try_ioctl(unsigned long request)
{
	cleanup_close int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	char byte = 'x';

	return outcome(syscall(SYS_ioctl, fd, request, &byte));
}

static int try_tiocsti(void)
{
	return try_ioctl(TIOCSTI);
}

static int try_tiocsti_high(void)
{
	return try_ioctl(1UL << 32 | TIOCSTI);
}

static int try_tioclinux(void)
{
	return try_ioctl(TIOCLINUX_REQUEST);
}

static int try_other_ioctl(void)
{
	return try_ioctl(TIOCGWINSZ);
}

static int try_clone_newuser(void)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return outcome(pid);
}

static int try_fork(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return outcome(pid);
}

static int try_clone3(void)
{
	struct clone_args args = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
	pid_t pid = sys_clone3(&args);

	if (pid == 0)
		_exit(0);
	return outcome(pid);
}

static int try_unshare(void)
{
	return outcome(unshare(CLONE_NEWUSER));
}

static int try_keyctl(void)
{
	return outcome(sys_keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0));
}

static int try_io_uring(void)
{
	struct io_uring_params params = {0};

	return outcome(syscall(SYS_io_uring_setup, 1, &params));
}

static int try_x32_getpid(void)
{
	return outcome(syscall(X32_BIT | SYS_getpid));
}

/* i386's getpid is 20. The C library's wrapper cannot make it. */
static int try_int80_getpid(void)
{
#ifdef __x86_64__
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
	return result == getpid() ? 0 : (int)-result;
#else
	return ENOSYS;
#endif
}

static int try_future(void)
{
	return outcome(syscall(1000));
}

static int try_getpid(void)
{
	return syscall(SYS_getpid) > 0 ? 0 : errno;
}

static int try_personality(void)
{
	return outcome(syscall(SYS_personality, 0xffffffffUL));
}

static int try_personality_32(void)
{
	return outcome(syscall(SYS_personality, (unsigned long)PER_LINUX32));
}

static int try_unix_socket(void)
{
	return outcome(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int try_inet_socket(void)
{
	return outcome(socket(AF_INET, SOCK_STREAM, 0));
}

/* --- under which filter ------------------------------------------------------------------------------------------------------------------ */

#define NAMES(list, ...) .list = (const struct seccomp_name[]){__VA_ARGS__}, \
			 .list##_count = sizeof((const struct seccomp_name[]){__VA_ARGS__}) / sizeof(struct seccomp_name)
#define RULES(...) .rules = (const struct seccomp_rule[]){__VA_ARGS__}, \
		   .rule_count = sizeof((const struct seccomp_rule[]){__VA_ARGS__}) / sizeof(struct seccomp_rule)
#define RULE(c, a, m, v, ...) {.call = (c), .arg = (a), .mask = (m), .value = (v), .action = __VA_ARGS__}
#define FILTER .enabled = true, .groups_file = GROUPS_FILE, .fallback = ERRNO_ACTION(ENOSYS)
#define ALL NAMES(allow, {.name = "@known"})

static const struct seccomp_spec open_filter = {FILTER, ALL};
static const struct seccomp_spec no_filter = {.enabled = false};

static const struct {
	const char *name;
	int (*attempt)(void);
	struct seccomp_spec defended;
	int expected;
	const struct seccomp_spec *undefended; /* NULL: the call is one that must go on working, and needs no counter-test */
	int through;                           /* what the kernel itself says when nothing holds the call back */
} attempts[] = {
	{"TIOCSTI", try_tiocsti, {FILTER, ALL, RULES(RULE("ioctl", 1, UINT32_MAX, TIOCSTI, ERRNO_ACTION(EPERM)))}, EPERM, &open_filter, ENOTTY},
	{"TIOCSTI, high bits", try_tiocsti_high, {FILTER, ALL, RULES(RULE("ioctl", 1, UINT32_MAX, TIOCSTI, ERRNO_ACTION(EPERM)))}, EPERM, &open_filter, ENOTTY},
	{"TIOCSTI, high bits, rule of 64 bits", try_tiocsti_high, {FILTER, ALL, RULES(RULE("ioctl", 1, UINT64_MAX, TIOCSTI, ERRNO_ACTION(EPERM)))}, EPERM,
	    &open_filter, ENOTTY},
	{"TIOCLINUX, second of two rules", try_tioclinux, {FILTER, ALL, RULES(RULE("ioctl", 1, UINT32_MAX, TIOCSTI, ERRNO_ACTION(EPERM)),
	    RULE("ioctl", 1, UINT32_MAX, TIOCLINUX_REQUEST, ERRNO_ACTION(EACCES)))}, EACCES, &open_filter, ENOTTY},
	{"another ioctl goes on", try_other_ioctl, {FILTER, ALL, RULES(RULE("ioctl", 1, UINT32_MAX, TIOCSTI, ERRNO_ACTION(EPERM)))}, ENOTTY, NULL, 0},
	{"a rule with the default's action", try_tiocsti, {FILTER, ALL, RULES(RULE("ioctl", 1, UINT32_MAX, TIOCSTI, ERRNO_ACTION(ENOSYS)))}, ENOSYS, &open_filter,
	    ENOTTY},
	{"and another ioctl beside it", try_other_ioctl, {FILTER, ALL, RULES(RULE("ioctl", 1, UINT32_MAX, TIOCSTI, ERRNO_ACTION(ENOSYS)))}, ENOTTY, NULL, 0},
	{"clone(CLONE_NEWUSER)", try_clone_newuser, {FILTER, ALL, RULES(RULE("clone", 0, CLONE_NEWUSER, CLONE_NEWUSER, ERRNO_ACTION(EPERM)))}, EPERM, &open_filter, 0},
	{"fork goes on", try_fork, {FILTER, ALL, RULES(RULE("clone", 0, CLONE_NEWUSER, CLONE_NEWUSER, ERRNO_ACTION(EPERM)))}, 0, NULL, 0},
	{"clone3 by clone's rule", try_clone3, {FILTER, ALL, RULES(RULE("clone", 0, CLONE_NEWUSER, CLONE_NEWUSER, ERRNO_ACTION(EPERM)))}, ENOSYS, &open_filter, 0},
	{"clone3 by its own", try_clone3, {FILTER, ALL, RULES(RULE("clone3", -1, 0, 0, ERRNO_ACTION(ENOSYS)))}, ENOSYS, &open_filter, 0},
	{"unshare(CLONE_NEWUSER)", try_unshare, {FILTER, ALL, RULES(RULE("unshare", 0, CLONE_NEWUSER, CLONE_NEWUSER, ERRNO_ACTION(EPERM)))}, EPERM, &open_filter, 0},
	{"keyctl", try_keyctl, {FILTER, ALL, NAMES(deny, {.name = "@keyring"})}, EPERM, &open_filter, 0},
	{"io_uring_setup", try_io_uring, {FILTER, ALL, NAMES(deny, {.name = "io_uring_setup"})}, EPERM, &open_filter, 0},
	{"int 0x80", try_int80_getpid, {FILTER, ALL}, ENOSYS, &no_filter, 0},
	{"x32", try_x32_getpid, {FILTER, ALL}, ENOSYS, NULL, 0}, /* distributions build without x32: the evaluator of seccomp_compile_test.c shows the bite */
	{"x32, fallback allow", try_x32_getpid, {.enabled = true, NAMES(deny, {.name = "getpid"})}, ENOSYS, NULL, 0},
	{"getpid by its own ABI", try_getpid, {FILTER, ALL}, 0, NULL, 0},
	{"call 1000", try_future, {FILTER, ALL}, ENOSYS, NULL, 0},
	{"call 1000, fallback EPERM", try_future, {.enabled = true, .fallback = ERRNO_ACTION(EPERM), ALL}, ENOSYS, NULL, 0},
	{"call 1000, fallback kill", try_future, {.enabled = true, .fallback = {SECCOMP_VERDICT_KILL, 0}, ALL}, ENOSYS, NULL, 0},
	{"a call in no list, kill", try_keyctl, {.enabled = true, .groups_file = GROUPS_FILE, .fallback = {SECCOMP_VERDICT_KILL, 0}, NAMES(allow, {.name = "@docker-default"})},
	    128 + SIGSYS, &open_filter, 0},
	{"kill by a rule", try_tiocsti, {FILTER, ALL, RULES(RULE("ioctl", 1, UINT32_MAX, TIOCSTI, {SECCOMP_VERDICT_KILL, 0}))}, 128 + SIGSYS, &open_filter, ENOTTY},
	{"log lets pass", try_keyctl, {FILTER, ALL, RULES(RULE("keyctl", -1, 0, 0, {SECCOMP_VERDICT_LOG, 0}))}, 0, NULL, 0},
	{"an allowing rule", try_personality, {.enabled = true, .groups_file = GROUPS_FILE, .fallback = ERRNO_ACTION(EPERM), NAMES(allow, {.name = "@docker-default"}),
	    RULES(RULE("personality", 0, UINT64_MAX, 0xffffffff, {SECCOMP_VERDICT_ALLOW, 0}))}, 0, NULL, 0},
	{"and what it does not name", try_personality_32, {.enabled = true, .groups_file = GROUPS_FILE, .fallback = ERRNO_ACTION(EPERM),
	    NAMES(allow, {.name = "@docker-default"}), RULES(RULE("personality", 0, UINT64_MAX, 0xffffffff, {SECCOMP_VERDICT_ALLOW, 0}))}, EPERM, &open_filter, 0},
	{"one family of sockets", try_inet_socket, {FILTER, ALL, RULES(RULE("socket", 0, UINT64_MAX, AF_INET, ERRNO_ACTION(EAFNOSUPPORT)))}, EAFNOSUPPORT, &open_filter, 0},
	{"and another", try_unix_socket, {FILTER, ALL, RULES(RULE("socket", 0, UINT64_MAX, AF_INET, ERRNO_ACTION(EAFNOSUPPORT)))}, 0, NULL, 0},
	{"deny over a rule that allows", try_inet_socket, {FILTER, ALL, NAMES(deny, {.name = "socket"}),
	    RULES(RULE("socket", 0, UINT64_MAX, AF_INET, {SECCOMP_VERDICT_ALLOW, 0}))}, EPERM, &open_filter, 0},
};

struct under {
	const struct seccomp_program *program;
	int (*attempt)(void);
};

enum { CHILD_BROKEN = 120 };

static int attempt_under(const void *context)
{
	const struct under *under = context;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || seccomp_apply(under->program, NULL) < 0)
		return CHILD_BROKEN;
	return under->attempt();
}

static int run_attempt(const struct seccomp_spec *spec, int (*attempt)(void), const char *name)
{
	struct seccomp_program program;
	struct error err = {0};
	int r = seccomp_prepare(spec, &program, &err), result;

	cr_assert_eq(r, 0, "%s: %s: %s", name, err.what, err.cause);
	result = in_child(attempt_under, &(struct under){.program = &program, .attempt = attempt});
	seccomp_done(&program);
	return result;
}

Test(seccomp, refused_calls_are_refused_and_only_by_their_defence)
{
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
		int result = run_attempt(&attempts[i].defended, attempts[i].attempt, attempts[i].name);

		cr_expect_eq(result, attempts[i].expected, "%s: %d, not %d", attempts[i].name, result, attempts[i].expected);
		if (!attempts[i].undefended)
			continue;
		result = run_attempt(attempts[i].undefended, attempts[i].attempt, attempts[i].name);
		/* An outer sandbox may refuse too; then there is nothing to learn here. */
		if (result == attempts[i].expected && run_attempt(&no_filter, attempts[i].attempt, attempts[i].name) == result)
			continue;
		cr_expect_eq(result, attempts[i].through, "%s, without the defence: %d, not %d", attempts[i].name, result, attempts[i].through);
	}
}

static int apply_without_no_new_privs(const void *context)
{
	struct error err = {0};
	int r;

	r = seccomp_apply(context, &err);
	return r == -EACCES && strstr(err.cause, "no_new_privs") ? 0 : 1 + (r == 0);
}

Test(seccomp, without_no_new_privs_the_error_says_so)
{
	struct seccomp_program program;

	if (geteuid() == 0)
		cr_skip_test("root may install a filter without no_new_privs");
	cr_assert_eq(seccomp_prepare(&open_filter, &program, NULL), 0);
	cr_expect_eq(in_child(apply_without_no_new_privs, &program), 0);
	seccomp_done(&program);
}

Test(seccomp, not_enabled_is_no_filter)
{
	struct seccomp_program program = {.length = 7};

	cr_expect_eq(seccomp_prepare(&no_filter, &program, NULL), 0);
	cr_expect_eq(program.length, 0);
	cr_expect_null(program.code);
	cr_expect_eq(seccomp_apply(&program, NULL), 0);
}

Test(seccomp, names_are_known_or_not)
{
	static const struct {
		const char *name;
		bool known, known_without_file;
	} cases[] = {
		{"ioctl", true, true},
		{"socketcall", true, true}, /* i386 */
		{"mseal", true, false},     /* newer than libseccomp 2.5 */
		{"@clock", true, false},
		{"@known", true, true},
		{"@nonsense", false, false},
		{"opennat", false, false},
		{"", false, false},
		{"@", false, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cr_expect_eq(seccomp_knows_call(cases[i].name, GROUPS_FILE), cases[i].known, "'%s'", cases[i].name);
		/* A newer libseccomp may know it. */
		cr_expect(seccomp_knows_call(cases[i].name, NULL) == cases[i].known_without_file || cases[i].known, "'%s' without the file", cases[i].name);
		cr_expect_eq(seccomp_knows_call(cases[i].name, "/nonexistent") && !cases[i].known, false, "'%s' with a missing file", cases[i].name);
	}
}
