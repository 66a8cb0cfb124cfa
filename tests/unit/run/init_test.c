#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/channel.h"
#include "util/mem.h"
#include "util/sys.h"
#include "unit/run/tree.h"

struct fixture {
	pid_t init;
	int channel, pidfd, output;
};

static struct fixture start_tree(const char *script, void (*act)(void))
{
	struct fixture f;
	struct channel_message message;
	int ends[2], fds[FD_PASS_MAX];

	sigset_t none;
	sigemptyset(&none);
	cr_assert_eq(sigprocmask(SIG_SETMASK, &none, NULL), 0); /* the row before has blocked some */
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	f.output = ends[0];
	f.init = tree_start(&(struct tree){.script = script, .act = act, .input = open("/dev/null", O_RDONLY | O_CLOEXEC), .output = ends[1]}, &f.channel, &f.pidfd);
	cr_assert_gt(f.init, 0, "cannot make namespaces: errno %d", errno);
	close(ends[1]);
	cr_assert_eq(channel_receive(f.channel, &message, fds), 0);
	cr_assert_eq(message.type, CHANNEL_STARTED);
	return f;
}

static struct fixture start(const char *script)
{
	return start_tree(script, NULL);
}

static void tell(const struct fixture *f, enum channel_type type, int signal)
{
	cr_assert_eq(channel_send(f->channel, &(struct channel_message){.type = type, .signal = signal}, NULL, 0), 0);
}

static struct channel_exit end_of(const struct fixture *f, const char *name)
{
	struct pollfd wait = {.fd = f->channel, .events = POLLIN};
	struct channel_message message;
	int fds[FD_PASS_MAX], status;

	cr_assert_eq(poll(&wait, 1, 5000), 1, "%s: no message", name);
	cr_assert_eq(channel_receive(f->channel, &message, fds), 0, "%s", name);
	cr_assert_eq(message.type, CHANNEL_EXIT, "%s: type %d", name, message.type);
	cr_assert_eq(waitpid(f->init, &status, 0), f->init, "%s", name);
	cr_assert_eq(status, 0, "%s: init's status %x", name, (unsigned)status);
	return message.exit;
}

