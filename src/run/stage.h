/* The stage: what the cloned child does between its first instruction and the payload's. It becomes PID 1 of the sandbox. */
#ifndef CARREL_RUN_STAGE_H
#define CARREL_RUN_STAGE_H

#include <signal.h>

#include "isolate/seccomp.h"
#include "run/output.h"
#include "run/plan.h"

struct stage {
	struct plan *plan;
	struct seccomp_program *filter;
	int channel;             /* our end */
	int guard;               /* the placeholders' guard; -1 */
	const sigset_t *signals; /* the mask that the payload gets back */
	struct output *output;   /* the pipes that it speaks into, where that is limited */
};

/* Never returns: ends with the sandbox. */
_Noreturn void stage_run(const struct stage *stage);

/* payload.c: the last steps, in the payload's own process, which still shares its memory with init; returns only on failure. `slave` is the
 * pty's, or -1. */
int payload_exec(const struct stage *stage, int slave, struct error *err) MUST_CHECK;

#endif
