/* Limits of a whole sandbox, and the ladder of ways to make them hold:
 *
 *   cgroup    a cgroup v2 of our own below one that was delegated to us (cgroup.h)
 *   scope     the same below a scope that the user's systemd makes when asked over D-Bus (scope.h)
 *   watcher   rlimits, and a look at the tree's /proc from the launcher's own loop (watch.h)
 *
 * Each limit has a rung of its own: where a controller is missing, the watcher does what that controller would have done. A limit that no rung can
 * make hold has LIMITS_NONE and a reason, which is told, and refused where it was required.
 */
#ifndef CARREL_ISOLATE_LIMITS_H
#define CARREL_ISOLATE_LIMITS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "isolate/cgroup.h"
#include "isolate/limit.h"
#include "isolate/scope.h"
#include "isolate/watch.h"
#include "util/error.h"
#include "util/mem.h"

struct limits_facts {
	struct cgroup_facts cgroup;
	struct scope_facts scope;
	bool counts_tasks_of_namespace; /* RLIMIT_NPROC counts by user namespace (Linux 5.14) */
};

struct limits_plan {
	struct limit_spec spec;
	struct limits_facts facts;
	enum limit_rung rungs[LIMIT_MAX];
	const char *why[LIMIT_MAX];   /* for LIMIT_RUNG_NONE, and where a limit holds less exactly than it reads: the reason */
	bool wants_cgroup, wants_scope; /* at most one */
	bool wants_watcher;
};

/* What this host offers. Reads a few files of /proc and /sys; called only where a limit or --stats was asked for. */
int limits_read_facts(struct arena *arena, struct limits_facts *ret, struct error *err) MUST_CHECK;

/* Pure. */
void limits_plan(const struct limit_spec *spec, const struct limits_facts *facts, struct arena *arena, struct limits_plan *ret);

/* The same plan where no cgroup is to be had after all, for this reason; for a scope that systemd refused. Launcher and stage do it alike. */
void limits_fall_back(struct limits_plan *plan, struct arena *arena, const char *why);

/* The limits of a running sandbox. */
struct limits {
	struct limits_plan *plan;
	struct arena *arena;
	struct cgroup cgroup;  /* path NULL: none */
	struct scope_job scope;
	struct watch *watch;   /* NULL: none */
};

void limits_init(struct limits *limits, struct limits_plan *plan, struct arena *arena);

/* In this order, by the launcher: limits_begin before the clone; limits_ask and limits_adopt with the cloned init, before it is told to go on;
 * limits_start with the descriptors that the stage sent (taken over); limits_tick while it runs; limits_end in any case. */
int limits_begin(struct limits *limits, struct error *err) MUST_CHECK;
int limits_clone_into(const struct limits *limits); /* the cgroup's descriptor for clone3, or -1 */
/* In the clone: close what is the launcher's, so that the cgroup's lock goes with it. */
void limits_forget(struct limits *limits);
/* Sends what a scope needs; nothing is waited for. A failure is kept in `why` for limits_adopt. */
void limits_ask(struct limits *limits, pid_t init, struct error *why);
/* Waits for the scope. 1: there is none, for the reason that `why` gives, and the plan has fallen back. -errno with `why`: a limit that the kernel refuses. */
int limits_adopt(struct limits *limits, pid_t init, struct error *why) MUST_CHECK;
int limits_start(struct limits *limits, struct watch_sources *sources, struct error *err) MUST_CHECK;

/* Look, where it is time to (now_ms: CLOCK_MONOTONIC), and say what is to be done. ret->next_ms: when to call again; 0: never. */
void limits_tick(struct limits *limits, uint64_t now_ms, struct limit_verdict *ret);
/* We were stopped, with the tree: what happened meanwhile is no guide for the next look. */
void limits_skip(struct limits *limits, uint64_t now_ms);
/* A descriptor that poll(2) with POLLPRI finds ready when the cgroup has something to tell, or -1. */
int limits_event_fd(const struct limits *limits);

/* After the end of the tree, while the cgroup is still there. */
void limits_usage(struct limits *limits, struct limit_usage *ret);
void limits_end(struct limits *limits);

#endif
