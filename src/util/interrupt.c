#include "util/interrupt.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "util/mem.h"

static const int ending[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

static int noted; /* 0: none */

bool interrupt_is(int signal)
{
	for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
		if (ending[i] == signal)
			return true;
	return false;
}

void interrupt_hold(struct interrupt *ret)
{
	(void)signal(SIGCHLD, SIG_DFL); /* who ignores it has its children taken away, and hears of none */
	(void)sigemptyset(&ret->held);
	(void)sigaddset(&ret->held, SIGCHLD);
	for (size_t i = 0; i < ARRAY_SIZE(ending); i++) {
		struct sigaction action;

		/* (A signal that is blocked is kept even where it is ignored.) */
		if (sigaction(ending[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			(void)sigaddset(&ret->held, ending[i]);
	}
	(void)sigprocmask(SIG_BLOCK, &ret->held, &ret->before);
}

void interrupt_let_go(const struct interrupt *held)
{
	(void)sigprocmask(SIG_SETMASK, &held->before, NULL);
}

int interrupt_wait(const struct interrupt *held, pid_t child, int *ret_signal)
{
	int status, came = 0;
	pid_t ended;

	while ((ended = waitpid(child, &status, WNOHANG)) != child) {
		if (ended < 0 && errno != EINTR)
			return -errno;
		int signal = ended < 0 ? 0 : sigwaitinfo(&held->held, NULL);
		if (!interrupt_is(signal)) /* one of our children has changed, or nothing */
			continue;
		came = signal;
		(void)kill(child, signal); /* our unreaped child */
	}
	if (ret_signal)
		*ret_signal = came;
	return status;
}

void interrupt_note(int signal)
{
	noted = signal;
}

bool interrupt_is_noted(void)
{
	return noted != 0;
}

int interrupt_end(int status)
{
	const struct rlimit none = {0, 0};
	sigset_t one;

	if (!noted)
		return status;
	(void)setrlimit(RLIMIT_CORE, &none); /* the core file of whoever it was for is the one of use */
	(void)signal(noted, SIG_DFL);
	(void)sigemptyset(&one);
	(void)sigaddset(&one, noted);
	(void)raise(noted);
	(void)sigprocmask(SIG_UNBLOCK, &one, NULL);
	return 128 + noted; /* it was one that ends nobody */
}
