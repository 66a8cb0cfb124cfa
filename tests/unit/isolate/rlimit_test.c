#include "isolate/rlimit.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "unit/isolate/child.h"
#include "util/fd.h"
#include "util/mem.h"

TestSuite(rlimit);

Test(rlimit, dockers_texts)
{
	static const struct {
		const char *text;
		int result, resource;
		uint64_t soft, hard;
	} cases[] = {
		{"nofile=1024:2048", 0, RLIMIT_NOFILE, 1024, 2048},
		{"nofile=1024", 0, RLIMIT_NOFILE, 1024, 1024},
		{"core=0", 0, RLIMIT_CORE, 0, 0},
		{"core=-1", 0, RLIMIT_CORE, UINT64_MAX, UINT64_MAX},
		{"memlock=unlimited", 0, RLIMIT_MEMLOCK, UINT64_MAX, UINT64_MAX},
		{"stack=8388608:-1", 0, RLIMIT_STACK, 8388608, UINT64_MAX},
		{"fsize=9223372036854775807", 0, RLIMIT_FSIZE, INT64_MAX, INT64_MAX},
		{"fsize=9223372036854775808", -ERANGE, 0, 0, 0},
		{"nofile=2048:1024", -EINVAL, 0, 0, 0},
		{"nofile=-1:1024", -EINVAL, 0, 0, 0},
		{"nofile=-2", -EINVAL, 0, 0, 0},
		{"nofile=", -EINVAL, 0, 0, 0},
		{"nofile=1:", -EINVAL, 0, 0, 0},
		{"nofile=:1", -EINVAL, 0, 0, 0},
		{"nofile=1:2:3", -EINVAL, 0, 0, 0},
		{"nofile=1k", -EINVAL, 0, 0, 0},
		{"nofile = 1", -EINVAL, 0, 0, 0},
		{"nofile", -EINVAL, 0, 0, 0},
		{"files=1", -EINVAL, 0, 0, 0},
		{"=1", -EINVAL, 0, 0, 0},
		{"", -EINVAL, 0, 0, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rlimit_entry entry = {.soft = 42};
		int r = rlimit_parse_ulimit(cases[i].text, &entry);

		/* Out of range and malformed are both refused; which of the two a text is, units_parse_number decides. */
		cr_expect_eq(r, cases[i].result, "'%s': %d", cases[i].text, r);
		if (cases[i].result < 0)
			cr_expect_eq(entry.soft, 42, "'%s': the result was touched", cases[i].text);
		else
			cr_expect(entry.resource == cases[i].resource && entry.soft == cases[i].soft && entry.hard == cases[i].hard, "'%s': %d %" PRIu64 ":%" PRIu64,
			    cases[i].text, entry.resource, entry.soft, entry.hard);
	}
}

Test(rlimit, every_name_of_docker)
{
	static const char *const names[] = {"as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio", "rttime",
	    "sigpending", "stack"};
	unsigned seen = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int resource = -1;

		cr_expect_eq(rlimit_parse(names[i], &resource), 0, "%s", names[i]);
		cr_expect_not(seen & 1u << resource, "%s: its number is there twice", names[i]);
		seen |= 1u << resource;
	}
	cr_expect_eq(seen, (1u << RLIMIT_NLIMITS) - 1, "the kernel has limits without a name: %#x", seen);
}

/* --- in a child, for a lowered hard limit never rises again ---------------------------------------------------------------------------------- */

static int lower_ours(void)
{
	const struct rlimit ours = {.rlim_cur = 64, .rlim_max = 128};

	return setrlimit(RLIMIT_NOFILE, &ours) < 0 ? errno : 0;
}

