/* Limits: those of each process, which are rlimits, and those of the whole sandbox, for which isolate/limits.h finds a rung each. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "run/plan.h"

/* --- limits of each process ---------------------------------------------------------------------------------------------------- */

enum { CPU_GRACE = 2 }; /* seconds that a process may use after SIGXCPU */

struct process_limit {
	const char *key;
	int resource;
	const struct number_value *value;
	int64_t divisor; /* of the schema's unit to the kernel's */
};

static void add_limit(struct plan *plan, const struct rlimit_entry *entry)
{
	plan->rlimits = arena_grow(plan->arena, plan->rlimits, plan->rlimit_count, sizeof(*entry));
	plan->rlimits[plan->rlimit_count++] = *entry;
}

static int plan_rlimits(struct plan *plan, const struct plan_input *in, struct error *err)
{
	const struct profile *profile = in->profile;
	const struct process_limit limits[] = {
	    {"resources.open_files", RLIMIT_NOFILE, &profile->resources.open_files, 1},
	    {"resources.cpu_time", RLIMIT_CPU, &profile->resources.cpu_time, 1000},
	    {"resources.file_size", RLIMIT_FSIZE, &profile->resources.file_size, 1},
	    {"resources.core", RLIMIT_CORE, &profile->resources.core, 1},
	    {"resources.locked_memory", RLIMIT_MEMLOCK, &profile->resources.locked_memory, 1},
	    {"resources.stack", RLIMIT_STACK, &profile->resources.stack, 1},
	};

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		const struct process_limit *limit = &limits[i];

		if (limit->value->v < 0)
			continue;
		uint64_t amount = (uint64_t)((limit->value->v + limit->divisor - 1) / limit->divisor);
		struct rlimit own;

		/* A profile's ceiling above the user's own is no ceiling: the user's holds already. A command line that asks for more is told. */
		if (!limit->value->at.file || strncmp(limit->value->at.file, "command line", 12)) {
			if (getrlimit((__rlimit_resource_t)limit->resource, &own) == 0 && own.rlim_max != RLIM_INFINITY && amount > own.rlim_max)
				amount = own.rlim_max;
		}
		/* SIGXCPU, by which the end is named, comes at the soft limit; at the hard one there is a bare SIGKILL. */
		add_limit(plan, &(struct rlimit_entry){.resource = limit->resource, .soft = amount, .hard = amount, .key = limit->key, .at = limit->value->at});
		if (limit->resource == RLIMIT_CPU && amount < UINT64_MAX - CPU_GRACE && (getrlimit(RLIMIT_CPU, &own) < 0 || own.rlim_max >= amount + CPU_GRACE))
			plan->rlimits[plan->rlimit_count - 1].hard += CPU_GRACE;
	}
	for (size_t i = 0; i < in->request->ulimit_count; i++) {
		struct rlimit_entry entry = {0};

		if (rlimit_parse_ulimit(in->request->ulimits[i].text, &entry) < 0) {
			error_set(err, EINVAL, "cannot understand --ulimit '%s'", in->request->ulimits[i].text);
			return error_hint(err, "as with Docker:  nofile=1024:2048 , core=0");
		}
		entry.key = "--ulimit";
		entry.at = (struct origin){.file = in->request->ulimits[i].label};
		add_limit(plan, &entry);
	}
	return rlimit_check(plan->rlimits, plan->rlimit_count, err);
}

/* --- limits of the whole sandbox ----------------------------------------------------------------------------------------------- */

