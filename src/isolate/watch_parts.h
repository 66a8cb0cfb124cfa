/* What the files of the watcher share (watch.h has the contract). Bytes, unless a name says otherwise. */
#ifndef CARREL_ISOLATE_WATCH_PARTS_H
#define CARREL_ISOLATE_WATCH_PARTS_H

#include <sys/types.h>

#include "isolate/watch.h"

struct watch_process {
	pid_t pid, parent;
	pid_t mm_pid;  /* whose memory is read: pid, or a thread of it where the first thread has ended (its own files in /proc are empty then) */
	int stat_fd;   /* kept open; of a process that has gone it answers ESRCH. -1: opened each time */
	char state;
	char comm[LIMIT_COMM];
	uint64_t start; /* after boot, in clock ticks: with the pid, who it is */
	uint64_t threads;
	uint64_t user_ticks, system_ticks, child_user_ticks, child_system_ticks;
	uint64_t faults, virtual, resident;
	uint64_t layout;        /* where stack, code and heap lie: equal for those who share one memory, and for a fork */
	uint64_t tables, swap;  /* of /proc/PID/status as of `status_faults` */
	uint64_t status_faults; /* UINT64_MAX: never read */
	uint64_t alone, shared; /* as of the last exact look: what is counted here only, and its share of shared memory */
	bool lent;              /* its memory was found to be a vforked child's too */
};

/* One look at the tree: sums, and what came to pass since the look before. */
struct watch_sums {
	uint64_t processes, tasks, running;
	uint64_t resident;
	uint64_t unsure;  /* what the kernel may hold back in per-processor counters */
	uint64_t tables, swap;
	uint64_t growth;  /* memory cannot have grown by more, but for tmpfs and System V */
	uint64_t cpu_ticks;       /* used since the look before */
	uint64_t user_ticks, system_ticks; /* of the living and of whom they reaped, all in all */
	uint64_t children_gained; /* of it: ticks that the living inherited from ended children */
	uint64_t gone, gone_ticks; /* processes that ended, and what they had used when last seen */
	bool quiet;       /* nobody came, went, faulted or grew */
};

struct watch_table {
	struct watch_process *now, *last; /* sorted by pid */
	size_t count, last_count, room;
	size_t fds, fds_max;
	int list_offset; /* where processes begin in the listing of procfs */
	struct watch_sums sums;
};

struct watch_object {
	uint64_t dev, inode, bytes;
};

struct watch_objects {
	struct watch_object *items;
	size_t count, room;
};

struct watch_memory {
	uint64_t limit;      /* UINT64_MAX: none */
	uint64_t known, known_ns; /* tmpfs and System V now; what it costs to ask for that: there can be 32,000 queues */
	uint64_t machine, known_at_ms; /* shared memory of the machine when `known` was found out */
	uint64_t sum;        /* all of it, what is shared more than once */
	uint64_t bound;      /* no more than this is used now */
	uint64_t likely;     /* the last exact result, and by how much the sum has changed since */
	uint64_t exact, exact_sum; /* result of the last exact look, and the sum then */
	uint64_t growth;     /* since then */
	bool has_exact;
	uint64_t exact_ns, exact_at_ms; /* what it cost, and when */
	uint64_t peak, largest;
	char largest_comm[LIMIT_COMM];

	uint64_t sharedram_ref, resident_ref; /* at the start; at the last scan for memfds: shared memory that is not ours by tmpfs and System V */
	uint64_t swap_ref;   /* used swap of the machine when /proc/PID/status was last read */
	struct watch_objects objects; /* memfds, sorted */
	uint64_t memfd;
	uint64_t in_flight, empty_scans; /* descriptors that waited in sockets at the last scan; scans in a row that found none */
	uint64_t hidden, hidden_ref; /* shared memory that is taken to be behind them; the machine's, less what is known and found, before any waited */
	uint64_t scan_ns, scan_at_ms;
	bool stirred;        /* something happened since the last scan */
	uint64_t shmem_dev;  /* of memfds, shared anonymous and System V memory */
};

