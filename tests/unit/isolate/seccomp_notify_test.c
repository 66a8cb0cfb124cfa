/* Real calls under real filters, with the test as the launcher. */
#include "isolate/seccomp_notify.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/mem.h"
#include "util/proc.h"

#define KILL_ACTION {SECCOMP_VERDICT_KILL, 0}

TestSuite(seccomp_notify, .timeout = 60);

/* --- what the payload does ----------------------------------------------------------------------------------------------------------- */

static void call(void)
{
	(void)syscall(SYS_sched_yield);
}

static void *thread(void *context)
{
	call();
	return context;
}

static void call_in_a_thread(void)
{
	pthread_t id;

	if (pthread_create(&id, NULL, thread, NULL) == 0)
		(void)pthread_join(id, NULL);
}

static void exit_from_handler(int signal)
{
	_exit(signal);
}

static void call_with_handler(void)
{
	(void)signal(SIGSYS, exit_from_handler);
	call();
}

static void call_in_a_child(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		call();
		_exit(0);
	}
	int status = proc_wait(pid);
	_exit(status >= 0 && WIFSIGNALED(status) ? 100 + WTERMSIG(status) : 1);
}

static void call_nothing(void)
{
}

static void call_send(void)
{
	(void)send(0, "", 1, 0);
}

/* --- the launcher --------------------------------------------------------------------------------------------------------------------- */

#define SCHED_YIELD {.call = "sched_yield", .arg = -1, .action = KILL_ACTION, .at = {.file = "web.yaml", .line = 12}}
static const struct seccomp_rule yield_rule[] = {SCHED_YIELD};
static const struct seccomp_rule argument_rule[] = {{.call = "sched_yield", .arg = 5, .mask = 0, .action = KILL_ACTION, .at = {.file = "web.yaml", .line = 3}}};
static const struct seccomp_rule errno_rule[] = {{.call = "sched_yield", .arg = -1, .action = {SECCOMP_VERDICT_ERRNO, EIO}}};
static const struct seccomp_name exit_only[] = {{.name = "exit_group"}, {.name = "write"}};

#define BY_RULE(r) {.enabled = true, .rules = (r), .rule_count = ARRAY_SIZE(r)}

static const struct {
	const char *name;
	struct seccomp_spec spec;
	void (*act)(void);
	int status;        /* as a shell says it */
	const char *found; /* NULL: nobody was killed */
	bool has_listener;
} cases[] = {
	{"a call", BY_RULE(yield_rule), call, 137, "'sched_yield' (web.yaml:12) by process witness", true},
	{"by a rule on an argument", BY_RULE(argument_rule), call, 137, "'sched_yield' (web.yaml:3) by process witness", true},
	{"from a thread", BY_RULE(yield_rule), call_in_a_thread, 137, "'sched_yield' (web.yaml:12) by process witness", true},
	{"a handler for SIGSYS", BY_RULE(yield_rule), call_with_handler, 137, "'sched_yield' (web.yaml:12) by process witness", true},
	{"from a child", BY_RULE(yield_rule), call_in_a_child, 109, "'sched_yield' (web.yaml:12) by process witness", true},
	{"no such call", BY_RULE(yield_rule), call_nothing, 0, NULL, true},
	{"a fallback that lets nobody send", {.enabled = true, .fallback = KILL_ACTION, .fallback_at = {.file = "web.yaml", .line = 1}, .allow = exit_only, .allow_count = 2},
	    call_send, 137, "'sendto' (web.yaml:1) by process witness", true},
	{"no kill, no listener", BY_RULE(errno_rule), call, 0, NULL, false},
};

static int hand_over(void *context, int listener)
{
	return fd_send(*(int *)context, "x", 1, &listener, 1);
}

static void be_payload(int socket, const struct seccomp_program *program, size_t times, void (*act)(void))
{
	(void)prctl(PR_SET_NAME, "witness");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		_exit(90);
	for (size_t i = 0; i < times; i++) {
		struct seccomp_program own = {.code = mem_alloc(program->length * sizeof(*own.code)), .length = program->length}; /* it is written to */

		memcpy(own.code, program->code, own.length * sizeof(*own.code));
		if (seccomp_notify_apply(&own, hand_over, &socket, NULL) < 0)
			_exit(91);
	}
	act();
	_exit(0);
}

struct run {
	int status;
	bool has_listener;
	struct seccomp_notify notify;
};

static struct run run(const struct seccomp_spec *spec, size_t times, void (*act)(void))
{
	struct seccomp_program program;
	struct run result;
	int pair[2], fds[FD_PASS_MAX];
	char byte;

	cr_assert_eq(seccomp_prepare(spec, &program, NULL), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	pid_t pid = fork();
	if (pid == 0)
		be_payload(pair[1], &program, times, act);
	(void)fd_close(pair[1]);
	seccomp_notify_init(&result.notify, spec);
	result.has_listener = fd_receive(pair[0], &byte, 1, fds) == 1;
	if (result.has_listener)
		seccomp_notify_open(&result.notify, fds[0], pid);
	while (result.notify.fd >= 0) {
		struct pollfd wait = {.fd = result.notify.fd, .events = POLLIN};
		struct error err = {0};

		cr_assert_eq(poll(&wait, 1, 20000), 1, "nothing happens");
		cr_assert_eq(seccomp_notify_step(&result.notify, wait.revents, &err), 0, "%s: %s", err.what, err.cause);
	}
	int status = proc_wait(pid);
	result.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	(void)fd_close(pair[0]);
	seccomp_done(&program);
	return result;
}

static bool kernel_has_listeners(void)
{
	uint32_t action = SECCOMP_RET_USER_NOTIF;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

Test(seccomp_notify, kills_with_a_witness)
{
	if (!kernel_has_listeners())
		cr_skip_test("the kernel has no SECCOMP_RET_USER_NOTIF");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run result = run(&cases[i].spec, 1, cases[i].act);
		char text[256] = "";

		if (result.notify.count)
			seccomp_victim_format(&result.notify.first, text, sizeof(text));
		cr_expect_eq(result.status, cases[i].status, "%s: status %d", cases[i].name, result.status);
		cr_expect_eq(result.has_listener, cases[i].has_listener, "%s: listener", cases[i].name);
		cr_expect_str_eq(text, cases[i].found ? cases[i].found : "", "%s: %s", cases[i].name, text);
		cr_expect_eq(result.notify.count, cases[i].found ? 1 : 0, "%s: count", cases[i].name);
	}
}

/* The second filter finds a listener there, as inside another sandbox. */
Test(seccomp_notify, kills_without_a_witness_where_an_outer_filter_listens)
{
	struct run result = run(&cases[0].spec, 2, call);

	cr_expect_eq(result.status, 128 + SIGSYS, "status %d", result.status);
	cr_expect_eq(result.notify.count, 0);
}

Test(seccomp_notify, wants_a_listener_only_for_kill)
{
	static const struct {
		const char *name;
		uint32_t result;
		bool wanted;
	} results[] = {
		{"allow", SECCOMP_RET_ALLOW, false},
		{"errno", SECCOMP_RET_ERRNO | EPERM, false},
		{"kill", SECCOMP_RET_KILL_PROCESS, true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
		struct sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_STMT(BPF_RET | BPF_K, results[i].result)};
		struct seccomp_program program = {.code = code, .length = ARRAY_SIZE(code)};

		cr_expect_eq(seccomp_notify_wanted(&program), results[i].wanted, "%s", results[i].name);
	}
}
