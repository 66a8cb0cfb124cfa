#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/supervise.h"
#include "util/mem.h"
#include "unit/run/tree.h"

/* A payload without a terminal, its output in a pipe. */
struct fixture {
	struct launcher launcher;
	int output;
};

static struct fixture start(struct tree tree)
{
	struct fixture f;
	int ends[2];

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	tree.input = open("/dev/null", O_RDONLY | O_CLOEXEC);
	tree.output = ends[1];
	f.output = ends[0];
	launcher_start(&f.launcher, &tree);
	close(ends[1]);
	close(tree.input);
	return f;
}

static struct outcome end_of(struct fixture *f, const char *name)
{
	struct outcome outcome;

	cr_assert(launcher_wait(&f->launcher, 8000, &outcome), "%s: no outcome", name);
	return outcome;
}

Test(supervise, the_outcome_has_status_and_cause, .timeout = 60)
{
	static const struct {
		const char *name, *script;
		uint64_t timeout_ms, grace_ms;
		enum outcome_cause cause;
		int status;
	} cases[] = {
	    {"success", "exit 0", 0, 0, OUTCOME_EXITED, 0},
	    {"a status", "exit 42", 0, 0, OUTCOME_EXITED, 42},
	    {"a signal from inside", "kill -SEGV $$", 0, 0, OUTCOME_SIGNALED, 128 + SIGSEGV},
	    {"CPU time", "ulimit -S -t 1; while :; do :; done", 0, 0, OUTCOME_CPU_TIME, 128 + SIGXCPU},
	    {"file size", "ulimit -f 1; f=$(mktemp -u /tmp/XXXXXX); trap 'rm -f $f' EXIT; kill -XFSZ $$", 0, 0, OUTCOME_FILE_SIZE, 128 + SIGXFSZ},
	    {"a refused system call", "kill -SYS $$", 0, 0, OUTCOME_SECCOMP, 128 + SIGSYS},
	    {"a timeout", "exec sleep 100", 200, 5000, OUTCOME_TIMEOUT, 128 + SIGTERM},
	    {"a timeout that is handled", "trap 'exit 3' TERM; sleep 100 & wait", 800, 5000, OUTCOME_TIMEOUT, 3},
	    {"a timeout that is ignored", "trap '' TERM; sleep 100 & wait; sleep 100", 800, 300, OUTCOME_TIMEOUT, 128 + SIGKILL},
	    {"a timeout while it is stopped", "kill -STOP $$; sleep 100", 200, 5000, OUTCOME_TIMEOUT, 128 + SIGTERM},
	    {"a timeout that is not reached", "exit 8", 60000, 0, OUTCOME_EXITED, 8},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f = start((struct tree){.script = cases[i].script, .timeout_ms = cases[i].timeout_ms, .grace_ms = cases[i].grace_ms});
		struct outcome outcome = end_of(&f, cases[i].name);

		cr_assert_eq(outcome.cause, cases[i].cause, "%s: cause %d", cases[i].name, (int)outcome.cause);
		cr_assert_eq(outcome_exit_status(&outcome), cases[i].status, "%s: status %d", cases[i].name, outcome_exit_status(&outcome));
		cr_assert_gt(outcome.usage.wall_us, 0, "%s", cases[i].name);
		cr_assert_gt(outcome.usage.max_rss_kb, 0, "%s", cases[i].name);
		close(f.output);
	}
}

Test(supervise, signals_from_outside_are_passed_on, .timeout = 60)
{
	static const int int_ignored[] = {SIGINT, 0}, hup_ignored[] = {SIGHUP, 0};
	static const struct {
		const char *name, *script;
		int signal;
		const int *ignored;
		enum outcome_cause cause;
		int status;
	} cases[] = {
	    {"TERM", "echo up; exec sleep 100", SIGTERM, NULL, OUTCOME_INTERRUPTED, 128 + SIGTERM},
	    {"INT", "echo up; sleep 100 | cat", SIGINT, NULL, OUTCOME_INTERRUPTED, 128 + SIGINT},
	    {"HUP", "echo up; exec sleep 100", SIGHUP, NULL, OUTCOME_INTERRUPTED, 128 + SIGHUP},
	    {"QUIT", "trap 'exit 131' QUIT; echo up; sleep 100 & wait", SIGQUIT, NULL, OUTCOME_INTERRUPTED, 128 + SIGQUIT},
	    {"USR1 handled", "trap 'exit 5' USR1; echo up; sleep 100 & wait", SIGUSR1, NULL, OUTCOME_EXITED, 5},
	    {"USR2", "echo up; exec sleep 100", SIGUSR2, NULL, OUTCOME_INTERRUPTED, 128 + SIGUSR2},
	    {"ALRM", "echo up; exec sleep 100", SIGALRM, NULL, OUTCOME_INTERRUPTED, 128 + SIGALRM},
	    {"INT when it was ignored", "echo up; sleep 0.4; exit 6", SIGINT, int_ignored, OUTCOME_EXITED, 6},
	    {"HUP under nohup", "echo up; kill -HUP $$; sleep 0.4; exit 7", SIGHUP, hup_ignored, OUTCOME_EXITED, 7},
	    {"handled with a shell's status", "trap 'exit 143' TERM; echo up; sleep 100 & wait", SIGTERM, NULL, OUTCOME_INTERRUPTED, 143},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f = start((struct tree){.script = cases[i].script, .ignored = cases[i].ignored});

		cr_assert(expect(f.output, "up\n", 3000), "%s", cases[i].name);
		kill(f.launcher.pid, cases[i].signal);
		struct outcome outcome = end_of(&f, cases[i].name);
		cr_assert_eq(outcome.cause, cases[i].cause, "%s: cause %d", cases[i].name, (int)outcome.cause);
		cr_assert_eq(outcome_exit_status(&outcome), cases[i].status, "%s: status %d", cases[i].name, outcome_exit_status(&outcome));
		close(f.output);
	}
}

