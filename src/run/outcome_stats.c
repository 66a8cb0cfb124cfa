/* What was used, as people read it (`carrel run --stats`). */
#include <inttypes.h>
#include <stdio.h>

#include "run/outcome_parts.h"

static bool is_known(uint64_t value)
{
	return value != UINT64_MAX;
}

/* " of 1G (cgroup)" */
static void put_limit(struct buf *out, const struct outcome *outcome, enum limit limit, bool is_size)
{
	uint64_t value = outcome->tree_limits[limit].value;
	char text[UNITS_TEXT];

	if (!outcome->tree_rungs[limit])
		return;
	if (is_size)
		buf_printf(out, " of %s (%s)", units_format_size(value, text), outcome->tree_rungs[limit]);
	else
		buf_printf(out, " of %" PRIu64 " (%s)", value, outcome->tree_rungs[limit]);
}

static void put_size(struct buf *out, const char *name, uint64_t bytes)
{
	char text[UNITS_TEXT];

	if (is_known(bytes))
		buf_printf(out, "%s%s", name, outcome_format_roughly(bytes, text));
}

static void put_time(struct buf *out, const struct outcome *outcome)
{
	const struct limit_usage *tree = &outcome->tree_usage;
	double wall = (double)outcome->usage.wall_us / 1e6, cpu = (double)(outcome->usage.user_us + outcome->usage.system_us) / 1e6;

	buf_printf(out, "time:    %.3f s; CPU %.3f s user, %.3f s system (%.0f%%)", wall, (double)outcome->usage.user_us / 1e6, (double)outcome->usage.system_us / 1e6,
	    wall > 0 ? cpu / wall * 100 : 0);
	if (outcome->tree_rungs[LIMIT_CPUS])
		buf_printf(out, ", limit %g (%s)", (double)outcome->tree_limits[LIMIT_CPUS].value / 1000, outcome->tree_rungs[LIMIT_CPUS]);
	if (is_known(tree->throttled_us) && tree->throttled_us)
		buf_printf(out, ", held back for %.3f s", (double)tree->throttled_us / 1e6);
	buf_puts(out, "\n");
}

void outcome_format_stats(const struct outcome *outcome, struct buf *out)
{
	const struct limit_usage *tree = &outcome->tree_usage;

	put_time(out, outcome);
	buf_puts(out, "memory:  ");
	if (is_known(tree->memory_peak)) {
		put_size(out, "at most ", tree->memory_peak);
		put_limit(out, outcome, LIMIT_MEMORY, true);
		buf_puts(out, "; ");
	}
	put_size(out, "the largest process ", outcome->usage.max_rss_kb * 1024);
	buf_puts(out, "\n");
	if (is_known(tree->tasks_peak)) {
		buf_printf(out, "tasks:   at most %" PRIu64, tree->tasks_peak);
		put_limit(out, outcome, LIMIT_TASKS, false);
		buf_puts(out, "\n");
	}
	if (is_known(tree->scratch_peak)) {
		put_size(out, "scratch: ", tree->scratch_peak);
		put_limit(out, outcome, LIMIT_SCRATCH, true);
		buf_puts(out, "\n");
	}
	if (is_known(tree->io_written) && is_known(tree->io_read)) {
		put_size(out, "disks:   read ", tree->io_read);
		put_size(out, ", written ", tree->io_written);
		buf_puts(out, "\n");
	}
}
