/* Real control groups, where this host delegated some to us: in the guests of tests/vm. Elsewhere there is nothing to be tested. */
#include "isolate/cgroup.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "isolate/cgroup_parts.h"
#include "util/fd.h"
#include "util/proc.h"
#include "util/sys.h"

TestSuite(cgroup_host, .timeout = 120);

enum { MIB = 1 << 20 };

/* The place, with all that limits usually ask for; the test ends well where there is none. */
static struct cgroup_place place_of(struct arena *arena)
{
	struct cgroup_facts facts = {0};
	struct error err = {0};

	cr_assert_eq(cgroup_read_facts(arena, &facts, &err), 0, "%s: %s", err.what, err.cause);
	if (!facts.parent || (facts.controllers & (CGROUP_MEMORY | CGROUP_PIDS | CGROUP_CPU)) != (CGROUP_MEMORY | CGROUP_PIDS | CGROUP_CPU))
		cr_skip_test("no cgroup is ours here: %s", facts.why_not ? facts.why_not : "a controller is missing");
	return (struct cgroup_place){.parent = facts.parent, .controllers = facts.controllers, .holds_us = facts.holds_us};
}

static void limit(struct limit_spec *spec, enum limit which, uint64_t value)
{
	spec->values[which] = (struct limit_value){.is_set = true, .value = value, .at = {.file = "p.yaml", .line = (unsigned)which + 1}};
}

static void make(const struct cgroup_place *place, const struct limit_spec *spec, struct cgroup *ret)
{
	struct error err = {0};

	cr_assert_eq(cgroup_make(place, spec, ~0u, ret, &err), 0, "%s: %s (%s:%u)", err.what, err.cause, err.file, err.line);
}

static void remove_and_see(struct cgroup *cgroup)
{
	cleanup_free char *path = mem_strdup(cgroup->path);
	struct stat st;

	cgroup_remove(cgroup);
	cr_expect(cgroup->path == NULL && cgroup->outer == -1);
	cr_expect(stat(path, &st) < 0 && errno == ENOENT, "'%s' is still there", path);
}

/* Who was killed takes longer to go, on an emulated processor, than cgroup_remove waits. */
static void wait_until_empty(const struct cgroup *cgroup)
{
	char text[CGROUP_TEXT];

	for (int tries = 0; tries < 200 && !strstr(cgroup_read_text(cgroup->box, "cgroup.events", text), "populated 0"); tries++)
		(void)usleep(100000);
}

/* A child that is born in the box. */
static pid_t start(const struct cgroup *cgroup)
{
	struct clone_args args = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (unsigned)cgroup->box};
	pid_t pid = sys_clone3(&args);

	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)close(cgroup->outer); /* or it would hold the lock */
	}
	cr_assert_geq(pid, 0, "clone3: %s", strerror(errno));
	return pid;
}

Test(cgroup_host, limits_can_be_read_back)
{
	struct arena arena = {0};
	struct cgroup_place place = place_of(&arena);
	struct limit_spec spec = {.cpuset = "0", .accounting = true};
	struct cgroup cgroup;
	static const struct {
		enum limit limit;
		uint64_t value;
		const char *file, *text;
	} cases[] = {
		{LIMIT_MEMORY, 64 * MIB, "memory.max", "67108864\n"},
		{LIMIT_MEMORY_HIGH, 48 * MIB, "memory.high", "50331648\n"},
		{LIMIT_MEMORY, 64 * MIB, "memory.swap.max", "67108864\n"},
		{LIMIT_MEMORY, 64 * MIB, "memory.oom.group", "1\n"},
		{LIMIT_TASKS, 77, "pids.max", "77\n"},
		{LIMIT_CPUS, 1500, "cpu.max", "150000 100000\n"},
		{LIMIT_CPU_WEIGHT, 50, "cpu.weight", "50\n"},
		{LIMIT_CPUSET, 0, "cpuset.cpus", "0\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (place.controllers & cgroup_controller_of(cases[i].limit))
			limit(&spec, cases[i].limit, cases[i].value);
	}
	if (place.controllers & CGROUP_IO)
		limit(&spec, LIMIT_IO_WRITE, 5 * MIB);
	make(&place, &spec, &cgroup);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[CGROUP_TEXT];

		if (spec.values[cases[i].limit].is_set)
			cr_expect_str_eq(cgroup_read_text(cgroup.outer, cases[i].file, text), cases[i].text, "%s", cases[i].file);
	}
	if (place.controllers & CGROUP_IO) {
		char text[CGROUP_TEXT];

		cr_expect(strstr(cgroup_read_text(cgroup.outer, "io.max", text), "wbps=5242880"), "io.max: '%s'", text);
	}
	remove_and_see(&cgroup);
	arena_done(&arena);
}

