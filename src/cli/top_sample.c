#include <errno.h>
#include <string.h>
#include <time.h>

#include "cli/top.h"

static uint64_t boot_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static const struct top_row *find_row(const struct top_sample *sample, const char *id)
{
	for (size_t i = 0; sample && i < sample->count; i++)
		if (!strcmp(sample->rows[i].instance->id, id))
			return &sample->rows[i];
	return NULL;
}

/* A process that ends takes its time to its parent only when that waits for it, so the sum may go back for a moment. */
static uint64_t cpu_since(const struct top_row *row, const struct top_sample *last, uint64_t now_ms)
{
	const struct top_row *before = find_row(last, row->instance->id);
	uint64_t used = before ? before->usage.cpu_us : 0, span = before ? now_ms - last->boot_ms : row->uptime_ms;

	return row->usage.cpu_us > used && span ? (row->usage.cpu_us - used) / span : 0;
}

int top_sample_take(const char *runtime_dir, const struct top_sample *last, struct top_sample *ret, struct error *err)
{
	struct top_sample sample = {0};
	struct instance *list = NULL;
	size_t count = 0;
	int r = runtime_dir ? instance_list(&sample.arena, runtime_dir, &list, &count) : 0;
	cleanup_free struct usage *usage = mem_alloc((count + 1) * sizeof(*usage));

	sample.boot_ms = boot_ms();
	if (r == 0)
		r = usage_read(list, count, usage);
	if (r < 0) {
		arena_done(&sample.arena);
		return error_set(err, -r, "cannot read what runs from '%s'", runtime_dir);
	}
	sample.rows = arena_alloc(&sample.arena, (count + 1) * sizeof(*sample.rows));
	for (size_t i = 0; i < count; i++) {
		struct top_row row = {.instance = &list[i], .usage = usage[i]};

		if (!usage[i].is_known)
			continue;
		if (sample.boot_ms > list[i].started_boot_ms)
			row.uptime_ms = sample.boot_ms - list[i].started_boot_ms;
		row.cpu_milli = cpu_since(&row, last, sample.boot_ms);
		sample.rows[sample.count++] = row;
	}
	*ret = sample;
	return 0;
}

void top_sample_done(struct top_sample *sample)
{
	arena_done(&sample->arena);
	*sample = (struct top_sample){0};
}

/* --- order --- */

static int by_age(const struct top_row *a, const struct top_row *b)
{
	if (a->uptime_ms != b->uptime_ms)
		return a->uptime_ms > b->uptime_ms ? -1 : 1;
	return strcmp(a->instance->id, b->instance->id);
}

static int larger_first(uint64_t a, uint64_t b, const struct top_row *x, const struct top_row *y)
{
	return a != b ? (a > b ? -1 : 1) : by_age(x, y);
}

static int compare_age(const void *a, const void *b)
{
	return by_age(a, b);
}

static int compare_memory(const void *a, const void *b)
{
	const struct top_row *x = a, *y = b;

	return larger_first(x->usage.memory, y->usage.memory, x, y);
}

static int compare_cpu(const void *a, const void *b)
{
	const struct top_row *x = a, *y = b;

	return larger_first(x->cpu_milli, y->cpu_milli, x, y);
}

static int compare_tasks(const void *a, const void *b)
{
	const struct top_row *x = a, *y = b;

	return larger_first(x->usage.tasks, y->usage.tasks, x, y);
}

void top_sort_rows(struct top_sample *sample, enum top_sort sort)
{
	static int (*const orders[])(const void *, const void *) = {
	    [TOP_BY_AGE] = compare_age, [TOP_BY_MEMORY] = compare_memory, [TOP_BY_CPU] = compare_cpu, [TOP_BY_TASKS] = compare_tasks};

	if (sample->count)
		qsort(sample->rows, sample->count, sizeof(*sample->rows), orders[sort]);
}