struct watch_cpu {
	uint64_t quota;      /* thousandths of a processor; 0: none */
	uint64_t processors;
	int64_t budget_us;
	bool stopped;
	uint64_t stopped_at_ms, since_stop_us, escapes, throttled_us; /* escapes: times that it went on since the stop */
	uint64_t rate;       /* thousandths of a processor, as last seen running */
	uint64_t user_ticks, system_ticks; /* as last seen: how to divide the total */
	uint64_t total_us;   /* monotonic */
	unsigned idle_looks;
};

struct watch_scratch {
	uint64_t limit;
	uint64_t used, peak;
	int pipe, pidfd;     /* of the walk that is under way; -1: none */
	uint64_t next_ms;    /* when the next may begin */
	int64_t started;     /* time(2) */
};

struct watch {
	struct watch_sources sources;
	unsigned mask;
	uint64_t tasks_limit, tasks_peak;
	uint64_t tick_us, page;
	uint64_t first_ms, last_ms; /* of looks; 0: none yet */
	uint64_t elapsed_ms; /* between the last two looks */
	uint64_t cost_ns;    /* of a plain look, smoothed */
	unsigned quiet_looks;
	struct watch_table table;
	struct watch_memory memory;
	struct watch_cpu cpu;
	struct watch_scratch scratch;
	uint64_t unsure;     /* what the kernel may not yet have added to the resident pages of a process */
	char listing[8192], text[16384]; /* of processes; of files, a piece at a time */
};

/* watch_tree.c: the processes. watch_tree_look gives false when there are none any more, or none can be listed; with tasks above `tasks_most` it may
 * break off (the sums are then of a part, and above it). */
int watch_tree_init(struct watch *watch, struct error *err) MUST_CHECK;
bool watch_tree_look(struct watch *watch, uint64_t tasks_most);
void watch_tree_done(struct watch *watch);
/* watch_fds.c: files that only descriptors hold. */
void watch_each_descriptor(struct watch *watch, void (*act)(void *context, int dir, const char *name), void *context);
void watch_objects_add(struct watch_objects *objects, const struct watch_object *object);
uint64_t watch_objects_sum(struct watch_objects *objects); /* each once; they are sorted then */
bool watch_objects_have(const struct watch_objects *objects, uint64_t dev, uint64_t inode);

/* watch_shared.c: memory that no process has as its own. */
void watch_shared_init(struct watch *watch);
void watch_shared_look(struct watch *watch, uint64_t now_ms); /* brings memory.known and memory.memfd up to date */
void watch_shared_scan(struct watch *watch, uint64_t now_ms);
/* The share that a process has of shared memory without a name, or of memfds that no scan found: what stands in no other sum. */
uint64_t watch_shared_alone(struct watch *watch, pid_t pid);

/* watch_memory.c, watch_cpu.c, watch_scratch.c: one limit each. They fill the verdict and give in how many milliseconds to look again (UINT64_MAX:
 * does not matter). */
#define WATCH_BYTES_A_MS(megabytes_a_second) ((uint64_t)(megabytes_a_second) * 1024 * 1024 / 1000)
uint64_t watch_memory_left(const struct watch_memory *memory);
uint64_t watch_memory_leave(const struct watch_memory *memory); /* what may be beyond the limit before we look */
uint64_t watch_memory_look(struct watch *watch, uint64_t now_ms, struct limit_verdict *ret);
void watch_cpu_init(struct watch *watch);
uint64_t watch_cpu_look(struct watch *watch, uint64_t now_ms, struct limit_verdict *ret);
uint64_t watch_scratch_look(struct watch *watch, uint64_t now_ms, struct limit_verdict *ret);
void watch_scratch_done(struct watch *watch);

uint64_t watch_cost_ns(void); /* processor time of this thread, for what a look costs */

#endif
