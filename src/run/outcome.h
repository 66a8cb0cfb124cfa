/* How a sandbox ended: the payload's status, what caused it, what it used and on which rungs it ran. */
#ifndef CARREL_RUN_OUTCOME_H
#define CARREL_RUN_OUTCOME_H

#include <stddef.h>
#include <stdint.h>

#include "isolate/limit.h"
#include "isolate/seccomp_notify.h"
#include "util/buf.h"
#include "util/error.h"

enum outcome_cause {
	OUTCOME_EXITED,          /* the payload's own exit(3) */
	OUTCOME_SIGNALED,        /* a signal from inside */
	OUTCOME_TIMEOUT,         /* resources.timeout */
	OUTCOME_CPU_TIME,        /* SIGXCPU: resources.cpu_time */
	OUTCOME_FILE_SIZE,       /* SIGXFSZ: resources.file_size */
	OUTCOME_SECCOMP,         /* a system call that is answered with kill */
	OUTCOME_INTERRUPTED,     /* a signal from outside that was passed on */
	OUTCOME_TERMINAL_CLOSED, /* the user's terminal went away */
	OUTCOME_MEMORY,          /* resources.memory */
	OUTCOME_TASKS,           /* resources.tasks */
	OUTCOME_SCRATCH,         /* resources.scratch */
	OUTCOME_CPUS,            /* resources.cpus, which it would not be held to */
	OUTCOME_OUTPUT,          /* resources.output */
	OUTCOME_KILLED,          /* the whole sandbox was killed from outside: SIGKILL, or the kernel was out of memory */
	OUTCOME_CAUSE_MAX,
};

/* A limit that was set, for the explanation: where it came from, and its value (0: none). */
struct outcome_limit {
	uint64_t value; /* milliseconds or bytes */
	struct origin origin;
};

enum { OUTCOME_NOTES_MAX = 16, OUTCOME_TEXT = 512 };

/* supervise_run fills the first part; the launcher the rest, before or after. Strings are not owned. */
struct outcome {
	enum outcome_cause cause;
	int wait_status;    /* of the payload, as by wait(2); SIGKILL when it was killed with the whole tree */
	int outside_signal; /* the signal from outside that ended it; 0: none */
	struct {
		uint64_t wall_us, user_us, system_us, max_rss_kb; /* max_rss_kb: of the largest single process */
	} usage;

	const struct seccomp_victim *victim; /* for OUTCOME_SECCOMP: the payload and its call, where that was seen */
	const char *kills;                   /* and where not: what the profile answers with kill; NULL: nothing, or all of it was seen */

	struct limit_usage tree_usage;  /* of the whole tree, as far as it was counted */
	const char *scratch_note;      /* that the scratch space was full; NULL */
	struct limit_verdict reached;  /* for OUTCOME_MEMORY, TASKS and SCRATCH: how much it was, and the largest process */

	struct {
		struct outcome_limit timeout, cpu_time, file_size, output;
	} limits;
	struct outcome_limit tree_limits[LIMIT_MAX];
	const char *tree_rungs[LIMIT_MAX]; /* NULL: not limited */
	struct {
		const char *ids, *overlay, *limits, *network; /* NULL: not used */
	} rungs;
	const char *notes[OUTCOME_NOTES_MAX];
	size_t note_count;
};

/* What a wait status says by itself: EXITED, SIGNALED, CPU_TIME, FILE_SIZE or SECCOMP. */
enum outcome_cause outcome_cause_of(int wait_status);

/* The word for a cause, as in the report: "exited", "cpu_time". */
const char *outcome_cause_name(enum outcome_cause cause);

/* After supervise_run: what the filter's listener saw. A payload that was killed for a call has the wait status that the kernel's own kill would have
 * given, SIGSYS. Where another process was killed, a line that says so (in `arena`), else NULL. */
const char *outcome_take_witness(struct outcome *outcome, const struct seccomp_notify *notify, struct arena *arena);

/* What carrel exits with: the payload's own status, 128+n when signal n ended it. */
int outcome_exit_status(const struct outcome *outcome);

/* One line without "carrel: " and newline, such as "ended by the timeout of 5s (web.yaml:12)", into `buffer`, which is returned.
 * NULL when the end was the payload's own doing and nothing needs saying. */
const char *outcome_explain(const struct outcome *outcome, char buffer[OUTCOME_TEXT]);

/* What was used, for people, a line each: "memory: at most 312.4M of 1G (cgroup)". */
void outcome_format_stats(const struct outcome *outcome, struct buf *out);

/* The outcome as JSON, one object and a newline. */
void outcome_format(const struct outcome *outcome, struct buf *out);

#endif
