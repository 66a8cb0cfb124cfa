#include "util/interrupt.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/mem.h"
#include "util/proc.h"

TestSuite(interrupt, .timeout = 30);

static const int ending[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

/* A child that waits for its end, as one that works. */
static pid_t start(const struct interrupt *held)
{
	pid_t child = fork();

	cr_assert_geq(child, 0);
	if (child == 0) {
		interrupt_let_go(held);
		(void)sleep(20);
		_exit(0);
	}
	return child;
}

Test(interrupt, what_comes_is_handed_on)
{
	for (size_t i = 0; i < ARRAY_SIZE(ending); i++) {
		struct interrupt held;
		int status, came;

		interrupt_hold(&held);
		pid_t child = start(&held);
		cr_assert_eq(kill(getpid(), ending[i]), 0);
		status = interrupt_wait(&held, child, &came);
		interrupt_let_go(&held);
		cr_expect(status >= 0 && WIFSIGNALED(status) && WTERMSIG(status) == ending[i], "%d: wait status %#x", ending[i], (unsigned)status);
		cr_expect_eq(came, ending[i], "%d", ending[i]);
		cr_expect(interrupt_is(ending[i]) && !interrupt_is(SIGPIPE));
	}
}

Test(interrupt, without_any_the_childs_own_end)
{
	struct interrupt held;
	int came = -1, status;

	(void)signal(SIGCHLD, SIG_IGN); /* as we may have it from who started us */
	interrupt_hold(&held);
	pid_t child = fork();
	if (child == 0)
		_exit(7);
	status = interrupt_wait(&held, child, &came);
	interrupt_let_go(&held);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 7, "%#x", (unsigned)status);
	cr_expect_eq(came, 0);
	cr_expect_eq(interrupt_wait(&held, child, &came), -ECHILD);
}

Test(interrupt, what_is_ignored_stays_so)
{
	struct interrupt held;
	sigset_t pending;
	int status;

	(void)signal(SIGHUP, SIG_IGN);
	interrupt_hold(&held);
	pid_t child = start(&held);
	cr_assert(kill(getpid(), SIGHUP) == 0 && sigpending(&pending) == 0);
	cr_expect_not(sigismember(&pending, SIGHUP));
	cr_assert_eq(kill(getpid(), SIGTERM), 0);
	status = interrupt_wait(&held, child, NULL);
	cr_expect_eq(WTERMSIG(status), SIGTERM);
	interrupt_let_go(&held);
}

static const struct {
	const char *name;
	int noted, status;
	bool is_signal;
} ends[] = {
	{"none", 0, 3, false}, {"SIGTERM", SIGTERM, SIGTERM, true}, {"SIGINT", SIGINT, SIGINT, true}, {"SIGKILL", SIGKILL, SIGKILL, true}, {"SIGSEGV", SIGSEGV, SIGSEGV, true},
	{"one that ends nobody", SIGWINCH, 128 + SIGWINCH, false},
};

Test(interrupt, the_end_is_the_signals)
{
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		pid_t child = fork();

		if (child == 0) {
			struct interrupt held;

			interrupt_hold(&held);
			if (ends[i].noted)
				interrupt_note(ends[i].noted);
			_exit(interrupt_is_noted() == (ends[i].noted != 0) ? interrupt_end(3) : 99);
		}
		int status = proc_wait(child);
		cr_expect(ends[i].is_signal ? WIFSIGNALED(status) && WTERMSIG(status) == ends[i].status && !WCOREDUMP(status) : WIFEXITED(status) && WEXITSTATUS(status) == ends[i].status,
		    "%s: wait status %#x", ends[i].name, (unsigned)status);
	}
}
