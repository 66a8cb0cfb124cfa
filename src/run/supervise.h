/* Supervise: what the launcher does while the payload runs. It relays the terminal, passes signals on, keeps the time limit, and
 * comes back when nothing of the sandbox is left.
 *
 * Signals are taken with a signalfd and no handler, so dispositions stay as the caller of carrel left them and the payload inherits
 * exactly those: what was ignored (nohup's SIGHUP, SIGINT of `sh -c 'carrel run … &'`) stays ignored and is not passed on.
 */
#ifndef CARREL_RUN_SUPERVISE_H
#define CARREL_RUN_SUPERVISE_H

#include <signal.h>
#include <stdint.h>

#include "isolate/limits.h"
#include "isolate/seccomp_notify.h"
#include "run/outcome.h"
#include "run/output.h"
#include "run/scratch.h"
#include "run/server.h"
#include "util/error.h"

/* Before the clone, in the launcher: block the signals that will be passed on, so that none is lost or ends us during the set-up. SIGPIPE
 * is blocked too: our own writes answer EPIPE. SIGCHLD becomes default, or an inherited "ignore" would reap init behind our back. */
int supervise_block_signals(sigset_t *ret_old) MUST_CHECK;

/* A signalfd for those that ask us to end (SIGINT, SIGTERM, SIGHUP, SIGQUIT, unless ignored): what the set-up listens to before supervise_run
 * takes them. The descriptor, or -errno. */
int supervise_open_ending_signals(void) MUST_CHECK;

/* In the payload, last before execve: the mask that the caller had. Dispositions were never changed. */
void supervise_unblock_signals(const sigset_t *old);

struct supervise_plan {
	int channel;         /* the launcher's end */
	const struct server *servers; /* killed when the sandbox cannot end because it waits for one of them */
	size_t server_count;
	int pidfd;           /* of init, our child */
	int pty_master;      /* -1: none. supervise_run closes it */
	int input, output;   /* the user's stdin and stdout, for the relay; their file descriptions are shared with
			      * others and get no O_NONBLOCK */
	struct limits *limits; /* NULL: none to look after */
	struct seccomp_notify *notify; /* NULL: no filter that kills */
	struct output *pipes;  /* what may be said, and the pipes that it is said into; NULL: whatever and none */
	struct scratch *room;  /* to be looked at from time to time; NULL: not */
	uint64_t timeout_ms; /* from this call on; 0: none. CLOCK_MONOTONIC: no clock change moves it, and the time that a
			      * machine sleeps does not count, since the payload could not run in it either */
	int stop_signal;     /* what the timeout asks the payload to end with; 0: SIGTERM */
	uint64_t grace_ms;   /* between that, or SIGHUP, and SIGKILL, when it is we who end the payload */
};

/* Runs until init has ended and been reaped. Fills cause, wait_status, outside_signal and usage of *ret and leaves the rest of it.
 * However it returns, the terminal is as it was and the sandbox has ended (after an error it was killed).
 *
 * SIGTSTP stops the tree and then ourselves, as a shell expects; SIGCONT goes on with both. Started in the background (`carrel run … &`),
 * output is relayed and the terminal is left alone until we are in the foreground. */
int supervise_run(const struct supervise_plan *plan, struct outcome *ret, struct error *err) MUST_CHECK;

#endif
