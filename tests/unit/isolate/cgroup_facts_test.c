#include "isolate/cgroup_parts.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/path.h"

TestSuite(cgroup_facts);

Test(cgroup_facts, own)
{
	static const struct {
		const char *name, *text, *own;
	} cases[] = {
		{"unified", "0::/user.slice/user-1000.slice/session-1.scope\n", "/user.slice/user-1000.slice/session-1.scope"},
		{"root", "0::/\n", "/"},
		{"hybrid", "2:memory:/m\n1:name=systemd:/\n0::/u\n", "/u"},
		{"outside of our namespace", "0::/../other\n", "/../other"},
		{"version 1", "2:memory:/\n1:cpu:/0::/x\n", NULL},
		{"no new line at the end", "0::/a", "/a"},
		{"empty", "", NULL},
		{"cut", "0::", NULL},
	};
	struct arena arena = {0};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *own = cgroup_parse_own(&arena, cases[i].text);

		cr_expect((!own && !cases[i].own) || (own && cases[i].own && !strcmp(own, cases[i].own)), "%s: %s", cases[i].name, own ? own : "none");
	}
	arena_done(&arena);
}

Test(cgroup_facts, mounts)
{
	static const char text[] = "23 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
				   "24 23 0:21 / /mnt/not\\040cgroup rw - tmpfs cgroup2 rw\n"
				   "broken cgroup2\n"
				   "31 23 0:28 /a\\134b /with\\040blank ro,nosuid shared:4 master:1 - cgroup2 cgroup2 rw\n"
				   "32 23 0:29 / /v1 rw - cgroup cgroup rw,cpu\n"
				   "33 23 0:28 / /last rw - cgroup2 x rw";
	struct arena arena = {0};
	struct cgroup_mount *mounts;
	bool v1;

	cr_assert_eq(cgroup_parse_mounts(&arena, text, &mounts, &v1), 2);
	cr_expect(v1);
	cr_expect(!strcmp(mounts[0].root, "/a\\b") && !strcmp(mounts[0].point, "/with blank") && mounts[0].read_only);
	cr_expect(!strcmp(mounts[1].root, "/") && !strcmp(mounts[1].point, "/last") && !mounts[1].read_only);
	arena_done(&arena);
}

Test(cgroup_facts, controllers_and_counters)
{
	static const char stat[] = "max 1\noom 22\noom_kill 3\nlast 4";

	cr_expect_eq(cgroup_parse_controllers("cpuset cpu io memory hugetlb pids rdma misc\n"), CGROUP_CPU | CGROUP_MEMORY | CGROUP_PIDS | CGROUP_IO | CGROUP_CPUSET);
	cr_expect_eq(cgroup_parse_controllers("cpuset"), CGROUP_CPUSET);
	cr_expect_eq(cgroup_parse_controllers("cpux mem\n"), 0);
	cr_expect_eq(cgroup_parse_stat(stat, "oom"), 22);
	cr_expect_eq(cgroup_parse_stat(stat, "oom_kill"), 3);
	cr_expect_eq(cgroup_parse_stat(stat, "last"), 4);
	cr_expect_eq(cgroup_parse_stat(stat, "high"), UINT64_MAX);
}

/* --- which one is ours, on a tree of plain files ------------------------------------------------------------------------------------------ */

struct look {
	char path[32];
	int root;
};

static void put(const struct look *look, const char *folder, const char *file, const char *text, mode_t mode)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, file);
	int fd = openat(look->root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	cr_assert_geq(fd, 0, "%s", path);
	cr_assert_eq(fd_write_all(fd, text, strlen(text)), 0);
	(void)fd_close(fd);
}

/* One cgroup; its own entries are made while it is still writable. */
static void make(const struct look *look, const char *path, const char *given, const char *subtree, const char *processes, bool ours)
{
	mode_t mode = ours ? 0644 : 0444;

	cr_assert(mkdirat(look->root, path, 0755) == 0, "%s", path);
	put(look, path, "cgroup.controllers", given, 0444);
	put(look, path, "cgroup.subtree_control", subtree, mode);
	put(look, path, "cgroup.procs", processes, mode);
	put(look, path, "cgroup.type", "domain\n", mode);
}

