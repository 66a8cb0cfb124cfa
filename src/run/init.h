/* Init: what PID 1 of the sandbox does once the payload runs. It reaps, passes signals on, and takes the whole tree with
 * it when the payload has ended or the launcher is gone: a PID 1 that ends takes every process of its namespace along
 * (pid_namespaces(7)).
 *
 * Nothing inside can end it: the kernel gives PID 1 no signal from its own namespace that it has no handler for, and
 * init has none.
 */
#ifndef CARREL_RUN_INIT_H
#define CARREL_RUN_INIT_H

#include <sys/types.h>

#include "util/error.h"

struct init_plan {
	int channel;   /* init's end, see channel.h */
	pid_t payload; /* a child of ours */
};

/* Runs until the payload has ended; CHANNEL_EXIT is sent then, after everything else in the namespace was killed and
 * reaped (so the usage is the whole tree's and no one holds the pty any more; a process that the kernel does not
 * let go is waited for one second). The caller has nothing left to do but _exit(2).
 * 0; -EPIPE when the launcher is gone and the tree was killed for it; -errno when init could not begin.
 *
 * CHANNEL_SIGNAL goes to the payload's process group where it leads one, as a terminal would send it, else to the payload.
 * CHANNEL_SUSPEND stops all of the namespace, and CHANNEL_RESUME goes on with all but those that had stopped before: a job that a shell inside has
 * stopped stays so.
 * Reaching processes that changed their user needs CAP_KILL in the user namespace; without it the caller's exit still ends them.
 * Every signal stays blocked. */
int init_run(const struct init_plan *plan) MUST_CHECK;

#endif
