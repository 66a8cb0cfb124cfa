/* The words that the parts of the limits' ladder share: what can be limited, what holds it, what was used, what is to be done. Plain data. */
#ifndef CARREL_ISOLATE_LIMIT_H
#define CARREL_ISOLATE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/error.h"

enum limit {
	LIMIT_MEMORY,      /* bytes, of the tree together: anonymous, shared and tmpfs memory */
	LIMIT_MEMORY_HIGH, /* bytes, above which it is slowed down and reclaimed from */
	LIMIT_SWAP,        /* bytes, beside LIMIT_MEMORY */
	LIMIT_TASKS,       /* processes and threads */
	LIMIT_CPUS,        /* thousandths of a processor */
	LIMIT_CPU_WEIGHT,  /* 1 to 10000, 100 is usual */
	LIMIT_CPUSET,      /* limit_spec.cpuset */
	LIMIT_IO_READ,     /* bytes a second, of each disk */
	LIMIT_IO_WRITE,
	LIMIT_IO_WEIGHT,   /* 1 to 10000, 100 is usual */
	LIMIT_SCRATCH,     /* bytes of discarded layers and temporary filesystems together */
	LIMIT_MAX,
};

enum limit_rung {
	LIMIT_RUNG_NONE,     /* does not hold here */
	LIMIT_RUNG_CGROUP,
	LIMIT_RUNG_SCOPE,
	LIMIT_RUNG_WATCHER,
	LIMIT_RUNG_RLIMIT,   /* LIMIT_TASKS: RLIMIT_NPROC of the user namespace, with the watcher for the sum of several users */
	LIMIT_RUNG_AFFINITY, /* LIMIT_CPUSET: sched_setaffinity(2) */
	LIMIT_RUNG_NICE,     /* LIMIT_CPU_WEIGHT below 100 */
	LIMIT_RUNG_TMPFS,    /* LIMIT_SCRATCH: the size of the filesystem */
	LIMIT_RUNG_MAX,
};

struct limit_value {
	bool is_set;
	uint64_t value;
	struct origin at;
};

struct limit_spec {
	struct limit_value values[LIMIT_MAX];
	const char *cpuset; /* "0-3,6" */
	bool scratch_on_disk; /* a tmpfs limits itself, a folder on disk has to be measured */
	bool accounting;    /* usage is wanted (--stats, --report), also without a limit */
};

/* "memory", "tasks": the word of the report and of `require: limits.WORD`; "resources.memory": the profile's key. */
const char *limit_name(enum limit limit);
const char *limit_key(enum limit limit);
const char *limit_rung_name(enum limit_rung rung);

enum { LIMIT_COMM = 16 };

/* What a tree used. Peaks are exact where the kernel keeps them (cgroup: memory.peak since 5.19, pids.peak since 6.1), else of samples. UINT64_MAX: not known. */
struct limit_usage {
	uint64_t memory_peak, memory_now;
	uint64_t tasks_peak, tasks_now;
	uint64_t cpu_user_us, cpu_system_us;
	uint64_t io_read, io_written;   /* bytes that reached a disk; a cgroup's io controller only */
	uint64_t scratch_peak;
	uint64_t fork_refused;          /* times that the tasks limit refused one (cgroup: pids.events) */
	uint64_t throttled_us;          /* time that the CPU limit held it back */
};

enum limit_order { LIMIT_GO_ON, LIMIT_STOP_TREE, LIMIT_CONTINUE_TREE, LIMIT_END_TREE };

struct limit_verdict {
	enum limit_order order;
	uint64_t next_ms;        /* when to look again (CLOCK_MONOTONIC); 0: never */
	enum limit limit;        /* for LIMIT_END_TREE: which */
	uint64_t used;           /* of it */
	uint64_t largest;        /* LIMIT_MEMORY: bytes of the largest process; 0: not known */
	char largest_comm[LIMIT_COMM]; /* its name, as proc(5) comm; hostile bytes */
};

#endif