Test(cgroup_host, refused_value_leaves_nothing)
{
	struct arena arena = {0};
	struct cgroup_place place = place_of(&arena);
	struct limit_spec spec = {0};
	struct cgroup cgroup = {.outer = 42};
	struct error err = {0};

	limit(&spec, LIMIT_TASKS, 10);
	limit(&spec, LIMIT_CPU_WEIGHT, 20000);
	cr_expect_lt(cgroup_make(&place, &spec, ~0u, &cgroup, &err), 0);
	cr_expect_eq(cgroup.outer, 42, "the result was touched");
	cr_expect(err.line == LIMIT_CPU_WEIGHT + 1 && !strcmp(err.key, limit_key(LIMIT_CPU_WEIGHT)), "%s: %s at %u %s", err.what, err.cause, err.line, err.key);
	cleanup_free char *first = mem_printf("%s/carrel-%d-0", place.parent, (int)getpid());
	cr_expect_eq(access(first, F_OK), -1, "'%s' is still there", first);
	arena_done(&arena);
}

static void eat(size_t step)
{
	(void)prctl(PR_SET_NAME, "eater");
	for (;;) {
		char *block = malloc(step);

		if (!block)
			_exit(1);
		memset(block, 1, step);
		(void)usleep(1000);
	}
}

Test(cgroup_host, memory_limit_ends_the_tree)
{
	struct arena arena = {0};
	struct cgroup_place place = place_of(&arena);
	struct limit_spec spec = {.accounting = true};
	struct limit_verdict verdict = {0};
	struct limit_usage usage;
	struct cgroup cgroup;
	int status;

	limit(&spec, LIMIT_MEMORY, 32 * MIB);
	limit(&spec, LIMIT_SWAP, 0);
	make(&place, &spec, &cgroup);
	pid_t idle = start(&cgroup);
	if (idle == 0)
		for (;;)
			(void)pause();
	pid_t eater = start(&cgroup);
	if (eater == 0)
		eat(MIB / 4);
	for (int i = 0; i < 1000 && verdict.order != LIMIT_END_TREE; i++) {
		struct pollfd event = {.fd = cgroup.events, .events = POLLPRI};

		(void)poll(&event, 1, 100);
		cgroup_tick(&cgroup, (uint64_t)proc_now_ms(), &verdict);
	}
	cr_expect(verdict.order == LIMIT_END_TREE && verdict.limit == LIMIT_MEMORY, "order %d", (int)verdict.order);
	cr_expect(waitpid(eater, &status, 0) == eater && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	cr_expect(waitpid(idle, &status, 0) == idle && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "the group was not killed as a whole");
	cr_expect(verdict.largest > 8 * MIB && !strcmp(verdict.largest_comm, "eater"), "largest '%s' with %" PRIu64, verdict.largest_comm, verdict.largest);
	cgroup_usage(&cgroup, &usage);
	cr_expect(usage.memory_peak > 24 * MIB && usage.memory_peak <= 33 * MIB, "peak %" PRIu64, usage.memory_peak);
	cr_expect(usage.tasks_peak == UINT64_MAX || usage.tasks_peak >= 1);
	cr_expect(usage.cpu_user_us != UINT64_MAX && usage.cpu_user_us + usage.cpu_system_us > 0);
	cr_log_warn("used %" PRIu64 ", largest %s %" PRIu64 ", peak %" PRIu64 ", tasks peak %" PRIu64 ", cpu %" PRIu64 " us", verdict.used, verdict.largest_comm,
	    verdict.largest, usage.memory_peak, usage.tasks_peak, usage.cpu_user_us + usage.cpu_system_us);
	remove_and_see(&cgroup);
	arena_done(&arena);
}

Test(cgroup_host, tasks_are_refused)
{
	struct arena arena = {0};
	struct cgroup_place place = place_of(&arena);
	struct limit_spec spec = {0};
	struct limit_usage usage;
	struct cgroup cgroup;
	int status;

	limit(&spec, LIMIT_TASKS, 3);
	make(&place, &spec, &cgroup);
	pid_t pid = start(&cgroup);
	if (pid == 0) {
		int made = 0;

		for (int i = 0; i < 10; i++) {
			pid_t child = fork();

			if (child == 0)
				for (;;)
					(void)pause();
			made += child > 0;
		}
		_exit(made);
	}
	cr_expect(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 2, "status %x", (unsigned)status);
	cgroup_usage(&cgroup, &usage);
	cr_expect_eq(usage.fork_refused, 8, "%" PRIu64, usage.fork_refused);
	cr_expect_eq(cgroup_kill(&cgroup), 0);
	remove_and_see(&cgroup);
	arena_done(&arena);
}

static void family(const struct cgroup *cgroup)
{
	pid_t pid = start(cgroup);

	if (pid)
		return;
	for (int i = 0; i < 5; i++)
		(void)!fork(); /* thirty-two of them */
	for (;;)
		(void)pause();
}

Test(cgroup_host, kill_takes_all)
{
	struct arena arena = {0};
	struct cgroup_place place = place_of(&arena);
	static int (*const ways[])(const struct cgroup *) = {cgroup_kill, cgroup_kill_each};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct limit_spec spec = {.accounting = true};
		struct cgroup cgroup;
		pid_t pids[64];

		make(&place, &spec, &cgroup);
		family(&cgroup);
		size_t count = 0;
		for (int tries = 0; tries < 100 && count < 32; tries++) { /* an emulated processor takes its time */
			(void)usleep(100000);
			count = cgroup_read_processes(cgroup.box, pids, ARRAY_SIZE(pids));
		}
		cr_expect_eq(count, 32, "way %zu: %zu", i, count);
		cr_expect_eq(ways[i](&cgroup), 0, "way %zu", i);
		wait_until_empty(&cgroup);
		remove_and_see(&cgroup);
	}
	arena_done(&arena);
}

