/* When to look, and what comes of it. The looks themselves are in the other files of the watcher: watch_tree.c (who is there), watch_memory.c,
 * watch_cpu.c and watch_scratch.c. */
#include "isolate/watch.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "isolate/watch_parts.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/sys.h"

enum { QUIET_LOOKS = 8 };
enum { CROWDED_MS = 50 }; /* between looks when half of the tasks are there */

WHILE_IDLE uint64_t watch_cost_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now); /* cannot fail */
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t limit_of(const struct limit_spec *spec, unsigned mask, enum limit limit, uint64_t none)
{
	return mask & (1U << limit) && spec->values[limit].is_set ? spec->values[limit].value : none;
}

static void set_units(struct watch *watch)
{
	long processors = sysconf(_SC_NPROCESSORS_CONF);
	uint64_t count = processors > 0 ? (uint64_t)processors : 1, batch = count * 2 > 32 ? count * 2 : 32;

	watch->page = (uint64_t)sysconf(_SC_PAGESIZE);
	watch->tick_us = 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
	watch->unsure = count * batch * watch->page; /* lib/percpu_counter.c, since 6.2; less before */
}

/* We run for a tenth of a millisecond at a time, and say so: on a busy machine the scheduler then lets us run soon after we have woken, not after all
 * those who have processors to themselves for several milliseconds. It gives us no more of a processor, and older kernels do not mind it. */
static void ask_to_wake_soon(void)
{
	struct sys_sched_attr attr = {.size = sizeof(attr), .policy = SCHED_OTHER, .flags = SCHED_FLAG_RESET_ON_FORK, .nice = getpriority(PRIO_PROCESS, 0), .runtime = 100000};

	if (sched_getscheduler(0) == SCHED_OTHER)
		(void)sys_sched_setattr(0, &attr); /* only makes us quicker */
}

/* Each filesystem once: several folders may lie on one tmpfs. */
static void drop_same_tmpfs(struct watch_sources *sources)
{
	struct stat seen[WATCH_TMPFS_MAX + 1], st;
	size_t kept = 0, count = 0;

	if (!sources->scratch_on_disk && sources->scratch >= 0 && fstat(sources->scratch, &seen[0]) == 0)
		count = 1;
	for (size_t i = 0; i < sources->tmpfs_count; i++) {
		bool is_new = fstat(sources->tmpfs[i], &st) == 0;

		for (size_t k = 0; k < count && is_new; k++)
			is_new = seen[k].st_dev != st.st_dev;
		if (is_new) {
			seen[count++] = st;
			sources->tmpfs[kept++] = sources->tmpfs[i];
		} else {
			(void)fd_close(sources->tmpfs[i]);
		}
	}
	sources->tmpfs_count = kept;
}

void watch_sources_close(struct watch_sources *sources)
{
	(void)fd_close(sources->procfs);
	(void)fd_close(sources->sysvipc_shm);
	(void)fd_close(sources->sysvipc_msg);
	(void)fd_close(sources->scratch);
	for (size_t i = 0; i < sources->tmpfs_count; i++)
		(void)fd_close(sources->tmpfs[i]);
	*sources = WATCH_SOURCES_NONE;
}

int watch_new(const struct watch_sources *sources, const struct limit_spec *spec, unsigned mask, struct watch **ret, struct error *err)
{
	struct watch *watch = mem_alloc(sizeof(*watch));
	int r;

	watch->sources = *sources;
	drop_same_tmpfs(&watch->sources);
	watch->mask = mask;
	watch->tasks_limit = limit_of(spec, mask, LIMIT_TASKS, UINT64_MAX);
	watch->memory.limit = limit_of(spec, mask, LIMIT_MEMORY, UINT64_MAX);
	watch->cpu.quota = limit_of(spec, mask, LIMIT_CPUS, 0);
	watch->scratch = (struct watch_scratch){.limit = sources->scratch_on_disk ? limit_of(spec, mask, LIMIT_SCRATCH, UINT64_MAX) : UINT64_MAX, .pipe = -1, .pidfd = -1, .started = time(NULL)};
	set_units(watch);
	watch_cpu_init(watch);
	r = watch_tree_init(watch, err);
	if (r < 0) {
		watch_free(watch);
		return r;
	}
	watch_shared_init(watch);
	if (mask & (1U << LIMIT_MEMORY))
		ask_to_wake_soon();
	*ret = watch;
	return 0;
}