static const struct {
	const char *name;
	struct rlimit_entry entry;
	int result;
	const char *says;
} checks[] = {
	{"below", {RLIMIT_NOFILE, 32, 64, "resources.open_files", {"p.yaml", 3, 1}}, 0, ""},
	{"equal", {RLIMIT_NOFILE, 128, 128, "resources.open_files", {"p.yaml", 3, 1}}, 0, ""},
	{"soft above ours, hard at it", {RLIMIT_NOFILE, 100, 128, "resources.open_files", {"p.yaml", 3, 1}}, 0, ""},
	{"hard above ours", {RLIMIT_NOFILE, 32, 4096, "resources.open_files", {"p.yaml", 3, 1}}, -EPERM, "4096 is above the hard limit of this session, 128"},
	{"unlimited", {RLIMIT_NOFILE, 32, UINT64_MAX, "resources.open_files", {"p.yaml", 3, 1}}, -EPERM, "unlimited is above the hard limit of this session, 128"},
	{"soft above hard", {RLIMIT_NOFILE, 33, 32, "resources.open_files", {"p.yaml", 3, 1}}, -EINVAL, "33 is above the hard limit 32"},
	{"no such limit", {99, 1, 1, "resources.nonsense", {"p.yaml", 3, 1}}, -EINVAL, ""},
};

static int check_row(const void *context)
{
	size_t i = *(const size_t *)context;
	struct error err = {0};
	int r;

	if (lower_ours() != 0)
		return 100;
	r = rlimit_check(&checks[i].entry, 1, &err);
	if (r != checks[i].result)
		return 1;
	if (r < 0 && (err.line != 3 || strcmp(err.key, checks[i].entry.key) != 0))
		return 2;
	if (!strstr(err.cause, checks[i].says))
		return 3;
	/* The check tells the truth about what setrlimit would say. (Root may do more.) */
	return geteuid() != 0 && (rlimit_apply(&checks[i].entry, 1, NULL) < 0) != (r < 0) ? 4 : 0;
}

Test(rlimit, a_check_says_what_apply_would)
{
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		int r = in_child(check_row, &i);

		cr_expect_eq(r, 0, "%s: step %d", checks[i].name, r);
	}
}

static int open_many(const void *context)
{
	const struct rlimit_entry *entry = context;
	int r = entry->hard ? rlimit_apply(entry, 1, NULL) : 0;

	for (int i = 0; r == 0 && i < 40; i++) {
		if (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
			return errno;
	}
	return r ? 100 : 0;
}

static int write_much(const void *context)
{
	const struct rlimit_entry *entry = context;
	char path[] = "/tmp/carrel-rlimit-XXXXXX";
	cleanup_close int fd = mkstemp(path);

	(void)unlink(path);
	(void)signal(SIGXFSZ, SIG_IGN);
	if (entry->hard && rlimit_apply(entry, 1, NULL) < 0)
		return 100;
	return pwrite(fd, "x", 1, 100000) < 0 ? errno : 0;
}

static int spin(const void *context)
{
	const struct rlimit_entry *entry = context;
	struct timespec now;

	if (entry->hard && rlimit_apply(entry, 1, NULL) < 0)
		return 100;
	do {
		if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) < 0)
			return 100;
	} while (now.tv_sec < 2 && (now.tv_sec < 1 || now.tv_nsec < 500000000));
	return 0;
}

Test(rlimit, limits_hold_and_only_when_they_are_set, .timeout = 60)
{
	static const struct {
		const char *name;
		int (*act)(const void *);
		struct rlimit_entry entry;
		int expected;
	} cases[] = {
		{"open files", open_many, {.resource = RLIMIT_NOFILE, .soft = 20, .hard = 20}, EMFILE},
		{"open files, no limit", open_many, {0}, 0},
		{"file size", write_much, {.resource = RLIMIT_FSIZE, .soft = 5000, .hard = 5000}, EFBIG},
		{"file size, no limit", write_much, {0}, 0},
		{"CPU time", spin, {.resource = RLIMIT_CPU, .soft = 1, .hard = 1}, 128 + SIGKILL},
		{"CPU time, no limit", spin, {0}, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int r = in_child(cases[i].act, &cases[i].entry);

		cr_expect_eq(r, cases[i].expected, "%s: %d, not %d", cases[i].name, r, cases[i].expected);
	}
}
