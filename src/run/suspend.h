/* Stopping and continuing all processes of a PID namespace, by its PID 1. */
#ifndef CARREL_RUN_SUSPEND_H
#define CARREL_RUN_SUSPEND_H

#include <stdbool.h>
#include <sys/types.h>

enum { SUSPEND_STOPPED_MAX = 256 };

struct suspend {
	int procfs; /* as this namespace sees it; -1: there is none */
	pid_t stopped[SUSPEND_STOPPED_MAX]; /* that had stopped before us; beyond the most, one is continued with the rest */
	size_t stopped_count;
	bool is_on;
};

void suspend_init(struct suspend *suspend);
/* SIGSTOP to every process but ourselves. */
void suspend_begin(struct suspend *suspend);
/* SIGCONT to every one but those that had stopped by themselves. (Not known of who was just sending itself a SIGSTOP when ours came: the kernel makes one of two
 * that are pending.) */
void suspend_end(struct suspend *suspend);
/* Some time after suspend_end: a process that is being forked when SIGSTOP comes gets it at birth, but not the SIGCONT behind it, which its parent
 * ignores by default (kernel: __send_signal_locked leaves before it looks at the forks under way). Only such a one is continued: what has stopped itself
 * since then stays stopped. */
void suspend_end_newborn(struct suspend *suspend);
void suspend_done(struct suspend *suspend);

#endif
