/* Processor time: a bucket that fills with the quota and holds one period of it. Overdrawn, the tree is stopped until half of it is there again.
 *
 * What a process used goes to its parent when that waits for it, and is lost when the parent ignores SIGCHLD. So what was last seen of those that
 * ended is kept where no parent gained as much. One that ignores SIGCHLD and starts children shorter than the time between two looks
 * would still get most of it for nothing; where ended processes left nothing behind, what is running at the moment of looking is therefore
 * taken to have run all the time since the last look, which is true on average (less the part of it that it waits for a processor).
 *
 * Whoever is stopped can have itself continued, by a timer whose signal is SIGCONT for one. It is stopped again each time, and charged for what it
 * used; one that goes on with that for seconds is ended, since nothing else holds it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "isolate/watch_files.h"
#include "isolate/watch_parts.h"
#include "util/fd.h"
#include "util/mem.h"

enum { IDLE_LOOKS = 3 };       /* with nothing used, before looks become rare */
enum { ESCAPED_US = 20 * 1000 }; /* used since the stop: two ticks may come late, more means that it goes on */
enum { ESCAPES_MOST = 8, ESCAPING_MS = 2000 }; /* since the stop, both: a machine under load may be slow to stop it */

void watch_cpu_init(struct watch *watch)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);

	watch->cpu.processors = online > 0 ? (uint64_t)online : 1;
	watch->cpu.budget_us = (int64_t)(watch->cpu.quota * WATCH_PERIOD_MS);
}

/* The part of its time that a process ran when it wanted to, in thousandths (proc_pid_schedstat: ran, waited, turns). */
static uint64_t share_of(struct watch *watch, pid_t pid)
{
	cleanup_close int fd = watch_open(watch, pid, "schedstat", O_RDONLY);
	unsigned long long ran = 0, waited = 0;
	char text[96];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return sscanf(text, "%llu %llu", &ran, &waited) == 2 && ran + waited > 1000 ? ran / ((ran + waited) / 1000) : 1000;
}

static uint64_t guess_use(struct watch *watch, uint64_t elapsed_ms)
{
	const struct watch_table *table = &watch->table;
	uint64_t share = 0, most = watch->cpu.processors * 1000;

	for (size_t i = 0; i < table->count && share < most; i++)
		if (table->now[i].state == 'R')
			share += share_of(watch, table->now[i].pid);
	return (share < most ? share : most) * (elapsed_ms < WATCH_SLOWEST_MS ? elapsed_ms : WATCH_SLOWEST_MS);
}

static WHILE_IDLE uint64_t used_since(struct watch *watch, uint64_t elapsed_ms)
{
	const struct watch_sums *sums = &watch->table.sums;
	uint64_t own = sums->cpu_ticks - sums->children_gained;
	uint64_t ended = sums->children_gained > sums->gone_ticks ? sums->children_gained - sums->gone_ticks : 0;
	uint64_t used = (own + ended) * watch->tick_us;

	if (watch->cpu.quota > 0 && sums->gone > 0 && (sums->children_gained == 0 || sums->children_gained < sums->gone_ticks)) {
		uint64_t guess = guess_use(watch, elapsed_ms);

		used = guess > used ? guess : used;
	}
	return used;
}

/* How long it takes from `budget` to nothing, or from what is owed to half a bucket. */
static WHILE_IDLE uint64_t next_look(const struct watch *watch)
{
	const struct watch_cpu *cpu = &watch->cpu;
	uint64_t running = watch->table.sums.running < cpu->processors ? watch->table.sums.running : cpu->processors;
	uint64_t rate = cpu->rate > running * 1000 ? cpu->rate : running * 1000;
	uint64_t wait;

	if (cpu->stopped) {
		int64_t missing = (int64_t)(cpu->quota * WATCH_PERIOD_MS / 2) - cpu->budget_us;

		wait = missing > 0 ? (uint64_t)missing / cpu->quota + 1 : 1;
		return wait < WATCH_SLOWEST_MS ? wait : WATCH_SLOWEST_MS;
	}
	if (cpu->idle_looks >= IDLE_LOOKS) { /* if all processors set to work now, a second pays for it */
		wait = cpu->quota / cpu->processors;
		return wait < WATCH_PERIOD_MS ? WATCH_PERIOD_MS : wait < WATCH_QUIET_MS ? wait : WATCH_QUIET_MS;
	}
	wait = rate <= cpu->quota ? WATCH_PERIOD_MS : (uint64_t)cpu->budget_us / (rate - cpu->quota) + 1;
	return wait < WATCH_PERIOD_MS ? wait : WATCH_PERIOD_MS;
}

static WHILE_IDLE void throttle(struct watch_cpu *cpu, uint64_t now_ms, uint64_t used, struct limit_verdict *ret)
{
	int64_t full = (int64_t)(cpu->quota * WATCH_PERIOD_MS);

	if (!cpu->stopped && cpu->budget_us < 0) {
		cpu->stopped = true;
		cpu->stopped_at_ms = now_ms;
		cpu->since_stop_us = 0;
		cpu->escapes = 0;
		ret->order = LIMIT_STOP_TREE;
	} else if (cpu->stopped && cpu->budget_us >= full / 2) {
		cpu->stopped = false;
		ret->order = LIMIT_CONTINUE_TREE;
	} else if (cpu->stopped && (cpu->since_stop_us += used) > ESCAPED_US) {
		cpu->since_stop_us = 0;
		ret->order = LIMIT_STOP_TREE; /* somebody was continued, or came into being just then */
		if (++cpu->escapes >= ESCAPES_MOST && now_ms >= cpu->stopped_at_ms + ESCAPING_MS) {
			ret->order = LIMIT_END_TREE;
			ret->limit = LIMIT_CPUS;
		}
	}
}

WHILE_IDLE uint64_t watch_cpu_look(struct watch *watch, uint64_t now_ms, struct limit_verdict *ret)
{
	struct watch_cpu *cpu = &watch->cpu;
	uint64_t used = used_since(watch, watch->elapsed_ms);
	int64_t full = (int64_t)(cpu->quota * WATCH_PERIOD_MS);

	cpu->total_us += used;
	cpu->user_ticks = watch->table.sums.user_ticks;
	cpu->system_ticks = watch->table.sums.system_ticks;
	if (cpu->stopped)
		cpu->throttled_us += watch->elapsed_ms * 1000;
	if (cpu->quota == 0)
		return UINT64_MAX;
	cpu->idle_looks = used == 0 ? cpu->idle_looks + 1 : 0;
	cpu->rate = watch->elapsed_ms ? used / watch->elapsed_ms : 0;
	cpu->rate = used > 0 && cpu->rate < 1000 ? 1000 : cpu->rate;
	cpu->budget_us += (int64_t)(watch->elapsed_ms * cpu->quota);
	if (cpu->budget_us > full)
		cpu->budget_us = full;
	cpu->budget_us -= (int64_t)used;
	throttle(cpu, now_ms, used, ret);
	return next_look(watch);
}