static bool read_spec(const struct plan *plan, const struct plan_input *in, struct limit_spec *ret)
{
	const struct profile *profile = in->profile;
	const struct number_value *numbers[LIMIT_MAX] = {
	    [LIMIT_MEMORY] = &profile->resources.memory,
	    [LIMIT_MEMORY_HIGH] = &profile->resources.memory_high,
	    [LIMIT_SWAP] = &profile->resources.swap,
	    [LIMIT_TASKS] = &profile->resources.tasks,
	    [LIMIT_CPUS] = &profile->resources.cpus,
	    [LIMIT_CPU_WEIGHT] = &profile->resources.cpu_weight,
	    [LIMIT_IO_READ] = &profile->resources.io_read,
	    [LIMIT_IO_WRITE] = &profile->resources.io_write,
	    [LIMIT_IO_WEIGHT] = &profile->resources.io_weight,
	    [LIMIT_SCRATCH] = &profile->resources.scratch,
	};
	bool any = false;

	*ret = (struct limit_spec){
	    .cpuset = profile->resources.cpuset.v, .scratch_on_disk = plan->tree.scratch == TREE_SCRATCH_DISK, .accounting = in->request->stats || in->request->report};
	for (enum limit limit = 0; limit < LIMIT_MAX; limit++) {
		const struct number_value *number = numbers[limit];

		if (!number || number->v < 0)
			continue;
		ret->values[limit] = (struct limit_value){.is_set = true, .value = (uint64_t)number->v, .at = number->at};
		any = true;
	}
	if (ret->cpuset)
		ret->values[LIMIT_CPUSET] = (struct limit_value){.is_set = true, .at = profile->resources.cpuset.at};
	return any || ret->cpuset || ret->accounting;
}

/* What a limit does less than its word, told loudly; refused where it was required. */
int plan_tell_rungs(struct plan *plan, struct error *err)
{
	for (enum limit limit = 0; limit < LIMIT_MAX; limit++) {
		const struct limit_value *value = &plan->limits.spec.values[limit];

		if (!value->is_set || plan->limits.rungs[limit] != LIMIT_RUNG_NONE)
			continue;
		if (plan->requires_limits) {
			error_set(err, EOPNOTSUPP, "cannot make %s hold", limit_key(limit));
			error_cause(err, "%s", plan->limits.why[limit]);
			error_hint(err, "see  carrel doctor ; to run without it, take it out, or set  resources.require: false");
			return error_at(err, &value->at, limit_key(limit));
		}
		plan_note(plan, true, "%s does not hold here: %s", limit_key(limit), plan->limits.why[limit]);
	}
	return 0;
}

int plan_limits(struct plan *plan, const struct plan_input *in, struct error *err)
{
	struct limit_spec spec;
	struct limits_facts facts;
	int r = plan_rlimits(plan, in, err);

	plan->has_limits = r == 0 && read_spec(plan, in, &spec);
	if (!plan->has_limits)
		return r;
	r = limits_read_facts(plan->arena, &facts, err);
	if (r < 0)
		return r;
	limits_plan(&spec, &facts, plan->arena, &plan->limits);
	plan->ns.own_cgroup = plan->limits.wants_cgroup || plan->limits.wants_scope;
	plan->shows_usage = plan->limits.wants_watcher || plan->limits.wants_scope || spec.accounting || spec.values[LIMIT_SCRATCH].is_set;
	plan->requires_limits = in->profile->resources.require.v;
	return plan_tell_rungs(plan, err);
}

/* --- what the rungs want of the payload ---------------------------------------------------------------------------------------- */

/* The kernel's weights fall by a quarter with each step of niceness (kernel: sched_prio_to_weight). */
static int niceness_of(uint64_t weight)
{
	double reached = 100;
	int nice = 0;

	for (; nice < 19 && reached > (double)weight; nice++)
		reached /= 1.25;
	return nice;
}

void plan_take_rungs(struct plan *plan)
{
	const struct limits_plan *limits = &plan->limits;
	const struct limit_value *weight = &limits->spec.values[LIMIT_CPU_WEIGHT], *tasks = &limits->spec.values[LIMIT_TASKS];

	if (limits->rungs[LIMIT_TASKS] == LIMIT_RUNG_RLIMIT)
		add_limit(plan, &(struct rlimit_entry){.resource = RLIMIT_NPROC, .soft = tasks->value, .hard = tasks->value, .key = limit_key(LIMIT_TASKS), .at = tasks->at});
	if (limits->rungs[LIMIT_CPU_WEIGHT] == LIMIT_RUNG_NICE && niceness_of(weight->value) > plan->process.nice) {
		plan->process.nice = niceness_of(weight->value);
		plan->process.nice_at = weight->at;
	}
	if (limits->rungs[LIMIT_CPUSET] == LIMIT_RUNG_AFFINITY) {
		plan->process.cpuset = limits->spec.cpuset;
		plan->process.cpuset_at = limits->spec.values[LIMIT_CPUSET].at;
	}
}
