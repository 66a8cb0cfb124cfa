#include "run/launch_policy.h"

#include <stdio.h>
#include <sys/resource.h>

#include "isolate/rlimit.h"
#include "profile/policy.h"

/* The limits of --ulimit that have a key in the profile, and how many of the key's units one is. */
static const struct {
	int resource;
	const char *key;
	int64_t unit;
} ulimits[] = {
	{RLIMIT_NOFILE, "resources.open_files", 1},
	{RLIMIT_CPU, "resources.cpu_time", 1000},
	{RLIMIT_FSIZE, "resources.file_size", 1},
};

static int check_ulimit(const struct policy *policy, const struct request_text *ulimit, struct error *err)
{
	const struct origin at = {.file = ulimit->label};
	struct rlimit_entry entry;
	char what[96];

	if (rlimit_parse_ulimit(ulimit->text, &entry) < 0)
		return 0; /* the plan says so */
	for (size_t i = 0; i < ARRAY_SIZE(ulimits); i++) {
		bool is_huge = entry.hard > (uint64_t)(INT64_MAX / ulimits[i].unit);
		int64_t value = is_huge ? INT64_MAX : (int64_t)entry.hard * ulimits[i].unit;

		if (ulimits[i].resource != entry.resource)
			continue;
		(void)snprintf(what, sizeof(what), "--ulimit %s", ulimit->text);
		return policy_check_limit(policy, ulimits[i].key, value, what, &at, err);
	}
	return 0;
}

int launch_policy(const struct request *request, const struct profile_path *path, struct profile *profile, struct policy **ret_policy, struct error *err)
{
	struct policy *policy = NULL;
	int r = policy_load(POLICY_FILE, &policy, err);

	if (r == 0 && policy)
		r = policy_apply(policy, path, profile, err);
	for (size_t i = 0; r == 0 && policy && i < request->ulimit_count; i++)
		r = check_ulimit(policy, &request->ulimits[i], err);
	if (r == 0)
		*ret_policy = policy;
	else
		policy_free(policy);
	return r;
}