static WHILE_IDLE uint64_t min_of(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Looks of a large tree cost much: not sooner than they may, but neither so late that the memory could be gone: at 1 GB/s no more may be beyond the
 * limit than the leave, or half of the limit is still free. */
static WHILE_IDLE uint64_t stretch(const struct watch *watch, uint64_t wait)
{
	const struct watch_memory *memory = &watch->memory;
	uint64_t least = (watch->cost_ns + memory->known_ns) * WATCH_SHARE / 1000000;
	uint64_t most = WATCH_QUIET_MS;

	if (memory->limit != UINT64_MAX)
		most = memory->bound > memory->limit / 2 ? WATCH_STRETCHED_MS : WATCH_SLOWEST_MS;
	if (memory->limit != UINT64_MAX && watch->table.sums.growth > 0)
		most = min_of(most, (watch_memory_left(memory) + watch_memory_leave(memory)) / WATCH_BYTES_A_MS(1024));
	least = least > most ? most : least;
	wait = wait < least ? least : wait;
	return wait < WATCH_FLOOR_MS ? WATCH_FLOOR_MS : wait;
}

/* Smoothed, but less is believed at once: one look in which files are opened, or that was pushed off its processor, says little. */
static WHILE_IDLE void learn_cost(struct watch *watch, uint64_t cost)
{
	if (watch->cost_ns == 0)
		watch->cost_ns = 1; /* the first opens everything */
	else
		watch->cost_ns = cost < watch->cost_ns ? cost : (watch->cost_ns * 7 + cost) / 8;
}

static WHILE_IDLE uint64_t look_at_tasks(struct watch *watch, struct limit_verdict *ret)
{
	uint64_t tasks = watch->table.sums.tasks;

	if (tasks > watch->tasks_peak)
		watch->tasks_peak = tasks;
	if (tasks > watch->tasks_limit) {
		ret->order = LIMIT_END_TREE;
		ret->limit = LIMIT_TASKS;
		ret->used = tasks;
	}
	return tasks > watch->tasks_limit / 2 ? CROWDED_MS : UINT64_MAX;
}

WHILE_IDLE void watch_tick(struct watch *watch, uint64_t now_ms, struct limit_verdict *ret)
{
	uint64_t start = watch_cost_ns(), wait = WATCH_SLOWEST_MS;
	bool any;

	*ret = (struct limit_verdict){.order = LIMIT_GO_ON, .limit = LIMIT_MAX, .next_ms = now_ms + WATCH_SLOWEST_MS};
	watch->elapsed_ms = watch->last_ms && now_ms > watch->last_ms ? now_ms - watch->last_ms : 0;
	watch->last_ms = now_ms;
	watch->first_ms = watch->first_ms ? watch->first_ms : now_ms;
	any = watch_tree_look(watch, watch->tasks_limit);
	if (!any)
		return; /* all have ended */
	watch->quiet_looks = watch->table.sums.quiet && watch->table.sums.cpu_ticks == 0 ? watch->quiet_looks + 1 : 0;
	if (watch->quiet_looks >= QUIET_LOOKS)
		wait = WATCH_QUIET_MS;
	wait = min_of(wait, now_ms - watch->first_ms); /* at first often, so that a short run has its peaks too */
	wait = min_of(wait, look_at_tasks(watch, ret));
	learn_cost(watch, watch_cost_ns() - start);
	if (ret->order == LIMIT_GO_ON) {
		wait = min_of(wait, watch_memory_look(watch, now_ms, ret));
		if (ret->order == LIMIT_GO_ON)
			wait = min_of(wait, watch_cpu_look(watch, now_ms, ret));
		wait = min_of(wait, watch_scratch_look(watch, now_ms, ret));
	}
	ret->next_ms = now_ms + stretch(watch, wait);
}

void watch_skip(struct watch *watch, uint64_t now_ms)
{
	watch->last_ms = now_ms;
	watch->quiet_looks = 0;
	watch->cpu.idle_looks = 0;
}

void watch_usage(const struct watch *watch, struct limit_usage *ret)
{
	const struct watch_sums *sums = &watch->table.sums;
	const struct watch_memory *memory = &watch->memory;
	uint64_t ticks = watch->cpu.user_ticks + watch->cpu.system_ticks;

	memset(ret, 0xff, sizeof(*ret)); /* UINT64_MAX: not known */
	ret->memory_peak = memory->peak;
	ret->memory_now = memory->bound;
	ret->tasks_peak = watch->tasks_peak;
	ret->tasks_now = sums->tasks;
	ret->cpu_user_us = ticks ? watch->cpu.total_us * watch->cpu.user_ticks / ticks : 0;
	ret->cpu_system_us = watch->cpu.total_us - ret->cpu_user_us;
	if (watch->sources.scratch >= 0)
		ret->scratch_peak = watch->scratch.peak;
	if (watch->cpu.quota > 0)
		ret->throttled_us = watch->cpu.throttled_us;
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	watch_scratch_done(watch);
	watch_tree_done(watch);
	free(watch->memory.objects.items);
	watch_sources_close(&watch->sources);
	free(watch);
}
