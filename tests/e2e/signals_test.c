/* Signals from outside, time limits and what is said of an end: statuses, the report and the traces. */
#include <signal.h>
#include <unistd.h>

#include "e2e/harness.h"

HARNESS_SUITE(signals);

/* A shell that waits in small steps runs its trap at once. */
static const char loop[] = "touch ready; i=0; while [ $i -lt 200 ]; do sleep 0.05; i=$((i+1)); done; exit 99";

static struct harness_started start(const char *const *options, const char *script)
{
	struct harness_started run;

	(void)harness_shell("rm -f ready");
	run = harness_start(&(struct harness_run){.timeout_ms = 30000, .argv = harness_words(HARNESS_WORDS("run"), harness_words(options, HARNESS_WORDS("--", "sh", "-c", script)))});
	cr_assert(harness_wait_for(harness_path("ready"), 10000), "it did not begin");
	return run;
}

static const struct {
	const char *name;
	int number;
} passed_on[] = {{"INT", SIGINT}, {"TERM", SIGTERM}, {"HUP", SIGHUP}, {"QUIT", SIGQUIT}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2}};

Test(signals, reach_the_command)
{
	for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++) {
		struct harness_started run = start(HARNESS_WORDS(NULL), harness_text("trap 'echo got; exit 7' %s; %s", passed_on[i].name, loop));
		struct harness_result result;

		cr_assert_eq(kill(run.pid, passed_on[i].number), 0);
		result = harness_finish(&run);
		harness_expect_status(passed_on[i].name, &result, 7);
		harness_expect_out(passed_on[i].name, &result, "got");
		harness_done(&result);
	}
}

Test(signals, end_it_as_they_would_without_carrel)
{
	for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++) {
		struct harness_started run = start(HARNESS_WORDS("--report", "report"), loop);
		struct harness_result result;

		cr_assert_eq(kill(run.pid, passed_on[i].number), 0);
		result = harness_finish(&run);
		harness_expect_status(passed_on[i].name, &result, 128 + passed_on[i].number);
		cr_expect(strstr(harness_slurp(harness_path("report")), "\"cause\": \"interrupted\""), "%s: %s", passed_on[i].name, harness_slurp(harness_path("report")));
		harness_done(&result);
	}
}

static char state_of(pid_t pid)
{
	const char *text = harness_slurp(harness_text("/proc/%d/stat", (int)pid)), *end = strrchr(text, ')');

	return end ? end[2] : '?';
}

static bool wait_for_state(pid_t pid, char state)
{
	for (int i = 0; i < 400 && state_of(pid) != state; i++)
		(void)usleep(10000);
	return state_of(pid) == state;
}

/* In an orphaned process group SIGTSTP stops nobody, as the kernel has it; so a shell with job control stands above. */
Test(signals, stop_and_continue)
{
	static const char script[] = "set -m; \"$@\" run -- sh -c 'touch ready; while sleep 0.05; do echo tick >>ticks; done' & echo $! >job; fg >/dev/null 2>&1; echo stopped >stopped; "
				     "until test -e go; do sleep 0.05; done; fg >/dev/null 2>&1; exit $?";
	struct harness_started shell =
		harness_start(&(struct harness_run){.program = "/bin/bash", .terminal = true, .timeout_ms = 30000, ARGV("-c", script, "bash", harness_program())});
	struct harness_result result;
	const char *before, *after;
	pid_t job;

	cr_assert(harness_wait_for(harness_path("ready"), 10000));
	job = (pid_t)strtol(harness_slurp(harness_path("job")), NULL, 10);
	cr_assert_gt(job, 1);
	cr_assert_eq(kill(job, SIGTSTP), 0);
	cr_expect(wait_for_state(job, 'T'), "the launcher does not stop: %c", state_of(job));
	cr_expect(harness_wait_for(harness_path("stopped"), 5000), "the shell did not see it stop");
	before = harness_slurp(harness_path("ticks"));
	(void)usleep(300000);
	after = harness_slurp(harness_path("ticks"));
	cr_expect_str_eq(after, before, "the command runs on while it is stopped");
	(void)harness_file("go", "");
	(void)usleep(600000);
	cr_expect_gt(strlen(harness_slurp(harness_path("ticks"))), strlen(after), "the command does not go on");
	cr_assert_eq(kill(job, SIGTERM), 0);
	result = harness_finish(&shell);
	harness_done(&result);
}

/* --- limits ---------------------------------------------------------------------------------------------------------------------- */

