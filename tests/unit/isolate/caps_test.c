#include "isolate/caps.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "unit/isolate/child.h"
#include "util/fd.h"
#include "util/mem.h"

TestSuite(caps);

#define BIT(c) (UINT64_C(1) << (c))

Test(caps, names)
{
	static const struct {
		const char *name;
		int result;
		uint64_t mask;
	} cases[] = {
		{"CAP_NET_RAW", 0, BIT(CAP_NET_RAW)},
		{"net_raw", 0, BIT(CAP_NET_RAW)},
		{"NET_RAW", 0, BIT(CAP_NET_RAW)},
		{"Cap_Chown", 0, BIT(CAP_CHOWN)},
		{"checkpoint_restore", 0, BIT(40)},
		{"cap_all", -EINVAL, 0},
		{"cap_", -EINVAL, 0},
		{"", -EINVAL, 0},
		{"cap_cap_chown", -EINVAL, 0},
		{"chown ", -EINVAL, 0},
		{"0", -EINVAL, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t mask = 0;
		int r = caps_parse(cases[i].name, &mask);

		cr_expect_eq(r, cases[i].result, "'%s': %d", cases[i].name, r);
		cr_expect_eq(mask, cases[i].mask, "'%s': %" PRIx64, cases[i].name, mask);
	}
	for (unsigned number = 0; caps_name(number); number++) {
		uint64_t mask = 0;

		cr_expect(caps_parse(caps_name(number), &mask) == 0 && mask == BIT(number), "%s", caps_name(number));
	}
	cr_expect_null(caps_name(64));
	cr_expect_str_eq(caps_name(CAP_SYS_ADMIN), "cap_sys_admin");
	cr_expect_str_eq(caps_name(CAP_LAST_CAP), "cap_checkpoint_restore", "the table has as many as the headers");
}

Test(caps, all_is_what_the_kernel_has)
{
	cleanup_free char *text = NULL;
	uint64_t mask = 0;

	cr_assert_eq(fd_slurp_at(AT_FDCWD, "/proc/sys/kernel/cap_last_cap", 16, &text, NULL), 0);
	cr_expect_eq(caps_parse("all", &mask), 0);
	cr_expect_eq(mask, BIT(atoi(text) + 1) - 1, "%" PRIx64, mask);
	cr_expect_eq(caps_docker_default(), UINT64_C(0xa80425fb), "what a container of Docker shows as CapBnd: %" PRIx64, caps_docker_default());
}

/* --- in a user namespace, where everybody has all of them ------------------------------------------------------------------------------------- */

struct inside {
	unsigned uid;
	uint64_t bound, keep;
	bool bounds, applies;
};

enum { BROKEN = 100 };

static int enter(unsigned uid)
{
	cleanup_free char *uids = mem_printf("%u %u 1", uid, geteuid()), *gids = mem_printf("%u %u 1", uid, getegid());

	if (unshare(CLONE_NEWUSER) < 0 || fd_put_at(AT_FDCWD, "/proc/self/setgroups", "deny") < 0 || fd_put_at(AT_FDCWD, "/proc/self/uid_map", uids) < 0 ||
	    fd_put_at(AT_FDCWD, "/proc/self/gid_map", gids) < 0)
		return BROKEN;
	return 0;
}

/* What an outer runtime may have left: inheritable and ambient capabilities (CVE-2022-29162). */
static void soil(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data) < 0)
		_exit(BROKEN);
	data[0].inheritable = data[0].permitted;
	data[1].inheritable = data[1].permitted;
	if (syscall(SYS_capset, &header, data) < 0 || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0L, 0L) < 0)
		_exit(BROKEN);
}

static int restrict_caps(const struct inside *inside)
{
	int r = enter(inside->uid);

	if (r)
		return r;
	soil();
	if (inside->bounds && caps_bound(inside->bound, NULL) < 0)
		return BROKEN + 1;
	if (inside->applies && caps_apply(inside->keep, inside->uid, NULL) < 0)
		return BROKEN + 2;
	return 0;
}

/* Run a program after it, as the payload would be, and read its five sets: inheritable, permitted, effective, bounding, ambient, as in the file. */
static bool sets_after_execve(const struct inside *inside, uint64_t sets[5])
{
	static const char *const names[] = {"CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"};
	cleanup_free char *text = NULL;
	unsigned found = 0;
	int ends[2];
	pid_t pid;

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		if (restrict_caps(inside) != 0 || dup2(ends[1], STDOUT_FILENO) < 0)
			_exit(BROKEN);
		(void)execl("/bin/cat", "cat", "/proc/self/status", (char *)NULL);
		_exit(BROKEN);
	}
	(void)fd_close(ends[1]);
	cr_assert_eq(fd_slurp(ends[0], 1 << 16, &text, NULL), 0);
	(void)fd_close(ends[0]);
	cr_assert_eq(proc_wait(pid), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *at = strstr(text, names[i]);

		found += at && sscanf(at + strlen(names[i]), "%" SCNx64, &sets[i]) == 1;
	}
	return found == ARRAY_SIZE(names);
}

