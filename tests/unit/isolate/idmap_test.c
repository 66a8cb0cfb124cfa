#include "isolate/idmap.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/buf.h"

TestSuite(idmap);

static const struct id_range usual[] = {{100000, 65536}};
static const struct id_range two[] = {{200000, 10}, {300000, 20}};
static const struct id_range adjacent[] = {{200000, 10}, {200010, 20}};
static const struct id_range around_zero[] = {{0, 1}, {1, 65535}};
static const struct id_range around_own[] = {{990, 20}};
static const struct id_range starts_at_own[] = {{1000, 20}};
static const struct id_range whole[] = {{0, 4294967295}};
static const struct id_range huge[] = {{2000, 4294965295}};

#define HELPERS .newuidmap = "/usr/bin/newuidmap", .newgidmap = "/usr/bin/newgidmap"
#define RANGES(list) .uid_ranges = (list), .uid_range_count = ARRAY_SIZE(list), .gid_ranges = (list), .gid_range_count = ARRAY_SIZE(list)
#define ADA .uid = 1000, .gid = 1000, .user_name = "ada"

static const struct {
	const char *name;
	struct idmap_spec spec;
	struct idmap_facts facts;
	const char *uids; /* "inside:outside+count …" */
	enum idmap_mode rung;
	const char *reason;
} plans[] = {
	{"auto without need", {.mode = IDMAP_AUTO, .single_uid = 1000}, {ADA, HELPERS, RANGES(usual)}, "1000:1000+1", IDMAP_SINGLE, NULL},
	{"auto with need", {.mode = IDMAP_AUTO, .wants_range = true}, {ADA, HELPERS, RANGES(usual)}, "0:1000+1 1:100000+65536", IDMAP_SUBIDS, NULL},
	{"auto, no range", {.mode = IDMAP_AUTO, .wants_range = true}, {ADA, HELPERS}, "0:1000+1", IDMAP_SINGLE,
	    "/etc/subuid and /etc/subgid have no range for this user"},
	{"auto, no helper", {.mode = IDMAP_AUTO, .wants_range = true}, {ADA, RANGES(usual)}, "0:1000+1", IDMAP_SINGLE, "newuidmap is not installed"},
	{"auto, useless helper", {.mode = IDMAP_AUTO, .wants_range = true}, {ADA, RANGES(usual), .helper_reason = "no_new_privs is set"}, "0:1000+1", IDMAP_SINGLE,
	    "no_new_privs is set"},
	{"single", {.mode = IDMAP_SINGLE, .wants_range = true, .single_uid = 5}, {ADA, HELPERS, RANGES(usual)}, "5:1000+1", IDMAP_SINGLE, NULL},
	{"subids", {.mode = IDMAP_SUBIDS}, {ADA, HELPERS, RANGES(two)}, "0:1000+1 1:200000+10 11:300000+20", IDMAP_SUBIDS, NULL},
	{"adjacent ranges are one", {.mode = IDMAP_SUBIDS}, {ADA, HELPERS, RANGES(adjacent)}, "0:1000+1 1:200000+30", IDMAP_SUBIDS, NULL},
	{"a privileged user's stay two", {.mode = IDMAP_SUBIDS}, {.privileged = true, RANGES(adjacent)}, "0:0+1 1:200000+10 11:200010+20", IDMAP_SUBIDS, NULL},
	{"as podman unshare has them", {.mode = IDMAP_SUBIDS}, {.privileged = true, RANGES(around_zero)}, "0:0+1 1:1+65535", IDMAP_SUBIDS, NULL},
	{"auto, no setgroups", {.mode = IDMAP_AUTO, .wants_range = true}, {ADA, HELPERS, RANGES(usual), .no_setgroups = true}, "0:1000+1", IDMAP_SINGLE,
	    "this user namespace has given setgroups(2) up for good (/proc/self/setgroups says deny), and several users need it"},
	{"own id inside a range", {.mode = IDMAP_SUBIDS}, {ADA, HELPERS, RANGES(around_own)}, "0:1000+1 1:990+10 11:1001+9", IDMAP_SUBIDS, NULL},
	{"own id begins a range", {.mode = IDMAP_SUBIDS}, {ADA, HELPERS, RANGES(starts_at_own)}, "0:1000+20", IDMAP_SUBIDS, NULL},
	{"more ids than there are", {.mode = IDMAP_SUBIDS}, {ADA, HELPERS, RANGES(huge)}, "0:1000+1 1:2000+4294965295", IDMAP_SUBIDS, NULL},
	{"more inside ids than there are", {.mode = IDMAP_SUBIDS}, {.uid = 4294967294, .gid = 4294967294, HELPERS, RANGES(whole)}, "0:4294967294+1 1:0+4294967294",
	    IDMAP_SUBIDS, NULL},
	{"keep-id, cut in two", {.mode = IDMAP_KEEP_ID}, {ADA, HELPERS, RANGES(usual)}, "1000:1000+1 0:100000+1000 1001:101000+64536", IDMAP_KEEP_ID, NULL},
	{"keep-id, small ranges", {.mode = IDMAP_KEEP_ID}, {ADA, HELPERS, RANGES(two)}, "1000:1000+1 0:200000+10 10:300000+20", IDMAP_KEEP_ID, NULL},
	{"keep-id of root", {.mode = IDMAP_KEEP_ID}, {.uid = 0, .gid = 0, HELPERS, RANGES(two)}, "0:0+1 1:200000+10 11:300000+20", IDMAP_KEEP_ID, NULL},
	{"keep-id at a seam", {.mode = IDMAP_KEEP_ID}, {.uid = 10, .gid = 10, HELPERS, RANGES(two)}, "10:10+1 0:200000+10 11:300000+20", IDMAP_KEEP_ID, NULL},
	{"privileged needs no helper", {.mode = IDMAP_SUBIDS}, {.privileged = true, RANGES(two), .helper_reason = "none"}, "0:0+1 1:200000+10 11:300000+20",
	    IDMAP_SUBIDS, NULL},
};

