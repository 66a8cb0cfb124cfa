/* The watcher: what a tree of processes uses, from its own /proc, for hosts where no cgroup can be had.
 *
 * The stage hands out descriptors of the sandbox's own view: its procfs, in which every process of it stands under a number of its own namespace and
 * no other process can ever appear, so that a reused number is at worst another process of the same sandbox; /proc/sysvipc/shm of its ipc
 * namespace; and its tmpfs mounts. A process that double-forks, changes its parent or session or stops itself stands there all the same.
 *
 * Memory is anonymous pages, page tables, swap, tmpfs, System V segments, memfds and other shared memory; file cache is given back on demand and
 * does not count. It is looked at in tiers, the next only where the one before could not say that all is well:
 *   1. resident pages of each process (stat) plus all tmpfs and System V memory, or the last exact number plus by how much it can have grown
 *      since: never less than the truth but for memfds, which sysinfo(2)'s shared memory gives away
 *   2. proportional shares (smaps_rollup)
 *   3. shared mappings one by one (smaps): files of our own tmpfs are counted already, as are memfds, by /proc/PID/fd, mapped or not
 * The next look comes as soon as the tree could be beyond its limit at WATCH_FASTEST_MB a second, at least every WATCH_SLOWEST_MS (or WATCH_QUIET_MS),
 * and never so often that looking costs more than its share of a processor.
 *
 * What it does not see, and a cgroup would: shared anonymous memory that was written and then taken out of all page tables (MADV_DONTNEED) or whose
 * mapping was cut to a rest, memfds that wait in a socket or are mapped so with no descriptor left, tmpfs that a payload with
 * CAP_SYS_ADMIN mounts itself, and what socket buffers and pipes hold. On a disk: removed files that are only mapped. Two processes that share
 * one memory for long without being threads (clone(2), CLONE_VM) count twice.
 */
#ifndef CARREL_ISOLATE_WATCH_H
#define CARREL_ISOLATE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "isolate/limit.h"
#include "util/error.h"

enum { WATCH_TMPFS_MAX = 64 };

enum {
	WATCH_FASTEST_MB = 3072,  /* a second: three times what one core touches anew in pages of 4 kB. A twentieth of the limit (32 MB to 64 MB) may be beyond
				   * it by then. What is quicker, by huge pages or many cores, overshoots by as much more. */
	WATCH_FLOOR_MS = 10,      /* between two looks: a clock tick, which is as fine as processor time is told */
	WATCH_SLOWEST_MS = 250,
	WATCH_QUIET_MS = 1000,    /* where nothing at all has happened for eight looks */
	WATCH_STRETCHED_MS = 100, /* looks of a large tree are put off to save processor time, but not for longer when half of the memory is used */
	WATCH_SHARE = 200,        /* one part in so many of a processor, 0.5 %, goes into looking */
	WATCH_PERIOD_MS = 100,    /* of LIMIT_CPUS: the quota of one period is the most that can be saved up */
};

struct watch_sources {
	int procfs;      /* the sandbox's /proc */
	int sysvipc_shm; /* /proc/sysvipc/shm as its ipc namespace sees it; -1: none */
	int sysvipc_msg; /* /proc/sysvipc/msg, likewise */
	int scratch;     /* the folder of discarded layers, tmpfs or disk; -1: none */
	bool scratch_on_disk;
	int tmpfs[WATCH_TMPFS_MAX]; /* further tmpfs mounts */
	size_t tmpfs_count;
};

#define WATCH_SOURCES_NONE ((struct watch_sources){.procfs = -1, .sysvipc_shm = -1, .sysvipc_msg = -1, .scratch = -1})

void watch_sources_close(struct watch_sources *sources);

struct watch;

/* Watches over those limits of the spec whose bit (1 << LIMIT_X) is in `mask`: LIMIT_MEMORY, LIMIT_TASKS, LIMIT_CPUS, LIMIT_SCRATCH; others only for usage.
 * Owns the descriptors of `sources` from then on, also on failure. */
int watch_new(const struct watch_sources *sources, const struct limit_spec *spec, unsigned mask, struct watch **ret, struct error *err) MUST_CHECK;

/* Where it is time to: look. STOP_TREE and CONTINUE_TREE throttle for LIMIT_CPUS; the caller does it (init does, for the whole namespace), and
 * ends the tree for END_TREE; of one above its memory limit the largest process has been killed by then. */
void watch_tick(struct watch *watch, uint64_t now_ms, struct limit_verdict *ret);

/* The machine slept, or we were stopped: what happened meanwhile is no guide for the next look. */
void watch_skip(struct watch *watch, uint64_t now_ms);

void watch_usage(const struct watch *watch, struct limit_usage *ret);
void watch_free(struct watch *watch);

#endif
