#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "run/binfmt.h"
#include "util/mem.h"

static const char arm64[] = "enabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: OCF\noffset 0\nmagic 7f454c460201010000000000000000000200b700\nmask ffffffffffffff00fffffffffffffffffeffffff\n";
static const char off[] = "disabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: OCF\noffset 0\nmagic 7f454c460201010000000000000000000200b700\nmask ffffffffffffff00fffffffffffffffffeffffff\n";
static const char s390x[] = "enabled\ninterpreter /usr/bin/qemu-s390x-static\nflags: \noffset 0\nmagic 7f454c4602020100000000000000000000020016\nmask ffffffffffffff00fffffffffffffffffffeffff\n";
static const char wine[] = "enabled\ninterpreter /usr/bin/wine\nflags: \noffset 0\nmagic 4d5a\n";
static const char jar[] = "enabled\ninterpreter /usr/bin/jexec\nflags: \nextension .jar\n";

static void put(const char *folder, const char *name, const char *text)
{
	cleanup_free char *path = mem_printf("%s/%s", folder, name);
	FILE *file = fopen(path, "we");

	cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0, "%s", path);
}

Test(binfmt, handlers)
{
	static const struct {
		const char *name, *texts[3];
		const char *architecture;
		bool runs;
	} cases[] = {
		{"none", {NULL}, "arm64", false},
		{"one", {arm64}, "arm64", true},
		{"of another machine", {arm64}, "s390x", false},
		{"of another width", {arm64}, "arm", false},
		{"big-endian", {s390x}, "s390x", true},
		{"among others", {wine, jar, s390x}, "s390x", true},
		{"switched off", {off}, "arm64", false},
		{"an unknown machine", {arm64}, "vax", false},
		{"not of programs", {wine, jar}, "amd64", false},
	};
	char folder[] = "/tmp/carrel-binfmt.XXXXXX";

	cr_assert(mkdtemp(folder));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(cases[i].texts); k++) {
			char name[] = {(char)('a' + k), 0};

			put(folder, name, cases[i].texts[k] ? cases[i].texts[k] : "");
		}
		cr_expect_eq(binfmt_runs(folder, cases[i].architecture), cases[i].runs, "%s", cases[i].name);
	}
	for (const char *name = "abc"; *name; name++) {
		cleanup_free char *path = mem_printf("%s/%c", folder, *name);

		(void)unlink(path);
	}
	cr_assert_eq(rmdir(folder), 0);
	cr_expect_not(binfmt_runs(folder, "arm64"), "no folder");
}
