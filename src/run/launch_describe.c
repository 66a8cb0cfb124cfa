/* What the plan knows of how it ended: limits with their lines, rungs, notes. */
#include <string.h>

#include "run/launch_parts.h"

static const char *ids_rung(const struct idmap_plan *ids)
{
	return ids->rung == IDMAP_SINGLE ? "single" : ids->rung == IDMAP_KEEP_ID ? "keep-id" : "subids";
}

/* The rung that most of the tree's limits stand on, and each one's own. */
static void describe_limits(const struct launch *launch, struct outcome *outcome)
{
	const struct limits_plan *limits = &launch->plan.limits;

	outcome->rungs.limits = limits->wants_cgroup ? "cgroup" : limits->wants_scope ? "scope" : limits->wants_watcher ? "watcher" : "rlimit";
	for (enum limit limit = 0; limit < LIMIT_MAX; limit++) {
		const struct limit_value *value = &limits->spec.values[limit];

		if (!value->is_set)
			continue;
		outcome->tree_limits[limit] = (struct outcome_limit){.value = value->value, .origin = value->at};
		outcome->tree_rungs[limit] = limit_rung_name(limits->rungs[limit]);
	}
}

void launch_describe(struct launch *launch, struct outcome *outcome)
{
	struct plan *plan = &launch->plan;
	const char *killed = outcome_take_witness(outcome, &launch->notify, plan->arena);

	if (killed)
		plan_note(plan, false, "%s", killed);
	outcome->limits.timeout = (struct outcome_limit){.value = plan->process.timeout_ms, .origin = plan->process.timeout_at};
	for (size_t i = 0; i < plan->rlimit_count; i++) {
		struct outcome_limit limit = {.value = plan->rlimits[i].soft, .origin = plan->rlimits[i].at};

		if (!strcmp(plan->rlimits[i].key, "resources.cpu_time")) {
			limit.value *= 1000;
			outcome->limits.cpu_time = limit;
		} else if (!strcmp(plan->rlimits[i].key, "resources.file_size")) {
			outcome->limits.file_size = limit;
		}
	}
	outcome->limits.output = (struct outcome_limit){.value = plan->process.output_max, .origin = plan->process.output_at};
	outcome->scratch_note = scratch_note(&launch->room, plan->arena, plan->tree.scratch_size, &plan->limits.spec.values[LIMIT_SCRATCH].at);
	outcome->rungs.ids = ids_rung(&plan->ids);
	outcome->rungs.overlay = launch->server_count ? "fuse" : plan_uses_layers(plan) ? "kernel" : NULL;
	describe_limits(launch, outcome);
	outcome->rungs.network = plan->ns.network ? "none" : "host";
	if (outcome->scratch_note)
		outcome->notes[outcome->note_count++] = outcome->scratch_note;
	for (size_t i = 0; i < plan->note_count && outcome->note_count < OUTCOME_NOTES_MAX; i++)
		outcome->notes[outcome->note_count++] = plan->notes[i].text;
}
