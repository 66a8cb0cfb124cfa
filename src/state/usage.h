/* What running sandboxes use at this moment, seen from the host. */
#ifndef CARREL_STATE_USAGE_H
#define CARREL_STATE_USAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/instance.h"
#include "util/error.h"

struct usage {
	bool is_known; /* false: it ended meanwhile */
	bool is_cgroup; /* the numbers are the kernel's own */
	/* Of a cgroup: memory.current, with file cache. Else the proportional share (Pss) of anonymous and shared memory and of swap, so that what
	 * two processes share counts once; the resident size of a process whose share may not be read. Files in a tmpfs that nobody has mapped are
	 * in the first number only. */
	uint64_t memory;
	uint64_t cpu_us; /* of processes that ended, too */
	uint64_t tasks;  /* processes and threads, with the sandbox's init */
};

/* One entry of `ret` for each instance. Where one has no cgroup /proc is read once, for all of these. 0 or -errno. */
int usage_read(const struct instance *list, size_t count, struct usage *ret) MUST_CHECK;

#endif