static void format(struct buf *text, const struct idmap_extent *extents, size_t count)
{
	buf_puts(text, "");
	for (size_t i = 0; i < count; i++)
		buf_printf(text, "%s%" PRIu32 ":%" PRIu32 "+%" PRIu32, i ? " " : "", extents[i].inside, extents[i].outside, extents[i].count);
}

Test(idmap, plan)
{
	for (size_t i = 0; i < ARRAY_SIZE(plans); i++) {
		struct arena arena = {0};
		struct error err = {0};
		struct idmap_plan plan = {0};
		cleanup_buf struct buf uids = {0};
		int result = idmap_plan(&arena, &plans[i].spec, &plans[i].facts, &plan, &err);

		cr_expect_eq(result, 0, "%s: %s: %s", plans[i].name, err.what, err.cause);
		format(&uids, plan.uids, plan.uid_count);
		cr_expect_str_eq(uids.text, plans[i].uids, "%s: %s", plans[i].name, uids.text);
		cr_expect_eq(plan.rung, plans[i].rung, "%s: rung", plans[i].name);
		cr_expect_eq(plan.degraded, plans[i].reason != NULL, "%s: degraded", plans[i].name);
		cr_expect_eq(plan.newuidmap != NULL, plan.rung != IDMAP_SINGLE && !plans[i].facts.privileged, "%s: helper", plans[i].name);
		if (plans[i].reason)
			cr_expect_str_eq(plan.reason, plans[i].reason, "%s: %s", plans[i].name, plan.reason);
		arena_done(&arena);
	}
}