Test(supervise, signals_before_the_loop_are_not_lost, .timeout = 20)
{
	struct fixture f = start((struct tree){.script = "exec sleep 100"});

	usleep(20000); /* somewhere in the set-up */
	kill(f.launcher.pid, SIGTERM);
	struct outcome outcome;
	if (launcher_wait(&f.launcher, 5000, &outcome)) /* else it came before the signals were blocked, and ended the launcher */
		cr_assert_eq(outcome.wait_status, SIGTERM);
	cr_assert_str_eq(read_rest(f.output, 3000), "");
}

Test(supervise, the_payload_gets_the_callers_mask_and_dispositions, .timeout = 20)
{
	static const int ignored[] = {SIGPIPE, SIGUSR2, 0};
	struct fixture f = start((struct tree){.script = "exec grep -E 'Sig(Blk|Ign)' /proc/self/status", .ignored = ignored});
	unsigned long long blocked = 1, ignoring = 0;

	(void)end_of(&f, "mask");
	const char *text = read_rest(f.output, 1000);
	cr_assert_eq(sscanf(text, "SigBlk: %llx SigIgn: %llx", &blocked, &ignoring), 2, "%s", text);
	cr_assert_eq(blocked, 0);
	ignoring &= (1ULL << 31) - 1; /* what ran the tests may ignore the C library's own two, which begin at 32 */
	cr_assert_eq(ignoring, 1ULL << (SIGPIPE - 1) | 1ULL << (SIGUSR2 - 1), "%llx", ignoring);
}

Test(supervise, background_children_with_the_pipe_go_too, .timeout = 20)
{
	struct fixture f = start((struct tree){.script = "sleep 100 & (setsid sleep 100 &); echo done"});
	uint64_t began = clock_ms();

	cr_assert_eq(end_of(&f, "children").wait_status, 0);
	cr_assert_str_eq(read_rest(f.output, 3000), "done\n");
	cr_assert_lt(clock_ms() - began, 4000);
}

static pid_t child_of(pid_t parent)
{
	char path[64], text[64] = "";

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	return (pid_t)atoi(text);
}

Test(supervise, a_killed_init_is_told, .timeout = 20)
{
	struct fixture f = start((struct tree){.script = "sleep 100 & echo up; sleep 100"});

	cr_assert(expect(f.output, "up\n", 3000));
	pid_t init = child_of(f.launcher.pid);
	cr_assert_gt(init, 1);
	kill(init, SIGKILL);
	struct outcome outcome = end_of(&f, "killed");
	cr_assert_eq(outcome.cause, OUTCOME_KILLED);
	cr_assert_eq(outcome_exit_status(&outcome), 137);
	cr_assert_gt(outcome.usage.max_rss_kb, 0);
	cr_assert_str_eq(read_rest(f.output, 2000), "");
}

Test(supervise, a_stopped_init_does_not_outlive_the_timeout, .timeout = 20)
{
	struct fixture f = start((struct tree){.script = "echo up; sleep 100", .timeout_ms = 300, .grace_ms = 200});

	cr_assert(expect(f.output, "up\n", 3000));
	kill(child_of(f.launcher.pid), SIGSTOP);
	cr_assert_eq(end_of(&f, "stopped").cause, OUTCOME_TIMEOUT);
}

Test(supervise, a_killed_launcher_leaves_nothing, .timeout = 20)
{
	struct fixture f = start((struct tree){.script = "trap '' HUP TERM; sleep 100 & echo up; wait; sleep 100"});

	cr_assert(expect(f.output, "up\n", 3000));
	kill(f.launcher.pid, SIGKILL);
	waitpid(f.launcher.pid, NULL, 0);
	uint64_t began = clock_ms();
	cr_assert_str_eq(read_rest(f.output, 3000), "");
	cr_assert_lt(clock_ms() - began, 2500, "something still held the pipe");
}

Test(supervise, sigtstp_stops_everything_and_sigcont_goes_on, .timeout = 20)
{
	int terminal, screen = desk_open(&terminal); /* a parent in the same session: the group is not orphaned */
	struct fixture f = start((struct tree){.script = "trap 'exit 4' TERM; (while :; do echo tick; sleep 0.02; done) & echo up; wait"});

	cr_assert(expect(f.output, "tick", 3000));
	kill(f.launcher.pid, SIGTSTP);
	cr_assert(launcher_stopped(&f.launcher, 3000));
	(void)read_rest(f.output, 300);
	cr_assert_not(expect(f.output, "tick", 300), "the payload goes on");
	kill(f.launcher.pid, SIGCONT);
	cr_assert(expect(f.output, "tick", 3000), "the payload does not go on");
	kill(f.launcher.pid, SIGTERM);
	cr_assert_eq(end_of(&f, "tstp").wait_status, 4 << 8);
	close(screen);
}

/* The kernel stops nobody who could not be continued: a group whose parents are all of other sessions. */
Test(supervise, sigtstp_in_an_orphaned_group_does_not_stick, .timeout = 20)
{
	struct outcome outcome;
	struct fixture f = start((struct tree){.script = "echo up; sleep 0.5; exit 3", .new_session = true});
	cr_assert(expect(f.output, "up\n", 3000));
	kill(f.launcher.pid, SIGTSTP);
	cr_assert(launcher_wait(&f.launcher, 8000, &outcome), "it stopped for ever");
	cr_assert_eq(outcome.wait_status, 3 << 8);
}
