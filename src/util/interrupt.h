/* Ending by a signal, tidily. While a child does the work, this process blocks the signals that people, sessions and batch systems end commands with, takes them one by one and hands
 * them on; nothing is done in a handler. When the child has ended, what it left is put in order, and at the very end of main the signal does to us what it would have done.
 *
 *	interrupt_hold(&held);
 *	child = fork();
 *	if (child == 0)
 *		interrupt_let_go(&held), work();
 *	status = interrupt_wait(&held, child, NULL);
 *	if (WIFSIGNALED(status))
 *		tidy up, interrupt_note(WTERMSIG(status));
 *	interrupt_let_go(&held);
 */
#ifndef CARREL_UTIL_INTERRUPT_H
#define CARREL_UTIL_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "util/error.h"

struct interrupt {
	sigset_t held, before;
};

/* SIGHUP, SIGINT, SIGQUIT and SIGTERM; not those that are ignored, as behind nohup(1). */
void interrupt_hold(struct interrupt *ret);
/* As it was. In the child of a fork, and at the end. */
void interrupt_let_go(const struct interrupt *held);
/* Wait for a child of ours, which gets each signal that comes meanwhile. Its wait status, or -errno. *ret_signal (may be NULL): the last one that came; 0: none. */
int interrupt_wait(const struct interrupt *held, pid_t child, int *ret_signal) MUST_CHECK;
/* Is it one of those? */
bool interrupt_is(int signal);

/* This process is to end by the signal. Nobody needs to be told why, then. */
void interrupt_note(int signal);
bool interrupt_is_noted(void);
/* For the last line of main: dies by the signal that was noted, without a core file; or gives the status. */
int interrupt_end(int status) MUST_CHECK;

#endif
