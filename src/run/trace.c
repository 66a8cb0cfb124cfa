#include "run/trace.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/mem.h"

enum { TRACE_MARKS = 64 };

struct trace {
	atomic_uint count;
	uint64_t begin_ns;
	pid_t launcher;
	struct {
		const char *phase; /* a constant: the same address in a forked child */
		uint64_t at_ns;
		pid_t pid;
	} marks[TRACE_MARKS];
};

static struct trace *shared;

static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now); /* cannot fail for this clock */
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Field 22 of /proc/self/stat is the start in clock ticks since boot (proc(5)): too coarse for microseconds, so the first mark counts from
 * the call of trace_start. */
void trace_start(void)
{
	void *page = mmap(NULL, sizeof(struct trace), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return;
	shared = page;
	shared->begin_ns = now_ns();
	shared->launcher = getpid();
}

void trace_mark(const char *phase)
{
	unsigned at;

	if (!shared)
		return;
	at = atomic_fetch_add(&shared->count, 1);
	if (at >= TRACE_MARKS)
		return;
	shared->marks[at].at_ns = now_ns();
	shared->marks[at].pid = getpid();
	shared->marks[at].phase = phase;
}

void trace_format(struct buf *out)
{
	uint64_t before;
	unsigned count;

	if (!shared)
		return;
	count = atomic_load(&shared->count);
	before = shared->begin_ns;
	buf_puts(out, "     at µs   took µs  by        phase\n");
	for (unsigned i = 0; i < count && i < TRACE_MARKS; i++) {
		uint64_t at = shared->marks[i].at_ns;

		buf_printf(out, "%10.0f%10.0f  %-9s %s\n", (double)(at - shared->begin_ns) / 1e3, at > before ? (double)(at - before) / 1e3 : 0.0,
		    shared->marks[i].pid == shared->launcher ? "launcher" : "init", shared->marks[i].phase);
		before = at;
	}
}
