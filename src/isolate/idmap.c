#include "isolate/idmap.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum {
	EXTENTS_MAX = 340, /* UID_GID_MAP_MAX_EXTENTS since Linux 4.15 */
	TEXT_MAX = 4095,   /* the kernel refuses a write of a page or more */
};

/* A map under construction. */
struct layout {
	struct arena *arena;
	struct idmap_extent *extents;
	size_t count, text_size;
	bool apart; /* the ranges are extents of our own namespace's map: the kernel takes none that spans two of these (kernel/user_namespace.c, map_id_range_down) */
};

static size_t extent_text_size(struct idmap_extent extent)
{
	char text[48];

	return (size_t)snprintf(text, sizeof(text), "%" PRIu32 " %" PRIu32 " %" PRIu32 "\n", extent.inside, extent.outside, extent.count);
}

static void layout_add(struct layout *layout, struct idmap_extent extent)
{
	struct idmap_extent *last = layout->count ? &layout->extents[layout->count - 1] : NULL;
	size_t text_size = extent_text_size((struct idmap_extent){extent.inside, extent.outside, UINT32_MAX});

	if (extent.count == 0)
		return;
	if (!layout->apart && last && last->inside + last->count == extent.inside && last->outside + last->count == extent.outside) {
		last->count += extent.count; /* its text was counted with the widest number */
		return;
	}
	if (layout->count == EXTENTS_MAX || layout->text_size + text_size > TEXT_MAX)
		return;
	layout->text_size += text_size;
	layout->extents = arena_grow(layout->arena, layout->extents, layout->count, sizeof(*layout->extents));
	layout->extents[layout->count++] = extent;
}

/* Put the ids of one piece at `*next`, leaving the inside id `keep` free where there is one (UINT32_MAX: none). */
static void layout_piece(struct layout *layout, uint32_t *next, uint32_t keep, struct id_range piece)
{
	uint32_t room = UINT32_MAX - *next; /* 4294967295 is no id */

	if (piece.count > room)
		piece.count = room;
	if (*next <= keep && piece.count > keep - *next) {
		uint32_t before = keep - *next;

		layout_add(layout, (struct idmap_extent){*next, piece.start, before});
		*next = keep + 1;
		piece.start += before;
		piece.count -= before;
		if (piece.count > UINT32_MAX - *next)
			piece.count = UINT32_MAX - *next;
	}
	layout_add(layout, (struct idmap_extent){*next, piece.start, piece.count});
	*next += piece.count;
}

static void layout_ranges(struct layout *layout, uint32_t next, uint32_t keep, uint32_t own, const struct id_range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct id_range range = ranges[i];

		if (own >= range.start && own - range.start < range.count) { /* the kernel takes no outside id twice */
			layout_piece(layout, &next, keep, (struct id_range){range.start, own - range.start});
			range.count -= own - range.start + 1;
			range.start = own + 1;
		}
		layout_piece(layout, &next, keep, range);
	}
}

static struct layout layout_make(struct arena *arena, enum idmap_mode rung, bool apart, uint32_t own, const struct id_range *ranges, size_t count)
{
	struct layout layout = {.arena = arena, .apart = apart};

	if (rung == IDMAP_KEEP_ID) {
		layout_add(&layout, (struct idmap_extent){own, own, 1});
		layout_ranges(&layout, 0, own, own, ranges, count);
	} else {
		layout_add(&layout, (struct idmap_extent){0, own, 1});
		layout_ranges(&layout, 1, UINT32_MAX, own, ranges, count);
	}
	return layout;
}

static const char *missing_ranges(const struct idmap_facts *facts)
{
	if (!facts->uid_range_count && !facts->gid_range_count)
		return "/etc/subuid and /etc/subgid have no range for this user";
	if (!facts->uid_range_count)
		return "/etc/subuid has no range for this user";
	return facts->gid_range_count ? NULL : "/etc/subgid has no range for this user";
}

/* What stands against a range on this host, or NULL. */
static const char *obstacle(const struct idmap_facts *facts)
{
	if (facts->no_setgroups)
		return "this user namespace has given setgroups(2) up for good (/proc/self/setgroups says deny), and several users need it";
	if (!facts->privileged && facts->helper_reason)
		return facts->helper_reason;
	if (!facts->privileged && !facts->newuidmap)
		return "newuidmap is not installed";
	if (!facts->privileged && !facts->newgidmap)
		return "newgidmap is not installed";
	return missing_ranges(facts);
}

