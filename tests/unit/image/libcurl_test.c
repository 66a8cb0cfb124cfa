#include "image/libcurl.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "util/mem.h"

TestSuite(libcurl, .timeout = 30);

static bool is_loaded(void)
{
	void *library = dlopen(LIBCURL_SONAME, RTLD_NOW | RTLD_NOLOAD);

	if (library)
		(void)dlclose(library);
	return library != NULL;
}

/* (That it is not there is in the end-to-end suite `libcurl`: the loader reads its paths when a process starts.) */
Test(libcurl, load)
{
	static const struct {
		const char *name;
		bool is_first;
	} cases[] = {{"the first time", true}, {"again", false}};
	struct libcurl before = {0};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error err = {0};

		cr_expect_neq(is_loaded(), cases[i].is_first, "%s: before", cases[i].name);
		cr_assert_eq(libcurl_load(&err), 0, "%s: %s", cases[i].name, err.cause);
		cr_expect(is_loaded(), "%s", cases[i].name);
		for (size_t f = 0; f < sizeof(libcurl) / sizeof(void *); f++)
			cr_expect_not_null(((void **)&libcurl)[f], "%s: function %zu", cases[i].name, f);
		cr_expect_neq(memcmp(&before, &libcurl, sizeof(before)) == 0, cases[i].is_first, "%s: the same functions", cases[i].name);
		before = libcurl;
		cr_expect_str_eq(libcurl.easy_strerror(CURLE_OK), "No error", "%s", cases[i].name);
	}
}

/* What was compiled against a newer one would set options that it does not know. */
Test(libcurl, check_version)
{
	static const struct {
		const char *name;
		unsigned number;
		const char *text;
		bool is_good;
	} cases[] = {
		{"the one of the headers", LIBCURL_VERSION_NUM, LIBCURL_VERSION, true},
		{"the least", LIBCURL_LEAST, "7.x", true},
		{"older", LIBCURL_LEAST - 1, "7.x", false},
		{"RHEL 8's", 0x073d00, "7.61.0", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error err = {0};

		cr_expect_eq(libcurl_check_version(cases[i].number, cases[i].text, &err), cases[i].is_good ? 0 : -ELIBACC, "%s: %s", cases[i].name, err.cause);
		cr_expect(cases[i].is_good || strstr(err.cause, cases[i].text), "%s: %s", cases[i].name, err.cause);
	}
}
