#include "util/base64.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "util/mem.h"

TestSuite(base64);

/* RFC 4648, section 10, and some. */
static const struct {
	const char *name, *text;
} pairs[] = {
	{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xfe", "+//+"}, {"ada:secret", "YWRhOnNlY3JldA=="},
};

Test(base64, both_ways)
{
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		cleanup_buf struct buf text = {0}, bytes = {0};

		base64_encode(pairs[i].name, strlen(pairs[i].name), &text);
		cr_expect_str_eq(text.text, pairs[i].text, "'%s'", pairs[i].name);
		cr_expect_eq(base64_decode(pairs[i].text, &bytes), 0, "'%s'", pairs[i].name);
		cr_expect_str_eq(bytes.text, pairs[i].name, "'%s'", pairs[i].name);
		cr_expect_eq(bytes.size, strlen(pairs[i].name), "'%s'", pairs[i].name);
	}
}

Test(base64, zero_bytes)
{
	cleanup_buf struct buf text = {0}, bytes = {0};

	base64_encode("a\0b\0", 4, &text);
	cr_expect_str_eq(text.text, "YQBiAA==");
	cr_expect_eq(base64_decode("YQBiAA", &bytes), 0, "padding may be missing");
	cr_expect(bytes.size == 4 && !memcmp(bytes.text, "a\0b\0", 4));
}

Test(base64, bad)
{
	static const char *const cases[] = {"Z", "Zg=", "Zg===", "Z===", "====", "=", "Zg==Zg==", "Zg= =", "Z g=", "Zm9v\n", "Zm-_", "Zm9vZ", "Zm9v===="};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_buf struct buf bytes = {0};

		cr_expect_eq(base64_decode(cases[i], &bytes), -EINVAL, "'%s'", cases[i]);
	}
}