Test(cgroup_host, sweep_ends_and_removes_what_is_left)
{
	struct arena arena = {0};
	struct cgroup_place place = place_of(&arena);
	struct limit_spec spec = {.accounting = true};
	struct cgroup kept;
	char name[128];
	int ends[2];

	make(&place, &spec, &kept);
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	if (fork() == 0) {
		struct cgroup left;

		make(&place, &spec, &left);
		pid_t orphan = start(&left);
		if (orphan == 0) {
			(void)prctl(PR_SET_PDEATHSIG, 0);
			for (;;)
				(void)pause();
		}
		_exit(fd_write_all(ends[1], left.path, strlen(left.path) + 1) < 0);
	}
	(void)close(ends[1]);
	(void)wait(NULL);
	cr_assert_gt(read(ends[0], name, sizeof(name)), 0);
	for (int i = 0; i < 50 && access(name, F_OK) == 0; i++) {
		cgroup_sweep(place.parent); /* the first may find its process dying */
		(void)usleep(10000);
	}
	cr_expect_eq(access(name, F_OK), -1, "'%s' is still there", name);
	cr_expect_eq(access(kept.path, F_OK), 0, "one in use was swept");
	remove_and_see(&kept);
	arena_done(&arena);
}

Test(cgroup_host, cost)
{
	enum { TIMES = 100 };
	struct arena arena = {0};
	struct cgroup_place place = place_of(&arena);
	struct limit_spec spec = {0};
	uint64_t made = 0, removed = 0;

	limit(&spec, LIMIT_MEMORY, 64 * MIB);
	limit(&spec, LIMIT_TASKS, 100);
	limit(&spec, LIMIT_CPUS, 500);
	for (int i = 0; i < TIMES; i++) {
		struct timespec times[3];
		struct cgroup cgroup;

		(void)clock_gettime(CLOCK_MONOTONIC, &times[0]);
		make(&place, &spec, &cgroup);
		(void)clock_gettime(CLOCK_MONOTONIC, &times[1]);
		cgroup_remove(&cgroup);
		(void)clock_gettime(CLOCK_MONOTONIC, &times[2]);
		made += (uint64_t)((times[1].tv_sec - times[0].tv_sec) * 1000000000 + times[1].tv_nsec - times[0].tv_nsec);
		removed += (uint64_t)((times[2].tv_sec - times[1].tv_sec) * 1000000000 + times[2].tv_nsec - times[1].tv_nsec);
	}
	cr_log_warn("make %" PRIu64 " us, remove %" PRIu64 " us", made / TIMES / 1000, removed / TIMES / 1000);
	arena_done(&arena);
}
