/* The ladder: which rung each limit gets on which host. Pure. */
#include "isolate/limits.h"

#include <criterion/criterion.h>
#include <string.h>

#define CGROUP(controllers_) .cgroup = {.mount = "/sys/fs/cgroup", .own = "/sys/fs/cgroup/a/b", .parent = "/sys/fs/cgroup/a", .controllers = (controllers_)}
#define NO_CGROUP .cgroup = {.mount = "/sys/fs/cgroup", .why_not = "not delegated"}
#define SCOPE(controllers_) .scope = {.socket = "/run/user/1/systemd/private", .controllers = (controllers_)}
#define MOST (CGROUP_CPU | CGROUP_MEMORY | CGROUP_PIDS)

static const struct {
	const char *name;
	struct limits_facts facts;
	enum limit limit;
	uint64_t value;
	bool with_memory, on_disk;
	enum limit_rung rung;
	bool cgroup, scope, watcher;
} cases[] = {
    {"memory, cgroup", {CGROUP(MOST)}, LIMIT_MEMORY, 1 << 30, false, false, LIMIT_RUNG_CGROUP, true, false, false},
    {"memory, scope", {NO_CGROUP, SCOPE(MOST)}, LIMIT_MEMORY, 1 << 30, false, false, LIMIT_RUNG_SCOPE, false, true, false},
    {"memory, neither", {NO_CGROUP}, LIMIT_MEMORY, 1 << 30, false, false, LIMIT_RUNG_WATCHER, false, false, true},
    {"memory, half delegated", {CGROUP(CGROUP_PIDS)}, LIMIT_MEMORY, 1 << 30, false, false, LIMIT_RUNG_WATCHER, false, false, true},
    {"tasks, half delegated", {CGROUP(CGROUP_PIDS)}, LIMIT_TASKS, 10, false, false, LIMIT_RUNG_CGROUP, true, false, false},
    {"tasks", {NO_CGROUP, .counts_tasks_of_namespace = true}, LIMIT_TASKS, 10, false, false, LIMIT_RUNG_RLIMIT, false, false, true},
    {"tasks, before 5.14", {NO_CGROUP}, LIMIT_TASKS, 10, false, false, LIMIT_RUNG_WATCHER, false, false, true},
    {"cpus", {NO_CGROUP}, LIMIT_CPUS, 500, false, false, LIMIT_RUNG_WATCHER, false, false, true},
    {"cpus, cgroup", {CGROUP(MOST)}, LIMIT_CPUS, 500, false, false, LIMIT_RUNG_CGROUP, true, false, false},
    {"low weight", {NO_CGROUP}, LIMIT_CPU_WEIGHT, 50, false, false, LIMIT_RUNG_NICE, false, false, false},
    {"high weight", {NO_CGROUP}, LIMIT_CPU_WEIGHT, 200, false, false, LIMIT_RUNG_NONE, false, false, false},
    {"cpuset", {NO_CGROUP}, LIMIT_CPUSET, 0, false, false, LIMIT_RUNG_AFFINITY, false, false, false},
    {"cpuset without its controller", {CGROUP(MOST)}, LIMIT_CPUSET, 0, false, false, LIMIT_RUNG_AFFINITY, false, false, false},
    {"cpuset, cgroup", {CGROUP(MOST | CGROUP_CPUSET)}, LIMIT_CPUSET, 0, false, false, LIMIT_RUNG_CGROUP, true, false, false},
    {"memory_high", {NO_CGROUP}, LIMIT_MEMORY_HIGH, 1 << 20, false, false, LIMIT_RUNG_NONE, false, false, false},
    {"swap alone", {NO_CGROUP}, LIMIT_SWAP, 0, false, false, LIMIT_RUNG_NONE, false, false, false},
    {"swap with memory", {NO_CGROUP}, LIMIT_SWAP, 0, true, false, LIMIT_RUNG_WATCHER, false, false, true},
    {"io", {CGROUP(MOST)}, LIMIT_IO_WRITE, 1 << 20, false, false, LIMIT_RUNG_NONE, false, false, false},
    {"io, cgroup", {CGROUP(MOST | CGROUP_IO)}, LIMIT_IO_WRITE, 1 << 20, false, false, LIMIT_RUNG_CGROUP, true, false, false},
    {"scratch in memory", {CGROUP(MOST)}, LIMIT_SCRATCH, 1 << 20, false, false, LIMIT_RUNG_TMPFS, false, false, false},
    {"scratch on disk", {CGROUP(MOST)}, LIMIT_SCRATCH, 1 << 20, false, true, LIMIT_RUNG_WATCHER, false, false, true},
};