static void look_init(struct look *look)
{
	(void)strcpy(look->path, "/tmp/carrel-cgroup.XXXXXX");
	cr_assert_not_null(mkdtemp(look->path));
	look->root = open(look->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void look_done(const struct look *look)
{
	(void)fd_close(look->root);
	cr_expect_eq(path_remove_tree(AT_FDCWD, look->path), 0);
}

#define ALL "cpuset cpu io memory pids\n"

Test(cgroup_facts, nearest_that_serves)
{
	static const char mounted[] = "31 23 0:28 / /cg rw - cgroup2 cgroup2 rw\n", inside[] = "31 23 0:28 /d /cg/d rw - cgroup2 cgroup2 rw\n";
	static const struct {
		const char *name, *own, *mounts, *parent;
		bool holds_us;
		const char *why_not;
	} cases[] = {
		{"empty and given controllers", "0::/d/shell\n", mounted, "/cg/d", false, NULL},
		{"the same in a container", "0::/d/shell\n", inside, "/cg/d", false, NULL},
		{"alone", "0::/alone\n", mounted, "/cg/alone", true, NULL},
		{"not alone", "0::/busy\n", mounted, NULL, false, "beside this one"},
		{"a threaded one", "0::/threaded\n", mounted, NULL, false, "threaded"},
		{"no controller", "0::/bare\n", mounted, NULL, false, "no controller"},
		{"the user's systemd", "0::/user@7.service/app.slice/x.scope\n", mounted, NULL, false, "systemd's own"},
		{"others'", "0::/others\n", mounted, NULL, false, "belong to others"},
		{"not there", "0::/gone\n", mounted, NULL, false, "belong to others"},
		{"outside of what is mounted", "0::/elsewhere\n", inside, NULL, false, "not below what is mounted"},
		{"outside of our namespace", "0::/../x\n", mounted, NULL, false, "not below what is mounted"},
		{"version 1", "1:cpu:/\n", "32 23 0:29 / /v1 rw - cgroup cgroup rw,cpu\n", NULL, false, "cgroup v1"},
		{"hybrid", "0::/\n", "32 23 0:29 / /v1 rw - cgroup cgroup rw,cpu\n33 23 0:30 / /hybrid rw - cgroup2 cgroup2 rw\n", NULL, false, "hybrid"},
		{"none", "", "", NULL, false, "no cgroup file system"},
	};
	struct arena arena = {0};
	struct look look;

	look_init(&look);
	make(&look, "cg", ALL, "memory pids\n", "", false);
	make(&look, "hybrid", "hugetlb\n", "", "42\n", false);
	make(&look, "cg/d", ALL, "", "", true);
	make(&look, "cg/d/shell", "", "", "42\n43\n", true);
	make(&look, "cg/alone", ALL, "", "42\n", true);
	make(&look, "cg/busy", ALL, "", "42\n43\n", true);
	make(&look, "cg/threaded", ALL, "", "", true);
	put(&look, "cg/threaded", "cgroup.type", "threaded\n", 0644);
	make(&look, "cg/bare", "", "", "", true);
	make(&look, "cg/others", ALL, ALL, "", false);
	make(&look, "cg/user@7.service", ALL, ALL, "", true);
	make(&look, "cg/user@7.service/app.slice", ALL, ALL, "", true);
	make(&look, "cg/user@7.service/app.slice/x.scope", ALL, ALL, "", true);
	for (size_t i = 0; i < ARRAY_SIZE(cases) && geteuid() != 0; i++) {
		struct cgroup_view view = {.root = look.root, .own_text = cases[i].own, .mounts_text = cases[i].mounts, .self = 42};
		struct cgroup_facts facts;

		cgroup_look(&arena, &view, &facts);
		cr_expect((!facts.parent && !cases[i].parent) || (facts.parent && cases[i].parent && !strcmp(facts.parent, cases[i].parent)), "%s: %s", cases[i].name,
		    facts.parent ? facts.parent : facts.why_not);
		cr_expect_eq(facts.holds_us, cases[i].holds_us, "%s", cases[i].name);
		cr_expect(cases[i].why_not ? facts.why_not && strstr(facts.why_not, cases[i].why_not) : !facts.why_not, "%s: %s", cases[i].name, facts.why_not);
	}
	look_done(&look);
	arena_done(&arena);
}

Test(cgroup_facts, systemds_mark)
{
	static const char own[] = "0::/user@7.service/app.slice/x.service/inner\n", mounted[] = "31 23 0:28 / /cg rw - cgroup2 cgroup2 rw\n";
	struct cgroup_view view = {.own_text = own, .mounts_text = mounted, .self = 42};
	struct cgroup_facts facts;
	struct arena arena = {0};
	struct look look;

	look_init(&look);
	view.root = look.root;
	make(&look, "cg", ALL, ALL, "", false);
	make(&look, "cg/user@7.service", ALL, ALL, "", true);
	make(&look, "cg/user@7.service/app.slice", ALL, ALL, "", true);
	make(&look, "cg/user@7.service/app.slice/x.service", "memory pids\n", "", "", true);
	make(&look, "cg/user@7.service/app.slice/x.service/inner", "", "", "42\n", true);
	cleanup_free char *manager = mem_printf("%s/cg/user@7.service", look.path), *unit = mem_printf("%s/app.slice/x.service", manager);
	if (geteuid() != 0 && setxattr(manager, "user.delegate", "1", 1, 0) == 0) { /* not every /tmp has such attributes */
		cgroup_look(&arena, &view, &facts);
		cr_expect(!facts.parent && strstr(facts.why_not, "systemd's own"), "%s", facts.parent ? facts.parent : facts.why_not);
		cr_expect_eq(setxattr(unit, "user.delegate", "1", 1, 0), 0);
		cgroup_look(&arena, &view, &facts);
		cr_assert_not_null(facts.parent, "%s", facts.why_not);
		cr_expect(!strcmp(facts.parent, "/cg/user@7.service/app.slice/x.service") && facts.controllers == (CGROUP_MEMORY | CGROUP_PIDS), "%s", facts.parent);
	}
	look_done(&look);
	arena_done(&arena);
}
