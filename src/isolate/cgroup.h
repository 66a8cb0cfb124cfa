/* Control groups, version 2 (cgroups(7); kernel: Documentation/admin-guide/cgroup-v2.rst), below a cgroup that somebody delegated to this user.
 *
 * A sandbox gets two levels:   PARENT/carrel-PID-N/          limits are set here; no process
 *                              PARENT/carrel-PID-N/box/      all processes, and the root of the sandbox's cgroup namespace
 * so that a payload that mounts cgroup2 in a namespace of its own can reach no file that a limit stands in, whatever the mount options of the host
 * (nsdelegate). The outer one is locked with flock(2) as long as its launcher lives: a free lock is a leftover, and the next start removes it.
 *
 * Which parent: the nearest cgroup at or above our own that we may make children in (mkdir, and write access to its cgroup.procs, which
 * CLONE_INTO_CGROUP asks of the common ancestor) and whose cgroup.subtree_control has what is needed, or can be given it: the kernel refuses that while
 * the cgroup has processes of its own; a parent that holds nobody but ourselves is emptied by moving us to PARENT/carrel-launcher. A cgroup that
 * is the user's only because the user's systemd lives in it (below user@UID.service, without Delegate=) is systemd's to arrange, and is asked
 * for there (scope.h).
 */
#ifndef CARREL_ISOLATE_CGROUP_H
#define CARREL_ISOLATE_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "isolate/limit.h"
#include "util/error.h"
#include "util/mem.h"

enum { CGROUP_CPU = 1 << 0, CGROUP_MEMORY = 1 << 1, CGROUP_PIDS = 1 << 2, CGROUP_IO = 1 << 3, CGROUP_CPUSET = 1 << 4 };

struct cgroup_facts {
	const char *mount;    /* of the version 2 hierarchy; NULL: there is none with controllers */
	const char *own;      /* our own cgroup, absolute */
	const char *parent;   /* where ours can be made; NULL: nowhere */
	unsigned controllers; /* that a child of the parent can have, CGROUP_* */
	bool holds_us;        /* the parent's one process is ours: it must be emptied first */
	const char *why_not;  /* for a NULL parent: "cgroup v1", "not delegated: …" */
};

/* Which controller a limit needs; 0: none. */
unsigned cgroup_controller_of(enum limit limit);

int cgroup_read_facts(struct arena *arena, struct cgroup_facts *ret, struct error *err) MUST_CHECK;

struct cgroup {
	char *path;      /* of the outer one; NULL: there is none */
	int parent, outer, box; /* directories; -1 */
	int events;      /* memory.events of the outer one, for poll(2) with POLLPRI; -1 */
	uint64_t memory_seen, tasks_seen; /* the most that samples saw, where the kernel keeps no peak */
	bool met_limit;                   /* memory.events has told of it */
	uint64_t memory_before;           /* at the last tick */
	uint64_t limit_hits;              /* of the memory limit, as far as they were looked at */
	uint64_t looked_ms;               /* at the processes, for the largest */
	struct limit_verdict last; /* the largest process when the memory limit was last hit */
	bool is_set[LIMIT_MAX];
	uint64_t memory_limit;
};

/* Where one is to be made. The kernel gives children of a cgroup controllers only while it has no process itself. */
struct cgroup_place {
	const char *parent;
	unsigned controllers;
	bool holds_us;  /* move ourselves to PARENT/carrel-launcher first */
	pid_t first;    /* its one process, a child of ours, which moves into the box first; 0: none */
};

enum { CGROUP_LOOK_MS = 500, CGROUP_SWEEP_MOST = 8 };

/* Make one there with those limits of the spec whose bit (1 << LIMIT_X) is in `mask`. Sweeps a few leftovers first. On failure nothing is left, but that
 * place->first may stand in a box that goes when its scope goes. A value that the kernel refuses is an error at the profile's line. A memory limit alone
 * allows as much swap again, as docker's --memory does. */
int cgroup_make(const struct cgroup_place *place, const struct limit_spec *spec, unsigned mask, struct cgroup *ret, struct error *err) MUST_CHECK;

/* Move a process into the box (what CLONE_INTO_CGROUP did not put there). */
int cgroup_enter(const struct cgroup *cgroup, pid_t pid, struct error *err) MUST_CHECK;

/* Look at the counters, every CGROUP_LOOK_MS or after an event: samples the peaks, and finds the largest process once the memory limit was hit, or is
 * near. LIMIT_END_TREE when the kernel's OOM killer struck because of our limit, not the machine's or that of a cgroup above (memory.oom.group: it killed
 * the whole tree). A tree that is killed within a few milliseconds after it met its limit may be gone before anybody could look who was largest. */
void cgroup_tick(struct cgroup *cgroup, uint64_t now_ms, struct limit_verdict *ret);

void cgroup_usage(struct cgroup *cgroup, struct limit_usage *ret);

/* cgroup.kill where the kernel has it (5.14), else a signal to each until none is left. */
int cgroup_kill(const struct cgroup *cgroup) MUST_CHECK;

/* Remove both levels, waiting a moment for the last zombie. Accepts one that was never made. */
void cgroup_remove(struct cgroup *cgroup);

/* Remove what launchers that are gone have left below `parent`; at most a few. */
void cgroup_sweep(const char *parent);

#endif