Test(limits, rungs)
{
	struct arena arena = {0};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct limit_spec spec = {.cpuset = cases[i].limit == LIMIT_CPUSET ? "0" : NULL, .scratch_on_disk = cases[i].on_disk};
		struct limits_plan plan;

		spec.values[LIMIT_MEMORY] = (struct limit_value){.is_set = cases[i].with_memory, .value = 1 << 30};
		spec.values[cases[i].limit] = (struct limit_value){.is_set = true, .value = cases[i].value};
		limits_plan(&spec, &cases[i].facts, &arena, &plan);
		cr_expect_str_eq(limit_rung_name(plan.rungs[cases[i].limit]), limit_rung_name(cases[i].rung), "%s", cases[i].name);
		cr_expect_eq(plan.wants_cgroup, cases[i].cgroup, "%s: cgroup", cases[i].name);
		cr_expect_eq(plan.wants_scope, cases[i].scope, "%s: scope", cases[i].name);
		cr_expect_eq(plan.wants_watcher, cases[i].watcher, "%s: watcher", cases[i].name);
		cr_expect_eq(plan.why[cases[i].limit] != NULL, cases[i].rung == LIMIT_RUNG_NONE, "%s: a reason", cases[i].name);
	}
	arena_done(&arena);
}

Test(limits, accounting_asks_for_no_scope)
{
	static const struct {
		const char *name;
		struct limits_facts facts;
		bool cgroup, watcher;
	} hosts[] = {
	    {"cgroup", {CGROUP(MOST)}, true, false},
	    {"scope", {NO_CGROUP, SCOPE(MOST)}, false, true},
	    {"neither", {NO_CGROUP}, false, true},
	};
	struct limit_spec spec = {.accounting = true};
	struct arena arena = {0};

	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		struct limits_plan plan;

		limits_plan(&spec, &hosts[i].facts, &arena, &plan);
		cr_expect_eq(plan.wants_cgroup, hosts[i].cgroup, "%s", hosts[i].name);
		cr_expect_eq(plan.wants_watcher, hosts[i].watcher, "%s", hosts[i].name);
		cr_expect_not(plan.wants_scope, "%s", hosts[i].name);
	}
	arena_done(&arena);
}

Test(limits, falling_back_keeps_what_other_rungs_hold)
{
	struct limits_facts facts = {NO_CGROUP, SCOPE(MOST), .counts_tasks_of_namespace = true};
	struct limit_spec spec = {.values = {[LIMIT_MEMORY] = {.is_set = true, .value = 1 << 30}, [LIMIT_TASKS] = {.is_set = true, .value = 9}, [LIMIT_MEMORY_HIGH] = {.is_set = true, .value = 1 << 29}}};
	struct limits_plan plan;
	struct arena arena = {0};

	limits_plan(&spec, &facts, &arena, &plan);
	cr_assert(plan.wants_scope);
	limits_fall_back(&plan, &arena, "systemd says no");
	cr_expect_not(plan.wants_scope);
	cr_expect(plan.wants_watcher);
	cr_expect_eq(plan.rungs[LIMIT_MEMORY], LIMIT_RUNG_WATCHER);
	cr_expect_eq(plan.rungs[LIMIT_TASKS], LIMIT_RUNG_RLIMIT);
	cr_expect_eq(plan.rungs[LIMIT_MEMORY_HIGH], LIMIT_RUNG_NONE);
	cr_expect_not_null(strstr(plan.why[LIMIT_MEMORY_HIGH], "systemd says no"), "%s", plan.why[LIMIT_MEMORY_HIGH]);
	arena_done(&arena);
}
