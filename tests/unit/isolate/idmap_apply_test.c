/* Ids mapped for real: as the ordinary user who runs the tests, or, when that is root, as the account carrel-test. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "isolate/idmap.h"
#include "unit/ordinary.h"
#include "util/fd.h"
#include "util/sys.h"

TestSuite(idmap_apply, .timeout = 60);

static void become_ordinary(void)
{
	const char *why = ordinary_become();

	if (why)
		cr_skip_test("%s", why);
}

struct child {
	pid_t pid;
	int pidfd, go, wait;
};

/* A child in a new user namespace that waits, then prints nothing and ends with 0 when its uid and gid are the expected ones. */
static struct child start_child(uint32_t uid, uint32_t gid)
{
	struct child child = {.pidfd = -1};
	struct clone_args args = {.flags = CLONE_NEWUSER | CLONE_PIDFD, .pidfd = (uintptr_t)&child.pidfd, .exit_signal = SIGCHLD};
	int ends[2];

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	child.pid = sys_clone3(&args);
	if (child.pid == 0) {
		char byte;

		(void)close(ends[1]);
		if (read(ends[0], &byte, 1) != 1)
			_exit(1);
		_exit(getuid() == uid && getgid() == gid ? 0 : 2);
	}
	child.go = ends[1];
	child.wait = ends[0]; /* kept, so that the byte never meets a closed pipe */
	return child;
}

static int end_child(struct child *child)
{
	int status = -1;

	cr_assert_eq(fd_write_all(child->go, "x", 1), 0);
	(void)close(child->go);
	(void)close(child->wait);
	(void)waitpid(child->pid, &status, 0);
	(void)close(child->pidfd);
	return status;
}

static void map_child(const struct idmap_plan *plan, const char *name, uint32_t uid, uint32_t gid)
{
	struct child child = start_child(uid, gid);
	struct error err = {0};
	struct idmap_job job;
	int result;

	if (child.pid < 0)
		cr_skip_test("no user namespaces here");
	result = idmap_begin(plan, child.pid, child.pidfd, &job, &err);
	cr_expect_eq(result, 0, "%s: %s: %s", name, err.what, err.cause);
	if (result == 0) {
		result = idmap_finish(plan, &job, &err);
		cr_expect_eq(result, 0, "%s: %s: %s", name, err.what, err.cause);
	}
	cr_expect_eq(end_child(&child), 0, "%s: the child saw other ids", name);
}

static const struct {
	const char *name;
	struct idmap_spec spec;
	bool own_inside;
} maps[] = {
	{"single root", {.mode = IDMAP_SINGLE}, false},
	{"single 77", {.mode = IDMAP_SINGLE, .single_uid = 77, .single_gid = 77}, false},
	{"subids", {.mode = IDMAP_SUBIDS}, false},
	{"keep-id", {.mode = IDMAP_KEEP_ID}, true},
};

Test(idmap_apply, map)
{
	become_ordinary();
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		struct arena arena = {0};
		struct error err = {0};
		struct idmap_facts facts;
		struct idmap_plan plan;

		cr_assert_eq(idmap_facts_load(&arena, &facts, &err), 0, "%s: %s", err.what, err.cause);
		if (idmap_plan(&arena, &maps[i].spec, &facts, &plan, &err) < 0)
			cr_log_warn("%s passed over: %s", maps[i].name, err.cause);
		else if (maps[i].own_inside)
			map_child(&plan, maps[i].name, facts.uid, facts.gid);
		else
			map_child(&plan, maps[i].name, maps[i].spec.single_uid, maps[i].spec.single_gid);
		arena_done(&arena);
	}
}

static int begin_and_finish(const struct idmap_plan *plan, const struct child *child, struct error *err)
{
	struct idmap_job job;
	int result = idmap_begin(plan, child->pid, child->pidfd, &job, err);

	return result < 0 ? result : idmap_finish(plan, &job, err);
}