static const struct {
	const char *name;
	enum idmap_mode mode;
	struct idmap_facts facts;
	int result;
	const char *cause, *hint;
} refusals[] = {
	{"no range", IDMAP_SUBIDS, {ADA, HELPERS}, -EPERM, "/etc/subuid and /etc/subgid have no range for this user",
	    "ask the administrator for  sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ada ; or use --userns single"},
	{"no uid range", IDMAP_KEEP_ID, {ADA, HELPERS, .gid_ranges = usual, .gid_range_count = 1, .free_start = 231072}, -EPERM, "/etc/subuid has no range for this user",
	    "ask the administrator for  sudo usermod --add-subuids 231072-296607 ada ; or use --userns single"},
	{"no gid range", IDMAP_SUBIDS, {ADA, HELPERS, .uid_ranges = usual, .uid_range_count = 1}, -EPERM, "/etc/subgid has no range for this user",
	    "ask the administrator for  sudo usermod --add-subgids 100000-165535 ada ; or use --userns single"},
	{"no name", IDMAP_SUBIDS, {.uid = 1000, HELPERS}, -EPERM, "/etc/subuid and /etc/subgid have no range for this user",
	    "ask the administrator for  echo 1000:100000:65536 | sudo tee -a /etc/subuid /etc/subgid ; or use --userns single"},
	{"no setgroups", IDMAP_SUBIDS, {ADA, HELPERS, RANGES(usual), .no_setgroups = true}, -EPERM,
	    "this user namespace has given setgroups(2) up for good (/proc/self/setgroups says deny), and several users need it",
	    "use --userns single; or make the namespace around with a range of ids, as  podman unshare  does, not  unshare -r"},
	{"no helper", IDMAP_SUBIDS, {ADA, RANGES(usual), .helper_reason = "newuidmap is not installed", .helper_hint = "sudo apk add shadow-uidmap"}, -ENOENT,
	    "newuidmap is not installed", "sudo apk add shadow-uidmap ; or use --userns single"},
};

Test(idmap, refuse)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		struct arena arena = {0};
		struct error err = {0};
		struct idmap_plan plan = {.reason = "untouched"};
		struct idmap_spec spec = {.mode = refusals[i].mode, .at = {.file = "web.yaml", .line = 12}};
		int result = idmap_plan(&arena, &spec, &refusals[i].facts, &plan, &err);

		cr_expect_eq(result, refusals[i].result, "%s: %d", refusals[i].name, result);
		cr_expect_str_eq(plan.reason, "untouched", "%s", refusals[i].name);
		cr_expect_str_eq(err.cause, refusals[i].cause, "%s: %s", refusals[i].name, err.cause);
		cr_expect_str_eq(err.hint, refusals[i].hint, "%s: %s", refusals[i].name, err.hint);
		cr_expect_str_eq(err.file, "web.yaml", "%s", refusals[i].name);
		cr_expect_str_eq(err.key, "identity.map", "%s", refusals[i].name);
		arena_done(&arena);
	}
}

/* The kernel takes 340 extents and less than a page of text. */
Test(idmap, many_ranges)
{
	struct arena arena = {0};
	struct error err = {0};
	struct idmap_plan plan = {0};
	struct id_range ranges[500];
	struct idmap_facts facts = {ADA, HELPERS, RANGES(ranges)};
	struct idmap_spec spec = {.mode = IDMAP_SUBIDS};
	char text[64];
	size_t size = 0;

	for (uint32_t i = 0; i < ARRAY_SIZE(ranges); i++)
		ranges[i] = (struct id_range){100000 + 20 * i, 10};
	cr_assert_eq(idmap_plan(&arena, &spec, &facts, &plan, &err), 0);
	for (size_t i = 0; i < plan.uid_count; i++)
		size += (size_t)snprintf(text, sizeof(text), "%" PRIu32 " %" PRIu32 " %" PRIu32 "\n", plan.uids[i].inside, plan.uids[i].outside, plan.uids[i].count);
	cr_expect_lt(size, 4096);
	cr_expect_gt(plan.uid_count, 100);
	cr_expect_leq(plan.uid_count, 340);
	arena_done(&arena);
}

Test(idmap, has)
{
	static const struct idmap_extent extents[] = {{0, 1000, 1}, {5, 100000, 10}};
	static const struct {
		uint32_t id;
		bool has;
	} rows[] = {{0, true}, {1, false}, {4, false}, {5, true}, {14, true}, {15, false}, {UINT32_MAX, false}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		cr_expect_eq(idmap_has(extents, 2, rows[i].id), rows[i].has, "%" PRIu32, rows[i].id);
}
