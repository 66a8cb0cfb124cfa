/* What the administrator of this machine allows; one that cannot be read lets nothing run. */
#include "profile/policy.h"
#include "run/doctor.h"

void doctor_policy(struct doctor_row *row)
{
	struct policy *policy = NULL;
	struct error err = {0};
	cleanup_buf struct buf rules = {0};

	if (policy_load(POLICY_FILE, &policy, &err) < 0) {
		doctor_say(row, DOCTOR_MISSING, "%s: %s", err.what, err.cause);
		if (err.line)
			doctor_say(row, DOCTOR_MISSING, "%s: %s (%s:%u:%u)", err.what, err.cause, err.file, err.line, err.column);
		doctor_consequence(row, "nothing runs until the administrator has mended it");
		doctor_command(row, "%s", err.hint);
	} else if (!policy) {
		doctor_say(row, DOCTOR_WORKS, "none (%s is not there)", POLICY_FILE);
	} else {
		policy_describe(policy, &rules);
		doctor_say(row, DOCTOR_WORKS, "%s: %s", POLICY_FILE, rules.size ? rules.text : "no rule");
	}
	policy_free(policy);
}
