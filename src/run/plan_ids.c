/* Who the payload is, and which ids exist inside. */
#include <errno.h>
#include <string.h>

#include "run/plan.h"

static int read_user(struct plan *plan, const struct profile *profile)
{
	const char *text = profile->identity.user.v;

	plan->process.user_text = text;
	plan->process.user_at = profile->identity.user.at;
	if (!text || !strcmp(text, "self"))
		plan->process.user = PLAN_USER_SELF;
	else if (!strcmp(text, "root") || !strcmp(text, "0") || !strcmp(text, "0:0"))
		plan->process.user = PLAN_USER_ROOT;
	else
		plan->process.user = PLAN_USER_NAMED;
	return 0;
}

static enum idmap_mode mode_of(int map)
{
	static const enum idmap_mode modes[] = {
	    [MAP_AUTO] = IDMAP_AUTO, [MAP_SUBIDS] = IDMAP_SUBIDS, [MAP_SINGLE] = IDMAP_SINGLE, [MAP_KEEP_ID] = IDMAP_KEEP_ID};

	return modes[map];
}

int plan_ids(struct plan *plan, const struct plan_input *in, struct error *err)
{
	const struct profile *profile = in->profile;
	struct idmap_facts facts = {.uid = plan->host->uid, .gid = plan->host->gid, .user_name = plan->host->account.name};
	struct idmap_spec spec = {.mode = mode_of(profile->identity.map.v), .at = profile->identity.map.at};
	int r = read_user(plan, profile);

	spec.wants_range = profile->filesystem.root.v != ROOT_HOST || plan->process.user == PLAN_USER_NAMED;
	/* A single id needs no file read and no helper: the common case stays cheap. */
	if (spec.mode != IDMAP_SINGLE && (spec.mode != IDMAP_AUTO || spec.wants_range))
		r = host_id_facts(plan->host, &facts, err);
	if (r < 0)
		return r;
	/* Yourself stays yourself, also where more ids are wanted, so that the working directory's files are yours. */
	if (spec.mode == IDMAP_AUTO && spec.wants_range && plan->process.user == PLAN_USER_SELF && host_has_ranges(&facts))
		spec.mode = IDMAP_KEEP_ID;
	if (plan->process.user == PLAN_USER_SELF) {
		spec.single_uid = facts.uid;
		spec.single_gid = facts.gid;
	}
	r = idmap_plan(plan->arena, &spec, &facts, &plan->ids, err);
	if (r == 0 && plan->ids.degraded)
		plan_note(plan, true, "only one id inside: %s", plan->ids.reason);
	return r;
}
