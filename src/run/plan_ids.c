/* Who the payload is, and which ids exist inside. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "run/plan_image.h"
#include "util/units.h"

/* Is it the image that says who? `user: image`, or no word at all of a profile that has an image. */
static bool is_images_user(const struct plan *plan, const struct profile *profile)
{
	const struct text_value *user = &profile->identity.user;

	return (user->v && !strcmp(user->v, "image")) || (plan->image && !user->at.file);
}

/* Also root is looked for in the image's own files, as Docker does: it may have another home there, and groups. */
static void take_images_user(struct plan *plan, struct idmap_spec *spec)
{
	struct plan_image_user user;

	plan_image_user(plan->image, &user);
	plan->process.user = PLAN_USER_NAMED;
	plan->process.user_text = user.text;
	plan->process.user_at = plan->tree.root_at;
	spec->single_uid = user.uid;
	spec->single_gid = user.gid;
}

/* The one id there is cannot be somebody else, but it can be called by any number. */
static void stay_with_single(struct plan *plan)
{
	struct plan_image_user user;

	plan_image_user(plan->image, &user);
	plan->process.user_text = arena_printf(plan->arena, "%u:%u", user.uid, user.gid);
	if (user.is_name)
		plan_note(plan, true, "the command runs as the sandbox's root and not as the image's user '%s': there is only one id inside", user.text);
}

static int read_user(struct plan *plan, const struct profile *profile)
{
	const char *text = profile->identity.user.v;

	plan->process.user_text = text;
	plan->process.user_at = profile->identity.user.at;
	if (!text || !strcmp(text, "self"))
		plan->process.user = PLAN_USER_SELF;
	else if (!strcmp(text, "image") || !strcmp(text, "root") || !strcmp(text, "0") || !strcmp(text, "0:0"))
		plan->process.user = PLAN_USER_ROOT;
	else
		plan->process.user = PLAN_USER_NAMED;
	return 0;
}

/* `-u $(id -u):$(id -g)`, a habit from Docker, is there for the files to be the caller's. Here root inside has that id, and the number means one of the range. */
static void warn_of_own_number(struct plan *plan)
{
	const char *text = plan->process.user_text;
	int64_t uid;

	if (plan->process.user != PLAN_USER_NAMED || plan->ids.rung != IDMAP_SUBIDS || !plan->host->uid)
		return;
	if (units_parse_number(arena_strndup(plan->arena, text, strcspn(text, ":")), 0, (int64_t)UINT32_MAX - 1, &uid) == 0 && (uid_t)uid == plan->host->uid)
		plan_note(plan, true, "the user %u inside is not you: root inside is. For files that are yours leave the option out, or add  --userns keep-id", plan->host->uid);
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
	bool is_images = is_images_user(plan, profile);
	int r = read_user(plan, profile);

	if (is_images && plan->image)
		take_images_user(plan, &spec);
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
	if (r == 0 && is_images && plan->image && plan->ids.rung == IDMAP_SINGLE)
		stay_with_single(plan);
	if (r == 0 && !is_images)
		warn_of_own_number(plan);
	return r;
}