const char *idmap_range_command(struct arena *arena, const struct idmap_facts *facts)
{
	uint32_t start = facts->free_start ? facts->free_start : SUBID_FIRST, end = start + SUBID_USUAL_SIZE - 1;
	const char *uids = "", *gids = "";

	if (!facts->uid_range_count)
		uids = arena_printf(arena, " --add-subuids %" PRIu32 "-%" PRIu32, start, end);
	if (!facts->gid_range_count)
		gids = arena_printf(arena, " --add-subgids %" PRIu32 "-%" PRIu32, start, end);
	if (facts->user_name)
		return arena_printf(arena, "sudo usermod%s%s %s", uids, gids, facts->user_name);
	/* usermod knows only accounts of /etc/passwd; the files take a number as well. */
	return arena_printf(arena, "echo %" PRIu32 ":%" PRIu32 ":%d | sudo tee -a /etc/subuid /etc/subgid", facts->uid, start, SUBID_USUAL_SIZE);
}

static int refuse(struct arena *arena, const struct idmap_spec *spec, const struct idmap_facts *facts, const char *reason, struct error *err)
{
	bool helper = !facts->privileged && (facts->helper_reason || !facts->newuidmap || !facts->newgidmap);

	if (facts->user_name)
		(void)error_set(err, helper ? ENOENT : EPERM, "cannot map ids for '%s'", facts->user_name);
	else
		(void)error_set(err, helper ? ENOENT : EPERM, "cannot map ids for the user %" PRIu32, facts->uid);
	(void)error_cause(err, "%s", reason);
	(void)error_at(err, &spec->at, "identity.map");
	if (facts->no_setgroups)
		return error_hint(err, "use --userns single; or make the namespace around with a range of ids, as  podman unshare  does, not  unshare -r");
	if (helper)
		return error_hint(err, "%s ; or use --userns single", facts->helper_hint ? facts->helper_hint : "sudo apt-get install uidmap");
	return error_hint(err, "ask the administrator for  %s ; or use --userns single", idmap_range_command(arena, facts));
}

static void plan_single(struct arena *arena, const struct idmap_spec *spec, const struct idmap_facts *facts, struct idmap_plan *plan)
{
	plan->rung = IDMAP_SINGLE;
	plan->uid_count = plan->gid_count = 1;
	plan->uids = arena_alloc(arena, sizeof(*plan->uids));
	plan->gids = arena_alloc(arena, sizeof(*plan->gids));
	*plan->uids = (struct idmap_extent){spec->single_uid, facts->uid, 1};
	*plan->gids = (struct idmap_extent){spec->single_gid, facts->gid, 1};
}

static void plan_ranges(struct arena *arena, enum idmap_mode rung, const struct idmap_facts *facts, struct idmap_plan *plan)
{
	struct layout uids = layout_make(arena, rung, facts->privileged, facts->uid, facts->uid_ranges, facts->uid_range_count);
	struct layout gids = layout_make(arena, rung, facts->privileged, facts->gid, facts->gid_ranges, facts->gid_range_count);

	plan->rung = rung;
	plan->uids = uids.extents;
	plan->uid_count = uids.count;
	plan->gids = gids.extents;
	plan->gid_count = gids.count;
	if (!facts->privileged) {
		plan->newuidmap = facts->newuidmap;
		plan->newgidmap = facts->newgidmap;
	}
}

int idmap_plan(struct arena *arena, const struct idmap_spec *spec, const struct idmap_facts *facts, struct idmap_plan *ret, struct error *err)
{
	struct idmap_plan plan = {.rung = IDMAP_SINGLE};
	bool wants_range = spec->mode == IDMAP_SUBIDS || spec->mode == IDMAP_KEEP_ID || (spec->mode == IDMAP_AUTO && spec->wants_range);
	const char *reason = wants_range ? obstacle(facts) : NULL;

	if (reason && spec->mode != IDMAP_AUTO)
		return refuse(arena, spec, facts, reason, err);
	if (wants_range && !reason) {
		plan_ranges(arena, spec->mode == IDMAP_KEEP_ID ? IDMAP_KEEP_ID : IDMAP_SUBIDS, facts, &plan);
	} else {
		plan_single(arena, spec, facts, &plan);
		plan.degraded = reason != NULL;
		plan.reason = reason;
	}
	*ret = plan;
	return 0;
}

bool idmap_has(const struct idmap_extent *extents, size_t count, uint32_t inside)
{
	for (size_t i = 0; i < count; i++)
		if (inside >= extents[i].inside && inside - extents[i].inside < extents[i].count)
			return true;
	return false;
}
