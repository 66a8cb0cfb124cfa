/* Every cause of death has its name in the report, and a line on stderr unless the command did it by itself or the user did. */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "e2e/harness.h"
#include "util/fd.h"

HARNESS_SUITE(causes);

/* Line 4 kills for one call, line 5 for one argument of another. */
static const char profile[] = "extends: default\n"
			      "syscalls:\n"
			      "  rules:\n"
			      "    - {call: sched_yield, action: kill}\n"
			      "    - {call: personality, arg: 0, mask: 0x20000, equals: 0x20000, action: kill}\n"
			      "resources:\n"
			      "  cpu_time: 1s\n"
			      "  file_size: 1M\n"
			      "  grace: 300ms\n";

#define YIELD "import os; os.sched_yield()"

static const char *report(void)
{
	return harness_slurp(harness_path("report"));
}

static void expect_cause(const char *name, const struct harness_result *result, const char *cause, int status)
{
	harness_expect_status(name, result, status);
	cr_expect(strstr(report(), harness_text("\"cause\": \"%s\"", cause)), "%s: not '%s': %s%s", name, cause, report(), result->err);
	cr_expect(strstr(report(), harness_text("\"status\": %d", status)), "%s: %s", name, report());
}

static void expect_line(const char *name, const struct harness_result *result, const char *line)
{
	if (!line) {
		cr_expect(!strstr(result->err, "carrel: "), "%s: it says something: %s", name, result->err);
		return;
	}
	harness_expect_err(name, result, harness_text("carrel: %s", line));
	cr_expect(strstr(report(), harness_text("\"explanation\": \"%s", line)), "%s: %s", name, report());
}

/* --- what happens by itself ------------------------------------------------------------------------------------------------------------- */

static const struct cause {
	const char *name;
	const char *const *command;
	const char *cause;
	int status;
	const char *line, *reported; /* reported: somewhere in the report */
	const char *const *options;
} causes[] = {
	{"its own status", HARNESS_WORDS("sh", "-c", "exit 3"), "exited", 3, NULL, "\"explanation\": null", NULL},
	{"its own signal", HARNESS_WORDS("sh", "-c", "kill -SEGV $$"), "signaled", 139, NULL, "\"signal\": 11", NULL},
	{"its own SIGKILL", HARNESS_WORDS("sh", "-c", "kill -KILL $$"), "signaled", 137, NULL, "\"signal\": 9", NULL},
	{"timeout", HARNESS_WORDS("sleep", "50"), "timeout", 143, "ended by the timeout of 300ms (command line --timeout)", "\"ms\": 300", HARNESS_WORDS("--timeout", "300ms")},
	{"timeout of the profile", HARNESS_WORDS("sleep", "50"), "timeout", 143, "ended by the timeout of 300ms (./late.yaml:2)", "\"line\": 2", HARNESS_WORDS("--profile", "./late.yaml")},
	{"timeout, and then SIGKILL", HARNESS_WORDS("sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"), "timeout", 137, "ended by the timeout of 300ms", NULL, HARNESS_WORDS("--timeout", "300ms")},
	{"CPU time", HARNESS_WORDS("sh", "-c", "while :; do :; done"), "cpu_time", 152, "ended by the CPU time limit of 1s (./web.yaml:7)", "\"ms\": 1000", NULL},
	{"file size", HARNESS_WORDS("dd", "if=/dev/zero", "of=big", "bs=64k", "count=100"), "file_size", 153, "ended by the file size limit of 1M (./web.yaml:8)", "\"bytes\": 1048576", NULL},
	{"a system call", HARNESS_WORDS("python3", "-c", YIELD), "seccomp", 159, "ended by the system call filter: 'sched_yield' (./web.yaml:4) by process python3", "\"number\": 24", NULL},
	{"by its argument", HARNESS_WORDS("setarch", "-R", "--uname-2.6", "true"), "seccomp", 159, "ended by the system call filter: 'personality' (./web.yaml:5) by process setarch", "\"name\": \"personality\"", NULL},
	{"from a thread", HARNESS_WORDS("python3", "-c", "import os, threading; t = threading.Thread(target=os.sched_yield); t.start(); t.join(); print('on')"), "seccomp", 159,
		"ended by the system call filter: 'sched_yield' (./web.yaml:4) by process python3", "\"signal\": 31", NULL},
	{"with a handler for SIGSYS", HARNESS_WORDS("python3", "-c", "import os, signal; signal.signal(signal.SIGSYS, lambda *a: os._exit(5)); os.sched_yield()"), "seccomp", 159,
		"ended by the system call filter: 'sched_yield' (./web.yaml:4)", "\"entry\": \"sched_yield\"", NULL},
	{"execve itself", HARNESS_WORDS("true"), "seccomp", 159, "ended by the system call filter: 'execve' (command line --set syscalls.rules)", "\"name\": \"execve\"",
		HARNESS_WORDS("--set", "syscalls.rules=[{call: execve, action: kill}]")},
	{"every call", HARNESS_WORDS("true"), "seccomp", 159, "ended by the system call filter: 'execve' (command line --set syscalls.rules)", "\"entry\": \"@known\"",
		HARNESS_WORDS("--set", "syscalls.rules=[{call: '@known', action: kill}]")},
	{"without a process to hand the listener over", HARNESS_WORDS("python3", "-c", YIELD), "seccomp", 159,
		"ended by the system call filter: the command made a call that the profile answers with 'kill', one of: sched_yield (./web.yaml:4), personality (./web.yaml:5)", NULL,
		HARNESS_WORDS("--ulimit", "nproc=1")},
};

