#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "run/outcome.h"

static const struct seccomp_rule rules[] = {{.call = "swapon", .arg = -1, .action = {SECCOMP_VERDICT_KILL, 0}, .at = {"web.yaml", 12, 3}}};
static const struct seccomp_spec spec = {.enabled = true, .rules = rules, .rule_count = 1}, nothing = {0};

#define SWAPON {.inside = 2, .comm = "prog", .reason = {.call = "swapon", .at = {"web.yaml", 12, 3}}}
#define SEEN(n, payload) .notify = {.spec = &spec, .fd = -1, .opened = true, .count = (n), .has_payload = (payload), .first = SWAPON, .payload_victim = SWAPON}

Test(outcome_witness, cases)
{
	static const struct {
		const char *name;
		enum outcome_cause cause;
		int wait_status;
		struct seccomp_notify notify;
		enum outcome_cause want;
		int want_status;
		bool has_victim;
		const char *kills, *note;
	} cases[] = {
	    {"nothing", OUTCOME_EXITED, 0, SEEN(0, false), OUTCOME_EXITED, 0, false, NULL, NULL},
	    {"the payload", OUTCOME_SIGNALED, SIGKILL, SEEN(1, true), OUTCOME_SECCOMP, SIGSYS, true, NULL, NULL},
	    {"the payload and another", OUTCOME_SIGNALED, SIGKILL, SEEN(2, true), OUTCOME_SECCOMP, SIGSYS, true, NULL,
	     "the system call filter killed 2 processes; the first: 'swapon' (web.yaml:12) by process prog"},
	    {"another", OUTCOME_EXITED, 4 << 8, SEEN(1, false), OUTCOME_EXITED, 4 << 8, false, NULL, "the system call filter killed a process: 'swapon' (web.yaml:12) by process prog"},
	    {"another, and a SIGKILL of its own", OUTCOME_SIGNALED, SIGKILL, SEEN(1, false), OUTCOME_SIGNALED, SIGKILL, false, NULL,
	     "the system call filter killed a process: 'swapon' (web.yaml:12) by process prog"},
	    {"the payload, at the timeout", OUTCOME_TIMEOUT, SIGKILL, SEEN(1, true), OUTCOME_TIMEOUT, SIGSYS, true, NULL, "the system call filter killed a process: 'swapon' (web.yaml:12) by process prog"},
	    {"the whole sandbox", OUTCOME_KILLED, SIGKILL, SEEN(1, true), OUTCOME_KILLED, SIGKILL, false, NULL, "the system call filter killed a process: 'swapon' (web.yaml:12) by process prog"},
	    {"nobody listened", OUTCOME_SECCOMP, SIGSYS, {.spec = &spec, .fd = -1}, OUTCOME_SECCOMP, SIGSYS, false, "swapon (web.yaml:12)", NULL},
	    {"a filter of its own", OUTCOME_SECCOMP, SIGSYS, SEEN(0, false), OUTCOME_SECCOMP, SIGSYS, false, NULL, NULL},
	    {"no filter of ours", OUTCOME_SECCOMP, SIGSYS, {.spec = &nothing, .fd = -1}, OUTCOME_SECCOMP, SIGSYS, false, NULL, NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct outcome outcome = {.cause = cases[i].cause, .wait_status = cases[i].wait_status};
		struct arena arena = {0};
		const char *note = outcome_take_witness(&outcome, &cases[i].notify, &arena);

		cr_expect_eq(outcome.cause, cases[i].want, "%s: %s", cases[i].name, outcome_cause_name(outcome.cause));
		cr_expect_eq(outcome.wait_status, cases[i].want_status, "%s: status %#x", cases[i].name, (unsigned)outcome.wait_status);
		cr_expect_eq(outcome.victim != NULL, cases[i].has_victim, "%s: victim", cases[i].name);
		cr_expect_str_eq(outcome.kills ? outcome.kills : "", cases[i].kills ? cases[i].kills : "", "%s: %s", cases[i].name, outcome.kills);
		cr_expect_str_eq(note ? note : "", cases[i].note ? cases[i].note : "", "%s: %s", cases[i].name, note);
		arena_done(&arena);
	}
}
