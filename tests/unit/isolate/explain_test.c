#include "isolate/explain.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isolate/packages.h"
#include "util/mem.h"

TestSuite(explain, .timeout = 30);

/* What can be known of any host: limits have a reason, an errno that has nothing to do with namespaces has none. */
static const struct {
	const char *name;
	int errnum;
	bool explained;
	const char *in_cause;
} cases[] = {
	{"limit of namespaces", ENOSPC, true, "namespaces"},
	{"too deep", EUSERS, true, "namespaces"},
	{"no more processes", EAGAIN, true, "no more processes"},
	{"no such call", ENOSYS, true, ""},
	{"another one", EXDEV, false, ""},
	{"out of memory", ENOMEM, false, ""},
};

Test(explain, userns)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct explanation found = {.cause = "untouched"};
		bool explained = explain_userns(cases[i].errnum, &found);

		cr_expect_eq(explained, cases[i].explained, "%s", cases[i].name);
		if (!explained)
			cr_expect_str_eq(found.cause, "untouched", "%s", cases[i].name);
		cr_expect(!explained || strstr(found.cause, cases[i].in_cause), "%s: %s", cases[i].name, found.cause);
		cr_expect(!explained || found.hint[0], "%s: no hint", cases[i].name);
	}
}

Test(explain, fills_in_an_error)
{
	struct error err;

	(void)error_set(&err, ENOSPC, "cannot make a namespace");
	cr_expect_eq(explain_userns_failure(ENOSPC, &err), -ENOSPC);
	cr_expect_str_eq(err.what, "cannot make a namespace");
	cr_expect_str_not_empty(err.hint);
	(void)error_set(&err, EXDEV, "x");
	cr_expect_eq(explain_userns_failure(EXDEV, &err), -EXDEV);
	cr_expect_str_eq(err.cause, strerror(EXDEV));
	cr_expect_eq(explain_userns_failure(EPERM, NULL), -EPERM);
}

static char folder[] = "/tmp/carrel-explain-XXXXXX";

Test(explain, helper)
{
	cleanup_free char *path = NULL;
	struct explanation found;

	cr_expect(explain_helper("/nonexistent/newuidmap", &found));
	cr_expect(strstr(found.cause, "No such file"), "%s", found.cause);
	cr_assert_not_null(mkdtemp(folder));
	path = mem_printf("%s/helper", folder);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0755);
	cr_assert_geq(fd, 0);
	(void)close(fd);
	cr_expect(explain_helper(path, &found));
	cr_expect(strstr(found.cause, "neither setuid") || strstr(found.cause, "nosuid"), "%s", found.cause);
	cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	cr_expect(explain_helper(path, &found));
	cr_expect(strstr(found.cause, "no_new_privs"), "%s", found.cause);
	(void)unlink(path);
	(void)rmdir(folder);
}

Test(explain, apparmor_profile_names_this_program)
{
	char profile[4096], command[4096], self[4096] = "";

	cr_assert_gt(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
	explain_apparmor_profile(profile, sizeof(profile));
	explain_apparmor_command(command, sizeof(command));
	cr_expect(strstr(profile, self) && strstr(profile, "flags=(unconfined)") && strstr(profile, "userns,"), "%s", profile);
	cr_expect(strstr(command, self) && strstr(command, "apparmor_parser -r"), "%s", command);
}

Test(explain, sysctl)
{
	cr_expect_gt(explain_sysctl("kernel/pid_max"), 0);
	cr_expect_eq(explain_sysctl("kernel/no_such_setting"), -1);
}

Test(explain, packages)
{
	struct arena arena = {0};

	for (enum package package = 0; package < PACKAGE_MAX; package++)
		cr_expect(strstr(packages_install_command(&arena, package), " "), "package %d", (int)package);
	arena_done(&arena);
}
