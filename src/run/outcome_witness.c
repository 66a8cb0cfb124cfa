/* What the filter's listener saw, as part of the outcome. */
#include <inttypes.h>
#include <signal.h>
#include <sys/wait.h>

#include "run/outcome.h"

static void take_payload(struct outcome *outcome, const struct seccomp_notify *notify, struct arena *arena)
{
	struct seccomp_victim *victim = arena_alloc(arena, sizeof(*victim));

	/* Who ended the sandbox for another reason (the timeout, a signal that was passed on) did not end it by this. */
	if (outcome->cause == OUTCOME_SIGNALED)
		outcome->cause = OUTCOME_SECCOMP;
	outcome->wait_status = SIGSYS;
	*victim = notify->payload_victim;
	outcome->victim = victim;
}

static const char *describe_other(const struct seccomp_notify *notify, struct arena *arena)
{
	char call[OUTCOME_TEXT / 2];

	seccomp_victim_format(&notify->first, call, sizeof(call));
	if (notify->count == 1)
		return arena_printf(arena, "the system call filter killed a process: %s", call);
	return arena_printf(arena, "the system call filter killed %" PRIu64 " processes; the first: %s", notify->count, call);
}

const char *outcome_take_witness(struct outcome *outcome, const struct seccomp_notify *notify, struct arena *arena)
{
	bool is_sigkill = WIFSIGNALED(outcome->wait_status) && WTERMSIG(outcome->wait_status) == SIGKILL;

	if (outcome->cause == OUTCOME_SECCOMP && !notify->opened && notify->spec->enabled) {
		char kills[OUTCOME_TEXT / 2];

		seccomp_explain_kills(notify->spec, kills, sizeof(kills));
		outcome->kills = kills[0] ? arena_strdup(arena, kills) : NULL;
	}
	if (!notify->count)
		return NULL;
	if (notify->has_payload && is_sigkill && outcome->cause != OUTCOME_KILLED)
		take_payload(outcome, notify, arena);
	return outcome->cause == OUTCOME_SECCOMP && notify->count == 1 ? NULL : describe_other(notify, arena);
}
