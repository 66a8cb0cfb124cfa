#include "image/platform.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

TestSuite(platform);

static const struct {
	const char *name, *format; /* NULL: refused */
} texts[] = {
	{"linux/amd64", "linux/amd64"},
	{"Linux/X86_64", "linux/amd64"},
	{"linux/arm64/v8", "linux/arm64/v8"},
	{"linux/arm/v7", "linux/arm/v7"},
	{"arm64", "linux/arm64"},
	{"aarch64", "linux/arm64"},
	{"armhf", "linux/arm/v7"},
	{"i686", "linux/386"},
	{"windows/amd64", "windows/amd64"},
	{"linux/strange", "linux/strange"},
	{"", NULL},
	{"/", NULL},
	{"linux/", NULL},
	{"/amd64", NULL},
	{"linux/arm/v7/x", NULL},
	{"linux/arm/", NULL},
	{"strange", NULL},
	{"linux amd64", NULL},
	{"linux/am\nd64", NULL},
	{"linux/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL},
};

Test(platform, parse)
{
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct arena arena = {0};
		struct platform platform = {0};
		struct error err = {0};
		int r = platform_parse(&arena, texts[i].name, &platform, &err);

		cr_expect_eq(r, texts[i].format ? 0 : -EINVAL, "'%s': %s", texts[i].name, err.cause);
		if (r == 0)
			cr_expect_str_eq(platform_format(&arena, &platform), texts[i].format, "'%s'", texts[i].name);
		else
			cr_expect(*err.hint && strstr(err.what, "is no platform"), "'%s': %s", texts[i].name, err.what);
		arena_done(&arena);
	}
}

Test(platform, host)
{
	struct platform host = platform_host(), parsed;
	struct arena arena = {0};

	cr_expect_str_eq(host.os, "linux");
	cr_expect(host.architecture && platform_word_is_valid(host.architecture));
	cr_expect(platform_runs(&host, &host));
	cr_expect_eq(platform_parse(&arena, "linux", &parsed, NULL), 0);
	cr_expect_str_eq(parsed.architecture, host.architecture);
	arena_done(&arena);
}

static const struct {
	const char *name;
	struct platform image, host;
	bool runs;
} pairs[] = {
	{"the same", {"linux", "amd64", NULL}, {"linux", "amd64", NULL}, true},
	{"another system", {"windows", "amd64", NULL}, {"linux", "amd64", NULL}, false},
	{"another architecture", {"linux", "arm64", NULL}, {"linux", "amd64", NULL}, false},
	{"386 on amd64", {"linux", "386", NULL}, {"linux", "amd64", NULL}, true},
	{"amd64 on 386", {"linux", "amd64", NULL}, {"linux", "386", NULL}, false},
	{"said and unsaid v8", {"linux", "arm64", "v8"}, {"linux", "arm64", NULL}, true},
	{"unsaid and said v8", {"linux", "arm64", NULL}, {"linux", "arm64", "v8"}, true},
	{"a higher one", {"linux", "arm64", "v9"}, {"linux", "arm64", NULL}, false},
	{"arm below its own", {"linux", "arm", "v6"}, {"linux", "arm", "v7"}, true},
	{"arm above its own", {"linux", "arm", "v7"}, {"linux", "arm", "v6"}, false},
	{"amd64 of a newer kind", {"linux", "amd64", "v3"}, {"linux", "amd64", NULL}, false},
	{"amd64 asked for in a newer kind", {"linux", "amd64", "v2"}, {"linux", "amd64", "v3"}, true},
	{"an unknown variant", {"linux", "mips", "softfloat"}, {"linux", "mips", NULL}, false},
	{"an unknown variant that is asked for", {"linux", "mips", "softfloat"}, {"linux", "mips", "softfloat"}, true},
	{"nothing said", {NULL, NULL, NULL}, {"linux", "amd64", NULL}, true},
	{"only the architecture", {NULL, "amd64", NULL}, {"linux", "amd64", NULL}, true},
	{"only another architecture", {NULL, "s390x", NULL}, {"linux", "amd64", NULL}, false},
	{"only the system", {"linux", NULL, NULL}, {"linux", "amd64", NULL}, true},
};

Test(platform, runs)
{
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		cr_expect_eq(platform_runs(&pairs[i].image, &pairs[i].host), pairs[i].runs, "%s", pairs[i].name);
}
