/* Mounts as kernels before 5.12 have them restricted: one by one, by their paths. Here a filter takes mount_setattr(2) away. */
#include "isolate/mount.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>

#include "isolate/seccomp.h"
#include "unit/isolate/child.h"
#include "unit/ordinary.h"

TestSuite(mount);

static const struct seccomp_rule no_setattr = {.call = "mount_setattr", .arg = -1, .action = {SECCOMP_VERDICT_ERRNO, ENOSYS}};
static const struct seccomp_spec kernel_before = {.enabled = true, .fallback = {SECCOMP_VERDICT_ALLOW, 0}, .rules = &no_setattr, .rule_count = 1};

static const struct pair {
	const char *name;
	unsigned long lower, upper;
} pairs[] = {
	{"alike", 0, 0},
	{"the upper one has more", 0, MS_NOSUID | MS_NODEV | MS_NOEXEC}, /* as an autofs with binfmt_misc on it */
	{"the lower one has more", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0},
};

static int restrict_pair(const void *context)
{
	const struct pair *pair = context;
	struct seccomp_program filter;
	struct statvfs made;
	struct error err = {0};

	if (!ordinary_be_root_inside(CLONE_NEWNS))
		return 77;
	if (mount("tmpfs", "/tmp", "tmpfs", pair->lower, NULL) < 0 || mount("tmpfs", "/tmp", "tmpfs", pair->upper, NULL) < 0 ||
	    !ordinary_be_root_inside(CLONE_NEWNS)) /* from now on both are locked, with their flags (mount_namespaces(7)) */
		return 1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || seccomp_prepare(&kernel_before, &filter, &err) < 0 || seccomp_apply(&filter, &err) < 0)
		return 2;
	if (mount_isolate(MOUNT_RDONLY | MOUNT_NODEV | MOUNT_NOSUID, &err) < 0)
		return 3;
	if (statvfs("/tmp", &made) < 0 || (made.f_flag & (ST_RDONLY | ST_NODEV | ST_NOSUID)) != (ST_RDONLY | ST_NODEV | ST_NOSUID))
		return 4;
	return !(made.f_flag & ST_NOEXEC) == !(pair->upper & MS_NOEXEC) ? 0 : 5;
}

Test(mount, two_on_one_directory)
{
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		int r = in_child(restrict_pair, &pairs[i]);

		if (r == 77)
			cr_skip_test("no user namespace can be made here");
		cr_expect_eq(r, 0, "%s: step %d", pairs[i].name, r);
	}
}
