/* What a cgroup used, and whether it met its limits. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "isolate/cgroup_parts.h"
#include "util/fd.h"

/* The file stays open for poll(2), which is told that we have seen it by a read. */
static const char *read_again(int fd, char buffer[CGROUP_TEXT])
{
	ssize_t n = fd < 0 ? -1 : pread(fd, buffer, CGROUP_TEXT - 1, 0);

	buffer[n > 0 ? n : 0] = 0;
	return buffer;
}

static uint64_t known(uint64_t number)
{
	return number == UINT64_MAX ? 0 : number;
}

static void raise_to(uint64_t *most, uint64_t now)
{
	if (now != UINT64_MAX && now > *most)
		*most = now;
}

/* memory.peak is newer than memory.current (5.19), pids.peak than pids.current (6.1). */
static uint64_t peak(int dir, const char *file, uint64_t seen)
{
	uint64_t exact = cgroup_read_number(dir, file);

	return exact != UINT64_MAX ? exact : seen ? seen : UINT64_MAX;
}

enum { SOONEST_MS = 50 }; /* a tree that lives at its limit, on file cache, hits it all the time */

/* The kernel kills at once, and then nobody can be looked at any more: so above half of the limit, while it grows, the largest is noted now and
 * then; and what grows by a gigabyte a second is seen there. */
static uint64_t next_look(struct cgroup *cgroup, uint64_t memory)
{
	uint64_t half = cgroup->memory_limit / 2, moved = memory > cgroup->memory_before ? memory - cgroup->memory_before : 0, ms;

	cgroup->memory_before = memory;
	if (!cgroup->is_set[LIMIT_MEMORY])
		return CGROUP_LOOK_MS;
	ms = memory < half ? (half - memory) >> 20 : moved > half / 32 ? SOONEST_MS : CGROUP_LOOK_MS;
	return ms < SOONEST_MS ? SOONEST_MS : ms > CGROUP_LOOK_MS ? CGROUP_LOOK_MS : ms;
}

/* systemd removes a scope as soon as its last process has ended, sometimes before we have looked what ended it. What was seen before has to do then. */
static bool is_gone_at_its_limit(const struct cgroup *cgroup, const char *events)
{
	return !events[0] && (cgroup->met_limit || cgroup->memory_seen >= cgroup->memory_limit - cgroup->memory_limit / 8);
}

/* Once the kernel has killed, who is left is not who it was. So the events are read anew, behind the look. */
static void note_largest(struct cgroup *cgroup, char events[CGROUP_TEXT])
{
	struct limit_verdict seen = {.largest = 0};

	cgroup_find_largest(cgroup->box, &seen);
	read_again(cgroup->events, events);
	if (known(cgroup_parse_stat(events, "oom_kill")) == 0 ? seen.largest > 0 : seen.largest > cgroup->last.largest)
		cgroup->last = seen;
}

void cgroup_tick(struct cgroup *cgroup, uint64_t now_ms, struct limit_verdict *ret)
{
	char text[CGROUP_TEXT];
	uint64_t now = cgroup_read_number(cgroup->outer, "memory.current"), hits, killed, met;

	*ret = (struct limit_verdict){.order = LIMIT_GO_ON, .next_ms = now_ms + next_look(cgroup, known(now))};
	raise_to(&cgroup->memory_seen, now);
	raise_to(&cgroup->tasks_seen, cgroup_read_number(cgroup->outer, "pids.current"));
	if (!cgroup->is_set[LIMIT_MEMORY])
		return;
	read_again(cgroup->events, text);
	hits = known(cgroup_parse_stat(text, "max"));
	if ((hits > cgroup->limit_hits || known(now) > cgroup->memory_limit / 2) && (!cgroup->looked_ms || now_ms >= cgroup->looked_ms + SOONEST_MS)) {
		note_largest(cgroup, text);
		cgroup->looked_ms = now_ms;
		cgroup->limit_hits = hits;
	}
	/* "oom" counts what our own limit refused; "oom_kill" also those whom the machine's or an outer limit took. */
	met = known(cgroup_parse_stat(text, "oom"));
	killed = known(cgroup_parse_stat(text, "oom_kill"));
	cgroup->met_limit |= met != 0;
	if (!(met && killed) && !is_gone_at_its_limit(cgroup, text))
		return;
	ret->order = LIMIT_END_TREE;
	ret->next_ms = 0;
	ret->limit = LIMIT_MEMORY;
	ret->used = peak(cgroup->outer, "memory.peak", cgroup->memory_seen);
	if (ret->used == UINT64_MAX)
		ret->used = cgroup->memory_limit;
	ret->largest = cgroup->last.largest;
	memcpy(ret->largest_comm, cgroup->last.largest_comm, sizeof(ret->largest_comm));
}

/* "8:0 rbytes=4096 wbytes=0 rios=1 …", a line for each disk; one that stands on others (dm, md) is counted with them. */
static void sum_io(const char *text, uint64_t *ret_read, uint64_t *ret_written)
{
	uint64_t read_bytes = 0, written = 0;

	for (const char *at = text; (at = strstr(at, " rbytes=")); at++)
		read_bytes += strtoull(at + 8, NULL, 10);
	for (const char *at = text; (at = strstr(at, " wbytes=")); at++)
		written += strtoull(at + 8, NULL, 10);
	*ret_read = read_bytes;
	*ret_written = written;
}

void cgroup_usage(struct cgroup *cgroup, struct limit_usage *ret)
{
	char text[CGROUP_TEXT];
	cleanup_free char *io = NULL;
	int dir = cgroup->outer;

	memset(ret, 0xff, sizeof(*ret)); /* what is not known is UINT64_MAX */
	ret->memory_now = cgroup_read_number(dir, "memory.current");
	ret->tasks_now = cgroup_read_number(dir, "pids.current");
	raise_to(&cgroup->memory_seen, ret->memory_now);
	raise_to(&cgroup->tasks_seen, ret->tasks_now);
	ret->memory_peak = peak(dir, "memory.peak", cgroup->memory_seen);
	ret->tasks_peak = peak(dir, "pids.peak", cgroup->tasks_seen);
	cgroup_read_text(dir, "cpu.stat", text); /* the times also without the controller */
	ret->cpu_user_us = cgroup_parse_stat(text, "user_usec");
	ret->cpu_system_us = cgroup_parse_stat(text, "system_usec");
	ret->throttled_us = cgroup_parse_stat(text, "throttled_usec");
	ret->fork_refused = cgroup_parse_stat(cgroup_read_text(dir, "pids.events", text), "max");
	/* A line for each disk; without any I/O it is empty, without the controller not there. */
	if (fd_slurp_at(dir, "io.stat", CGROUP_SMALL_FILE, &io, NULL) == 0)
		sum_io(io, &ret->io_read, &ret->io_written);
}
