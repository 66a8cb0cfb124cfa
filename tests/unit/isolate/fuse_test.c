/* What a server's process says when it does not become the program. */
#include "isolate/fuse.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

#include "unit/isolate/child.h"
#include "util/mem.h"

TestSuite(fuse);

static const struct seccomp_rule no_filters = {.call = "seccomp", .arg = -1, .action = {SECCOMP_VERDICT_ERRNO, ENOSYS}};
static const struct seccomp_spec kernel_without = {.enabled = true, .fallback = {SECCOMP_VERDICT_ALLOW, 0}, .rules = &no_filters, .rule_count = 1};

static const struct failure {
	const char *name, *path;
	bool has_filters; /* the kernel */
	bool is_broken;   /* the filter */
	const char *what, *cause, *hint;
} failures[] = {
	{"no program", "/nonexistent", true, false, "cannot start '/nonexistent'", "No such file", "install it"},
	{"a filter that the kernel refuses", "/bin/true", true, true, "cannot install the system call filter", "", ""},
	{"a kernel without filters", "/bin/true", false, false, "cannot install the system call filter", "seccomp filters", ""},
};

static int fail(const void *context)
{
	const struct failure *failure = context;
	struct seccomp_program filter = {.length = 1}, outer;
	struct fuse_program program = {.path = failure->path, .hint = "install it", .filter = &filter};
	char *argv[] = {"server", NULL};
	struct error err = {0};

	if (!failure->is_broken && seccomp_prepare(&kernel_without, &filter, &err) < 0)
		return 1;
	if (!failure->has_filters && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || seccomp_prepare(&kernel_without, &outer, &err) < 0 || seccomp_apply(&outer, &err) < 0))
		return 2;
	if (fuse_exec(&program, argv, &err) >= 0)
		return 3;
	return strcmp(err.what, failure->what) ? 4 : !strstr(err.cause, failure->cause) ? 5 : strcmp(err.hint, failure->hint) ? 6 : 0;
}

Test(fuse, failures)
{
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
		cr_expect_eq(in_child(fail, &failures[i]), 0, "%s: %d", failures[i].name, in_child(fail, &failures[i]));
}