static const struct {
	const char *name, *newuidmap, *in_cause, *in_hint;
	struct idmap_extent uids;
} failures[] = {
	{"range of somebody else", "/usr/bin/newuidmap", "not allowed", "usermod --add-subuids", {1, 5, 10}},
	{"helper that is not there", "/nonexistent/newuidmap", "No such file", "", {1, 5, 10}},
	{"helper without privilege", "/bin/false", "", "chmod u+s /bin/false", {1, 5, 10}},
};

static void expect_failure(const struct idmap_plan *plan, const char *name, const char *in_cause, const char *in_hint)
{
	struct child child = start_child(0, 0);
	struct error err = {0};

	cr_expect_lt(begin_and_finish(plan, &child, &err), 0, "%s", name);
	cr_expect(strstr(err.cause, in_cause), "%s: %s", name, err.cause);
	cr_expect(strstr(err.hint, in_hint), "%s: %s", name, err.hint);
	(void)end_child(&child);
	cr_expect_lt(waitpid(-1, NULL, WNOHANG), 0, "%s: a helper was left", name);
}

Test(idmap_apply, failures)
{
	struct idmap_extent gids = {0, 0, 1};

	become_ordinary();
	gids.outside = getgid();
	if (access("/usr/bin/newuidmap", X_OK) < 0)
		cr_skip_test("newuidmap is not installed");
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		struct idmap_plan plan = {.rung = IDMAP_SUBIDS, .uids = (struct idmap_extent *)&failures[i].uids, .uid_count = 1, .gids = &gids, .gid_count = 1,
		    .newuidmap = failures[i].newuidmap, .newgidmap = "/usr/bin/newgidmap"};

		expect_failure(&plan, failures[i].name, failures[i].in_cause, failures[i].in_hint);
	}
}

/* Inside another sandbox the helpers are of no use: a plan made before fails with that reason, one made after is degraded by it. */
Test(idmap_apply, no_new_privs)
{
	struct idmap_spec spec = {.mode = IDMAP_AUTO, .wants_range = true};
	struct arena arena = {0};
	struct error err = {0};
	struct idmap_facts facts;
	struct idmap_plan plan;

	become_ordinary();
	cr_assert_eq(idmap_facts_load(&arena, &facts, &err), 0, "%s: %s", err.what, err.cause);
	cr_assert_eq(idmap_plan(&arena, &spec, &facts, &plan, &err), 0);
	if (plan.rung != IDMAP_SUBIDS)
		cr_skip_test("no ranges here");
	cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	expect_failure(&plan, "planned before", "no_new_privs", "outside of what sets it");
	cr_assert_eq(idmap_facts_load(&arena, &facts, &err), 0, "%s: %s", err.what, err.cause);
	cr_assert_eq(idmap_plan(&arena, &spec, &facts, &plan, &err), 0);
	cr_expect(plan.rung == IDMAP_SINGLE && plan.degraded && strstr(plan.reason, "no_new_privs"), "%s", plan.reason);
	arena_done(&arena);
}

/* A child that has ended is never mapped, though its number still stands. */
Test(idmap_apply, ended_child)
{
	struct idmap_extent own = {0, 0, 1};
	struct idmap_plan plan = {.rung = IDMAP_SINGLE, .uids = &own, .uid_count = 1, .gids = &own, .gid_count = 1};
	struct child child;
	struct error err = {0};
	struct pollfd ended;

	become_ordinary();
	own.outside = getuid();
	child = start_child(0, 0);
	if (child.pid < 0)
		cr_skip_test("no user namespaces here");
	ended = (struct pollfd){.fd = child.pidfd, .events = POLLIN};
	cr_assert_eq(kill(child.pid, SIGKILL), 0);
	cr_assert_eq(poll(&ended, 1, 5000), 1);
	cr_expect_eq(begin_and_finish(&plan, &child, &err), -ESRCH, "%s", err.cause);
	cr_expect_str_not_empty(err.what);
	(void)waitpid(child.pid, NULL, 0);
}