Test(causes, are_named)
{
	harness_requires_program("python3");
	(void)harness_file("web.yaml", profile);
	(void)harness_file("late.yaml", "extends: default\nresources: {timeout: 300ms}\n");
	for (size_t i = 0; i < ARRAY_SIZE(causes); i++) {
		const struct cause *c = &causes[i];
		const char *const *lead = HARNESS_WORDS("run", "--report", "report", "--profile", "./web.yaml");
		struct harness_result result = harness_run(&(struct harness_run){
			.argv = harness_words(harness_words(lead, c->options ? c->options : HARNESS_WORDS(NULL)), harness_words(HARNESS_WORDS("--"), c->command))});

		expect_cause(c->name, &result, c->cause, c->status);
		expect_line(c->name, &result, c->line);
		cr_expect(!c->reported || strstr(report(), c->reported), "%s: no %s in %s", c->name, c->reported, report());
		harness_done(&result);
	}
}

/* A process that is not the command dies for its call; the command goes on, and whoever asks hears of it. */
Test(causes, another_process_is_a_note)
{
	static const char script[] = "python3 -c '" YIELD "'; echo status=$?; exit 4";
	static const char note[] = "the system call filter killed a process: 'sched_yield' (./web.yaml:4) by process python3";
	struct harness_result result;

	harness_requires_program("python3");
	(void)harness_file("web.yaml", profile);
	result = HARNESS("-v", "run", "--report", "report", "--profile", "./web.yaml", "--", "sh", "-c", script);
	expect_cause("another", &result, "exited", 4);
	harness_expect_out("another", &result, "status=137");
	harness_expect_err("another", &result, harness_text("carrel: note: %s", note));
	cr_expect(strstr(report(), note), "%s", report());
	harness_done(&result);
	result = HARNESS("run", "--profile", "./web.yaml", "--", "sh", "-c", script);
	cr_expect(!strstr(result.err, "system call filter"), "it is told unasked: %s", result.err);
	harness_done(&result);
	result = HARNESS("-v", "run", "--profile", "./web.yaml", "--", "sh", "-c", "for i in 1 2 3; do python3 -c '" YIELD "'; done; exit 4");
	harness_expect_status("several", &result, 4);
	harness_expect_err("several", &result, "killed 3 processes; the first: 'sched_yield'");
	harness_done(&result);
}

/* --- what comes from outside ------------------------------------------------------------------------------------------------------------ */

static const char loop[] = "touch ready; while :; do sleep 0.05; done";

static struct harness_started start(struct harness_run *run)
{
	struct harness_started started;

	(void)harness_shell("rm -f ready");
	run->timeout_ms = 30000;
	started = harness_start(run);
	cr_assert(harness_wait_for(harness_path("ready"), 10000), "it did not begin");
	return started;
}

Test(causes, signals_from_outside)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		const char *name = strsignal(signals[i]);
		struct harness_started run = start(&(struct harness_run){ARGV("run", "--report", "report", "--", "sh", "-c", loop)});
		struct harness_result result;

		cr_assert_eq(kill(run.pid, signals[i]), 0);
		result = harness_finish(&run);
		expect_cause(name, &result, "interrupted", 128 + signals[i]);
		expect_line(name, &result, NULL);
		cr_expect(strstr(report(), harness_text("\"outside_signal\": %d", signals[i])), "%s: %s", name, report());
		harness_done(&result);
	}
}

/* The launcher's child that is PID 1 of another namespace. */
static pid_t init_of(pid_t launcher)
{
	const char *children = harness_shell(harness_text("for c in $(cat /proc/%d/task/%d/children); do grep -q '^NSpid:.*[[:space:]]1$' /proc/$c/status && echo $c; done; true", (int)launcher, (int)launcher));

	return (pid_t)strtol(children, NULL, 10);
}

Test(causes, the_whole_sandbox_is_killed)
{
	struct harness_started run = start(&(struct harness_run){ARGV("run", "--report", "report", "--", "sh", "-c", loop)});
	struct harness_result result;
	pid_t init = init_of(run.pid);

	cr_assert_gt(init, 1, "no init");
	cr_assert_eq(kill(init, SIGKILL), 0);
	result = harness_finish(&run);
	expect_cause("SIGKILL of init", &result, "killed", 137);
	expect_line("SIGKILL of init", &result, "the whole sandbox was killed from outside");
	harness_done(&result);
}

/* stderr goes to a file: the terminal is gone when there is something to say. */
Test(causes, the_terminal_closes)
{
	struct harness_started run = start(&(struct harness_run){.program = "/bin/sh", .terminal = true,
		ARGV("-c", "exec \"$0\" run --report report -- sh -c \"$1\" 2>said", harness_program(), loop)});
	struct harness_result result;

	run.terminal = fd_close(run.terminal);
	result = harness_finish(&run);
	expect_cause("closed", &result, "terminal_closed", 129);
	cr_expect(strstr(harness_slurp(harness_path("said")), "carrel: ended because the terminal was closed"), "%s", harness_slurp(harness_path("said")));
	harness_done(&result);
}
