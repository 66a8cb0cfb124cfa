#include "run/record.h"

#include <string.h>

#include "run/plan_image.h"
#include "util/path.h"

static void add_limits(const struct limits_plan *plan, struct instance *instance)
{
	for (int limit = 0; limit < LIMIT_MAX; limit++)
		if (plan->spec.values[limit].is_set)
			instance->limits[instance->limit_count++] =
				(struct instance_limit){limit_name(limit), plan->spec.values[limit].value, limit_rung_name(plan->rungs[limit])};
}

void record_publish(const struct plan *plan, const struct limits *limits, pid_t init, struct instance_lock *ret)
{
	const char *root = plan->image ? plan->image->name : plan->tree.root_source;
	struct instance instance = {
	    .name = plan->instance_dir ? path_basename(plan->instance_dir) : NULL,
	    .profile = plan->profile->name ? plan->profile->name : "default",
	    .root = root && strcmp(root, "/") != 0 ? root : NULL,
	    .cgroup = limits->cgroup.path,
	    .argv = (const char *const *)plan->process.argv,
	    .init = {.pid = init},
	};

	_Static_assert((int)LIMIT_MAX <= (int)INSTANCE_LIMITS_MAX, "a record holds every limit");
	if (plan->has_limits)
		add_limits(&plan->limits, &instance);
	*ret = INSTANCE_LOCK_NONE;
	if (plan->host->runtime_dir)
		(void)!instance_publish(plan->host->runtime_dir, &instance, ret); /* as said above */
}