static const struct limit_case {
	const char *name;
	const char *const *options;
	const char *script;
	int status;
	const char *err, *report;
	long most_ms;
} limits[] = {
	{"timeout, obeyed", HARNESS_WORDS("--timeout", "300ms"), "sleep 20", 143, "ended by the timeout of 300ms (command line --timeout)", "\"timeout\"", 5000},
	{"timeout, a handler's status", HARNESS_WORDS("--timeout", "300ms"), "trap 'exit 5' TERM; while :; do sleep 0.05; done", 5, "ended by the timeout", "\"timeout\"", 5000},
	{"timeout, ignored", HARNESS_WORDS("--timeout", "300ms", "--set", "resources.grace=300ms"), "trap '' TERM; while :; do sleep 0.05; done", 137, "ended by the timeout", "\"timeout\"", 6000},
	{"timeout, not reached", HARNESS_WORDS("--timeout", "20s"), "true", 0, NULL, "\"exited\"", 5000},
	{"timeout of a stopped command", HARNESS_WORDS("--timeout", "300ms"), "kill -STOP $$", 143, "ended by the timeout", "\"timeout\"", 5000},
	{"CPU time", HARNESS_WORDS("--set", "resources.cpu_time=1s"), "while :; do :; done", 152, "ended by the CPU time limit of 1s", "\"cpu_time\"", 15000},
	{"file size", HARNESS_WORDS("--set", "resources.file_size=1M"), "exec dd if=/dev/zero of=big bs=64k count=100", 153, "ended by the file size limit of 1M", "\"file_size\"", 5000},
	{"open files", HARNESS_WORDS("--ulimit", "nofile=64"), "ulimit -n", 0, NULL, "\"exited\"", 5000},
	{"a call with the action kill", HARNESS_WORDS("--set", "syscalls.rules=[{call: sched_yield, action: kill}]"), "exec python3 -c 'import os; os.sched_yield()'", 159, "system call filter", "\"seccomp\"", 5000},
	{"its own signal", HARNESS_WORDS(NULL), "kill -USR1 $$", 138, NULL, "\"signaled\"", 5000},
	{"its own status", HARNESS_WORDS(NULL), "exit 250", 250, NULL, "\"exited\"", 5000},
	{"background children go, too", HARNESS_WORDS(NULL), "sleep 100 & setsid sleep 100 & exit 4", 4, NULL, "\"exited\"", 5000},
};

Test(signals, limits_and_causes)
{
	harness_requires_program("python3");
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		const struct limit_case *c = &limits[i];
		struct harness_result result = harness_run(&(struct harness_run){
			.argv = harness_words(HARNESS_WORDS("run", "--report", "report"), harness_words(c->options, HARNESS_WORDS("--", "sh", "-c", c->script)))});
		const char *report = harness_slurp(harness_path("report"));

		harness_expect_status(c->name, &result, c->status);
		if (c->err)
			harness_expect_err(c->name, &result, c->err);
		cr_expect(strstr(report, harness_text("\"cause\": %s", c->report)), "%s: report: %s", c->name, report);
		cr_expect(strstr(report, harness_text("\"status\": %d", c->status)), "%s: report: %s", c->name, report);
		cr_expect_lt(result.elapsed_ms, c->most_ms, "%s: took %ld ms", c->name, result.elapsed_ms);
		harness_done(&result);
	}
}

/* --- what it says --------------------------------------------------------------------------------------------------------------------- */

static const struct harness_case says[] = {
	{"-v", ARGV("-v", "run", "--", "true"), .err = "ids: single, layers: none, limits: rlimit, network: none"},
	{"--trace-startup", ARGV("run", "--trace-startup", "--", "true"), .err = "command running"},
	{"--dry-run", ARGV("run", "--dry-run", "--", "sh", "-c", "touch ran"), .out = "sh"},
	{"--dry-run names origins", ARGV("run", "--dry-run", "--timeout", "5s", "--", "true"), .out = "command line --timeout"},
	{"--dry-run names the stop signal", ARGV("run", "--dry-run", "--stop-signal", "int", "--stop-timeout", "3s", "--", "true"), .out = "  stop_signal: SIGINT  # command line --stop-signal\n"},
	{"--dry-run names its own one", ARGV("run", "--dry-run", "--", "true"), .out = "  stop_signal: SIGTERM  # built in\n"},
	{"--dry-run names the time until SIGKILL", ARGV("run", "--dry-run", "--stop-timeout", "3s", "--", "true"), .out = "  - grace: 3s  # command line --stop-timeout\n"},
	{"--dry-run names a profile's lines", ARGV("run", "--dry-run", "--", "true"), .out = "default.yaml:"},
	{"--dry-run of what cannot be", ARGV("run", "--dry-run", "--network", "nat", "--", "true"), .status = 125, .err = "cannot provide"},
	{"the report on a descriptor that is not there", ARGV("run", "--report", "9", "--", "true"), .status = 125, .err = "descriptor 9"},
	{"the report in a folder that is not there", ARGV("run", "--report", "/no/such/report", "--", "true"), .status = 125, .err = "/no/such/report"},
	{"silent when all is well", ARGV("run", "--", "true"), .not_err = "carrel"},
};

Test(signals, what_it_says)
{
	struct harness_result result;

	harness_table(says, ARRAY_SIZE(says));
	cr_expect(access(harness_path("ran"), F_OK) < 0, "--dry-run ran the command");
	result = harness_run(&(struct harness_run){.program = "/bin/sh", ARGV("-c", "\"$0\" run --report 3 -- sh -c 'exit 3' 3>fd-report; cat fd-report", harness_program())});
	harness_expect_out("to a descriptor", &result, "\"status\": 3");
	harness_expect_out("to a descriptor", &result, "\"ids\": \"single\"");
	harness_done(&result);
}
