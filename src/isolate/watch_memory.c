/* Memory: from cheap upper bounds to the exact number, no further than the question asks.
 *
 * Two bounds come with each look. The plain sum counts what processes share once for each of them. The other starts from the last exact number
 * and adds by how much memory can have grown since: more resident pages, a page for each fault (a write to a page that was shared with a fork
 * makes a copy of it and changes no sum), new processes whole. Only when both are above the limit the exact look is made, so that a server of
 * fifty processes which share two gigabytes costs as little as any.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "isolate/watch_files.h"
#include "isolate/watch_parts.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/sys.h"

enum { PEAK_STEP = 8 * 1024 * 1024 };  /* a peak is worth an exact look when it may be so much higher */
enum { LIKELY_SHARE = 4 };             /* when it is probably above the limit, a quarter of a processor may go into knowing */
enum { MOST_BEYOND = 64 * 1024 * 1024 };
enum { GROWS = 1024 * 1024 };          /* since the look before: nothing may be beyond the limit by the next one */

struct exact {
	uint64_t alone;   /* anonymous memory, swap, page tables: nobody else counts them */
	uint64_t shared;  /* shares of shared memory, some of it counted elsewhere too */
	uint64_t largest;
	const struct watch_process *largest_process;
	size_t large; /* processes that matter: with a thirty-second part of the limit or more */
};

static struct watch_process *find_process(struct watch_table *table, pid_t pid)
{
	size_t from = 0, to = table->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (table->now[middle].pid < pid)
			from = middle + 1;
		else
			to = middle;
	}
	return from < table->count && table->now[from].pid == pid ? &table->now[from] : NULL;
}

/* After vfork(2), posix_spawn(3) above all, parent and child have one memory until the child executes, and each shows all of it. The parent sleeps
 * so that no signal wakes it. One child of each such parent is left out: more cannot be, whatever they pretend. */
static void drop_vforked(struct watch_table *table, struct exact *exact)
{
	for (size_t i = 0; i < table->count; i++) {
		struct watch_process *child = &table->now[i], *parent = find_process(table, child->parent);

		if (!parent || parent->state != 'D' || parent->lent || parent->layout != child->layout || parent->virtual != child->virtual)
			continue;
		parent->lent = true;
		exact->alone -= child->alone < parent->alone ? child->alone : parent->alone;
		exact->shared -= child->shared < parent->shared ? child->shared : parent->shared;
		child->shared = 0;
	}
}

static void add_process(struct watch *watch, struct watch_process *process, struct exact *exact)
{
	struct watch_shares shares;
	int r = process->state == 'Z' || process->state == 'X' ? -ESRCH : watch_read_shares(watch, process->mm_pid, &shares);

	process->alone = process->shared = 0;
	process->lent = false;
	if (r == -ESRCH || r == -ENOENT)
		return;
	watch_read_status(watch, process);
	if (r < 0)
		shares = (struct watch_shares){.anonymous = process->resident, .swap = process->swap};
	process->alone = shares.anonymous + shares.swap + process->tables;
	process->shared = shares.shared;
	exact->alone += process->alone;
	exact->shared += process->shared;
	exact->large += process->alone + process->shared >= watch->memory.limit / 32;
	if (process->alone + process->shared >= exact->largest) {
		exact->largest = process->alone + process->shared;
		exact->largest_process = process;
	}
}

/* Memory that is shared counts once: files of our tmpfs in the size of the filesystem, memfds in theirs, the rest by shares. Where that
 * cannot change the answer it is not found out. */
static uint64_t sum_exactly(struct watch *watch, struct exact *exact)
{
	struct watch_memory *memory = &watch->memory;
	uint64_t elsewhere = memory->known + memory->memfd, least = exact->alone + elsewhere, shared = 0;
	uint64_t twice = exact->shared < elsewhere ? exact->shared : elsewhere; /* no more can have been counted in both */

	if (memory->hidden == 0 && least + exact->shared <= memory->limit && twice < PEAK_STEP)
		return least + exact->shared;
	if (least > memory->limit)
		return least;
	for (size_t i = 0; i < watch->table.count; i++)
		if (watch->table.now[i].shared > 0)
			shared += watch_shared_alone(watch, watch->table.now[i].mm_pid);
	return least + (shared > memory->hidden ? shared : memory->hidden); /* both have what is mapped and was never found open */
}