static int enter_only(const void *context)
{
	(void)context;
	return enter(0);
}

static bool has_user_namespaces(void)
{
	return in_child(enter_only, NULL) == 0;
}

Test(caps, all_five_sets_after_execve)
{
	const uint64_t docker = caps_docker_default(), two = BIT(CAP_KILL) | BIT(CAP_NET_BIND_SERVICE);
	uint64_t all = 0;

	cr_assert_eq(caps_parse("ALL", &all), 0);
	const uint64_t admin = BIT(CAP_SYS_ADMIN);
	const struct {
		const char *name;
		struct inside inside;
		uint64_t inheritable, permitted, effective, bounding, ambient;
	} cases[] = {
		{"root, none", {0, 0, 0, true, true}, 0, 0, 0, 0, 0},
		{"root, Docker's", {0, docker, docker, true, true}, 0, docker, docker, docker, 0},
		{"root, all", {0, all, all, true, true}, 0, all, all, all, 0},
		{"user, none", {5, 0, 0, true, true}, 0, 0, 0, 0, 0},
		{"user, two", {5, two, two, true, true}, two, two, two, two, two},
		{"user, none, setuid programs of Docker's", {5, docker, 0, true, true}, 0, 0, 0, docker, 0},
		/* Without a part of it, to see that the part is what does it. */
		{"root, no defence", {0, 0, 0, false, false}, all, all, all, all, admin},
		{"root, the bounding set alone", {0, 0, 0, true, false}, all, all, all, 0, admin}, /* CVE-2022-29162: the inheritable set gives it all back */
		{"root, the other sets alone", {0, 0, 0, false, true}, 0, all, all, all, 0},
		{"user, no defence", {5, 0, 0, false, false}, all, admin, admin, all, admin},
	};

	if (!has_user_namespaces())
		cr_skip_test("no user namespaces here");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t sets[5] = {0};

		cr_assert(sets_after_execve(&cases[i].inside, sets), "%s: no sets", cases[i].name);
		cr_expect(sets[0] == cases[i].inheritable && sets[1] == cases[i].permitted && sets[2] == cases[i].effective && sets[3] == cases[i].bounding &&
		              sets[4] == cases[i].ambient,
		    "%s: inheritable %" PRIx64 " permitted %" PRIx64 " effective %" PRIx64 " bounding %" PRIx64 " ambient %" PRIx64, cases[i].name, sets[0], sets[1],
		    sets[2], sets[3], sets[4]);
	}
}

static int try_chroot(const void *context)
{
	int r = restrict_caps(context);

	if (r)
		return r;
	return chroot("/") < 0 ? errno : 0;
}

static int keep_what_is_gone(const void *context)
{
	struct error err = {0};

	(void)context;
	if (enter(0) || caps_apply(BIT(CAP_CHOWN), 0, NULL) < 0)
		return BROKEN;
	if (caps_apply(BIT(CAP_CHOWN) | BIT(CAP_SYS_ADMIN), 0, &err) != -EPERM || !strstr(err.what, "cap_sys_admin"))
		return 1;
	/* CAP_SETPCAP is gone as well: nothing can be dropped from the bounding set any more. */
	return caps_bound(0, &err) == -EPERM && strstr(err.what, "cap_chown") ? 0 : 2;
}

Test(caps, acts)
{
	static const struct {
		const char *name;
		int (*act)(const void *);
		struct inside inside;
		int expected;
	} cases[] = {
		{"chroot, kept", try_chroot, {0, BIT(CAP_SYS_CHROOT), BIT(CAP_SYS_CHROOT), true, true}, 0},
		{"chroot, dropped", try_chroot, {0, 0, 0, true, true}, EPERM},
		{"chroot, nothing dropped", try_chroot, {0, 0, 0, false, false}, 0},
		{"what is gone cannot be kept", keep_what_is_gone, {0}, 0},
	};

	if (!has_user_namespaces())
		cr_skip_test("no user namespaces here");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int r = in_child(cases[i].act, &cases[i].inside);

		cr_expect_eq(r, cases[i].expected, "%s: %d, not %d", cases[i].name, r, cases[i].expected);
	}
}
