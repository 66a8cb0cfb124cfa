#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/procstat.h"

#define REST " S 7 42 42 0 -1 4194304 100 0 0 0 11 12 13 14 20 0 3 0 777 1000 55 18446744073709551615\n"

static const struct {
	const char *name, *text;
	int result;
	const char *comm;
} cases[] = {
	{"plain", "42 (sh)" REST, 0, "sh"},
	{"brackets and blanks", "42 (a) R 1 (b)" REST, 0, "a) R 1 (b"},
	{"empty name", "42 ()" REST, 0, ""},
	{"new line", "42 (a\nb)" REST, 0, "a\nb"},
	{"longer than a name can be", "42 (0123456789abcdefgh)" REST, 0, "0123456789abcde"},
	{"nothing", "", -EBADMSG, NULL},
	{"no name", "42 S 7", -EBADMSG, NULL},
	{"cut", "42 (sh) S 7 42 42 0 -1", -EBADMSG, NULL},
	{"no pid", "(sh)" REST, -EBADMSG, NULL},
	{"negative pid", "-42 (sh)" REST, -EBADMSG, NULL},
	{"too large", "42 (sh) S 99999999999999999999999 42 42 0 -1 4194304 100 0 0 0 11 12 13 14 20 0 3 0 777 1000 55 1\n", -EBADMSG, NULL},
};

Test(procstat, parses)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct procstat stat;

		cr_expect_eq(procstat_parse(cases[i].text, &stat), cases[i].result, "%s", cases[i].name);
		if (cases[i].result)
			continue;
		cr_expect_str_eq(stat.comm, cases[i].comm, "%s: %s", cases[i].name, stat.comm);
		cr_expect(stat.pid == 42 && stat.parent == 7 && stat.state == 'S', "%s", cases[i].name);
		cr_expect(stat.user_ticks == 11 && stat.system_ticks == 12 && stat.children_user_ticks == 13 && stat.children_system_ticks == 14, "%s", cases[i].name);
		cr_expect(stat.threads == 3 && stat.start_ticks == 777 && stat.resident_pages == 55, "%s", cases[i].name);
	}
}

Test(procstat, reads_ourselves)
{
	cleanup_close int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct procstat stat;

	cr_assert_eq(procstat_read(proc, getpid(), &stat), 0);
	cr_expect(stat.pid == getpid() && stat.parent == getppid() && stat.threads >= 1 && stat.resident_pages > 0);
	cr_expect_lt(procstat_read(proc, 0x7ffffff0, &stat), 0);
}