static void look_exactly(struct watch *watch, uint64_t now_ms, struct exact *ret)
{
	struct watch_memory *memory = &watch->memory;
	uint64_t start = watch_cost_ns();
	struct exact exact = {0};

	if (memory->memfd > 0 || memory->hidden > 0)
		watch_shared_scan(watch, now_ms); /* some may be gone by now */
	for (size_t i = 0; i < watch->table.count; i++)
		add_process(watch, &watch->table.now[i], &exact);
	drop_vforked(&watch->table, &exact);
	memory->exact = sum_exactly(watch, &exact);
	memory->exact_sum = memory->sum;
	memory->has_exact = true;
	memory->growth = 0;
	memory->bound = memory->exact;
	memory->exact_at_ms = now_ms;
	memory->exact_ns = watch_cost_ns() - start;
	memory->largest = exact.largest;
	if (exact.largest_process)
		memcpy(memory->largest_comm, exact.largest_process->comm, LIMIT_COMM);
	if (memory->exact > memory->peak)
		memory->peak = memory->exact;
	*ret = exact;
}

/* Init, which ends the tree, has to get a processor first, and on a busy machine that is time for tens of megabytes more. A process that grows stands
 * still at once. pidfd_send_signal(2) takes a folder of /proc. */
static void kill_largest(struct watch *watch, const struct watch_process *process)
{
	cleanup_close int fd = process && process->pid != 1 ? watch_open(watch, process->pid, "", O_RDONLY | O_DIRECTORY) : -1;

	if (fd >= 0)
		(void)sys_pidfd_send_signal(fd, SIGKILL); /* whether or not, the caller ends them all */
}

static void judge(struct watch *watch, uint64_t now_ms, struct limit_verdict *ret)
{
	struct watch_memory *memory = &watch->memory;
	struct exact exact;

	look_exactly(watch, now_ms, &exact);
	if (memory->exact > memory->limit && exact.large > 1)
		look_exactly(watch, now_ms, &exact); /* what passed from one process to another between two files was seen twice */
	if (memory->exact <= memory->limit)
		return;
	kill_largest(watch, exact.largest_process);
	ret->order = LIMIT_END_TREE;
	ret->limit = LIMIT_MEMORY;
	ret->used = memory->exact;
	ret->largest = memory->largest;
	memcpy(ret->largest_comm, memory->largest_comm, LIMIT_COMM);
}

/* No more than this is used: see at the top. */
static WHILE_IDLE void find_bound(struct watch *watch, uint64_t now_ms)
{
	struct watch_memory *memory = &watch->memory;
	const struct watch_sums *sums = &watch->table.sums;
	uint64_t known = memory->known, found = memory->memfd + memory->hidden, sum;

	watch_shared_look(watch, now_ms);
	memory->growth += sums->growth + (memory->known > known ? memory->known - known : 0);
	memory->growth += memory->memfd + memory->hidden > found ? memory->memfd + memory->hidden - found : 0;
	sum = sums->resident + sums->unsure + sums->tables + sums->swap + memory->known + memory->memfd + memory->hidden;
	memory->likely = !memory->has_exact ? sum : memory->exact + sum > memory->exact_sum ? memory->exact + sum - memory->exact_sum : 0;
	memory->sum = sum;
	memory->bound = memory->has_exact && memory->exact + memory->growth < sum ? memory->exact + memory->growth : sum;
}

static WHILE_IDLE bool wants_exact(const struct watch_memory *memory, uint64_t now_ms)
{
	uint64_t waited = now_ms - memory->exact_at_ms, wait = memory->exact_ns * WATCH_SHARE / 1000000;
	uint64_t step = memory->peak / 16 > PEAK_STEP ? memory->peak / 16 : PEAK_STEP;

	if (!memory->has_exact)
		return true;
	if (memory->likely > memory->limit && waited >= memory->exact_ns * LIKELY_SHARE / 1000000)
		return true;
	if (memory->bound > memory->limit)
		return waited >= (wait < WATCH_STRETCHED_MS ? wait : WATCH_STRETCHED_MS);
	if (waited < wait)
		return false;
	if (memory->limit - memory->bound < memory->limit / 8 && memory->growth > memory->limit / 64)
		return true;
	return memory->bound > memory->peak + step;
}

WHILE_IDLE uint64_t watch_memory_left(const struct watch_memory *memory)
{
	return memory->limit > memory->bound ? memory->limit - memory->bound : 0;
}

WHILE_IDLE uint64_t watch_memory_leave(const struct watch_memory *memory)
{
	uint64_t leave = memory->limit / 20;

	return leave < MOST_BEYOND / 2 ? MOST_BEYOND / 2 : leave > MOST_BEYOND ? MOST_BEYOND : leave;
}

WHILE_IDLE uint64_t watch_memory_look(struct watch *watch, uint64_t now_ms, struct limit_verdict *ret)
{
	struct watch_memory *memory = &watch->memory;
	uint64_t leave;

	find_bound(watch, now_ms);
	if (wants_exact(memory, now_ms))
		judge(watch, now_ms, ret);
	if (memory->limit == UINT64_MAX)
		return UINT64_MAX;
	leave = watch->table.sums.growth >= GROWS ? 0 : watch_memory_leave(memory);
	return (watch_memory_left(memory) + leave) / WATCH_BYTES_A_MS(WATCH_FASTEST_MB);
}