Test(init, reports_the_payloads_status, .timeout = 30)
{
	static const struct {
		const char *name, *script;
		int wait_status;
	} cases[] = {
	    {"success", "exit 0", 0},
	    {"a status", "exit 7", 7 << 8},
	    {"a signal", "kill -USR1 $$", SIGUSR1},
	    {"an orphan that ends before and one after", "(sleep 0.05 &); (sleep 50 &); sleep 0.2; exit 3", 3 << 8},
	    {"PID 1 cannot be ended from inside", "for s in TERM INT HUP QUIT KILL STOP ABRT SEGV USR1 ALRM CHLD RTMIN; do kill -$s 1; done; sleep 0.1; exit 5", 5 << 8},
	    {"no zombie stays with PID 1", "for i in 1 2 3 4 5; do (sh -c : &); done; for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.2; ps -o stat= --ppid 1 2>/dev/null | grep -q Z || exit 0; done; exit 1", 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f = start(cases[i].script);
		struct channel_exit end = end_of(&f, cases[i].name);

		cr_assert_eq(end.wait_status, cases[i].wait_status, "%s: %x", cases[i].name, (unsigned)end.wait_status);
	}
}

Test(init, the_tree_goes_with_the_payload, .timeout = 20)
{
	struct fixture f = start("sleep 100 & (setsid sleep 100 &) ; echo up; exit 4");
	uint64_t started = clock_ms();

	cr_assert_eq(end_of(&f, "tree").wait_status, 4 << 8);
	/* The children held the pipe: its end says that none is left. */
	cr_assert_str_eq(read_rest(f.output, 3000), "up\n");
	cr_assert_lt(clock_ms() - started, 4000);
}

Test(init, the_launchers_end_is_the_trees, .timeout = 20)
{
	struct fixture f = start("trap '' HUP TERM INT; sleep 100 & echo up; wait; sleep 100");
	int status;

	cr_assert(expect(f.output, "up", 3000));
	close(f.channel);
	cr_assert_eq(waitpid(f.init, &status, 0), f.init);
	cr_assert_str_eq(read_rest(f.output, 3000), "\n");
}

Test(init, a_signal_reaches_the_whole_group, .timeout = 20)
{
	static const struct {
		const char *name, *script;
		int signal, wait_status;
	} cases[] = {
	    {"the payload alone", "echo up; exec sleep 100", SIGTERM, SIGTERM},
	    {"handled", "trap 'exit 9' USR2; echo up; sleep 100 & wait", SIGUSR2, 9 << 8},
	    {"a pipeline", "echo up; sh -c 'sleep 100 | cat'", SIGINT, SIGINT},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f = start(cases[i].script);

		cr_assert(expect(f.output, "up", 3000), "%s", cases[i].name);
		tell(&f, CHANNEL_SIGNAL, cases[i].signal);
		struct channel_exit end = end_of(&f, cases[i].name);
		cr_assert_eq(end.wait_status, cases[i].wait_status, "%s: %x", cases[i].name, (unsigned)end.wait_status);
	}
}

Test(init, suspend_and_resume, .timeout = 20)
{
	struct fixture f = start("(while :; do echo tick; sleep 0.02; done) & echo up; wait");

	cr_assert(expect(f.output, "up", 3000));
	cr_assert(expect(f.output, "tick", 3000));
	tell(&f, CHANNEL_SUSPEND, 0);
	(void)read_rest(f.output, 300);
	cr_assert_not(expect(f.output, "tick", 300), "it goes on");
	tell(&f, CHANNEL_RESUME, 0);
	cr_assert(expect(f.output, "tick", 3000), "it does not go on");
	tell(&f, CHANNEL_SIGNAL, SIGKILL);
	cr_assert_eq(end_of(&f, "suspend").wait_status, SIGKILL);
}

/* The tree is continued, and a moment later those whom the first SIGCONT missed. Who stops itself between the two is none of them. */
Test(init, who_stops_after_a_resume_stays_stopped, .timeout = 20)
{
	struct fixture f = start("trap 'echo stops; kill -STOP $$' CONT; echo up; while :; do sleep 0.01; done");

	cr_assert(expect(f.output, "up", 3000));
	tell(&f, CHANNEL_SUSPEND, 0);
	tell(&f, CHANNEL_RESUME, 0);
	cr_assert(expect(f.output, "stops", 3000));
	cr_expect_not(expect(f.output, "stops", 500), "it was continued");
	tell(&f, CHANNEL_SIGNAL, SIGKILL);
	cr_assert_eq(end_of(&f, "stopped itself").wait_status, SIGKILL);
}

static volatile sig_atomic_t was_continued;

static void on_continue(int signal)
{
	(void)signal;
	was_continued = 1;
}

/* Orphans that end, one after the other: init has something to do all the time. */
static void make_orphans(void)
{
	for (;;) {
		pid_t child = fork();

		if (child == 0 && fork() >= 0)
			_exit(0);
		(void)waitpid(child, NULL, 0);
		(void)usleep(1000);
	}
}

/* In the parent's memory: as few page faults as one has that is stopped at birth. */
static int stop_at_birth(void *argument)
{
	(void)argument;
	(void)kill(getpid(), SIGSTOP);
	(void)!write(STDOUT_FILENO, "lives\n", 6);
	_exit(0);
}

static void bear_while_orphans_end(void)
{
	static char stack[1 << 16] __attribute__((aligned(16)));

	(void)signal(SIGCONT, on_continue);
	if (fork() == 0)
		make_orphans();
	memset(stack, 1, sizeof(stack)); /* what is touched already, and since the fork, costs the newborn no fault */
	(void)kill(getpid(), 0);
	(void)!write(STDOUT_FILENO, "up\n", 3);
	while (!was_continued)
		(void)usleep(1000);
	(void)clone(stop_at_birth, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
	for (;;)
		(void)pause();
}

Test(init, newborns_are_continued_while_orphans_end, .timeout = 20)
{
	struct fixture f = start_tree(NULL, bear_while_orphans_end);

	cr_assert(expect(f.output, "up", 3000));
	tell(&f, CHANNEL_SUSPEND, 0);
	tell(&f, CHANNEL_RESUME, 0);
	cr_expect(expect(f.output, "lives", 3000), "it stays stopped");
	tell(&f, CHANNEL_SIGNAL, SIGKILL);
	cr_assert_eq(end_of(&f, "newborn").wait_status, SIGKILL);
}

Test(init, who_had_stopped_stays_stopped, .timeout = 20)
{
	struct fixture f = start("echo up; kill -STOP $$; echo continued; sleep 100");

	cr_assert(expect(f.output, "up", 3000));
	(void)read_rest(f.output, 100);
	tell(&f, CHANNEL_SUSPEND, 0);
	tell(&f, CHANNEL_RESUME, 0);
	cr_expect_not(expect(f.output, "continued", 300));
	tell(&f, CHANNEL_SIGNAL, SIGCONT);
	cr_expect(expect(f.output, "continued", 3000));
	tell(&f, CHANNEL_SIGNAL, SIGKILL);
	cr_assert_eq(end_of(&f, "had stopped").wait_status, SIGKILL);
}

Test(init, garbage_on_the_channel_does_nothing, .timeout = 20)
{
	struct fixture f = start("sleep 0.3; exit 6");

	cr_assert_eq(write(f.channel, "garbage", 7), 7);
	tell(&f, CHANNEL_SIGNAL, 12345);
	cr_assert_eq(end_of(&f, "garbage").wait_status, 6 << 8);
}

Test(init, usage_is_the_trees, .timeout = 20)
{
	struct fixture f = start("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done");
	struct channel_exit end = end_of(&f, "usage");

	cr_assert_gt(end.usage.ru_utime.tv_sec * 1000000 + end.usage.ru_utime.tv_usec, 10000);
	cr_assert_gt(end.usage.ru_maxrss, 500);
}
