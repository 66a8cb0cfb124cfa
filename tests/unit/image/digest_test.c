#include "image/digest.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "util/mem.h"

TestSuite(digest);

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct {
	const char *name;
	int result;
	const char *cause; /* a part of it */
} cases[] = {
	{"sha256:" HEX, 0, NULL},
	{"", -EINVAL, "does not begin with sha256:"},
	{"sha256", -EINVAL, "does not begin with sha256:"},
	{":" HEX, -EINVAL, "does not begin with sha256:"},
	{HEX, -EINVAL, "does not begin with sha256:"},
	{"SHA256:" HEX, -EINVAL, "does not begin with sha256:"},
	{" sha256:" HEX, -EINVAL, "does not begin with sha256:"},
	{"sha256:", -EINVAL, "it has 0 hexadecimal digits"},
	{"sha256:" HEX "0", -EINVAL, "it has 65 hexadecimal digits"},
	{"sha256:0123456789abcdef", -EINVAL, "it has 16 hexadecimal digits, and sha256 has 64"},
	{"sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef", -EINVAL, "not in lower case"},
	{"sha256:../../../../../../../../../../../../../../../../etc/passwd", -EINVAL, "character 8 is no hexadecimal digit"},
	{"sha256:" HEX "\n", -EINVAL, "character 72 is no hexadecimal digit"},
	{"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde/", -EINVAL, "character 71"},
	{"sha512:" HEX HEX, -EOPNOTSUPP, "its algorithm is 'sha512'"},
	{"md5:d41d8cd98f00b204e9800998ecf8427e", -EOPNOTSUPP, "only sha256 is supported"},
	{"multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8", -EOPNOTSUPP, "only sha256"},
};

Test(digest, parse)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct digest digest = {.text = "untouched"};
		struct error err = {0};

		cr_expect_eq(digest_parse(cases[i].name, &digest, &err), cases[i].result, "'%s'", cases[i].name);
		cr_expect_str_eq(digest.text, cases[i].result ? "untouched" : cases[i].name, "'%s'", cases[i].name);
		cr_expect_eq(err.code, -cases[i].result, "'%s'", cases[i].name);
		cr_expect(!cases[i].cause || strstr(err.cause, cases[i].cause), "'%s': %s", cases[i].name, err.cause);
		cr_expect_eq(digest_parse(cases[i].name, &digest, NULL), cases[i].result, "'%s' without an error to fill", cases[i].name);
	}
}

Test(digest, parts)
{
	struct digest a = {.text = "sha256:" HEX}, b = a, none = {0};

	cr_expect_str_eq(digest_hex(&a), HEX);
	cr_expect_str_eq(digest_hex(&none), "");
	cr_expect(digest_equal(&a, &b));
	cr_expect(!digest_equal(&a, &none));
	cr_expect(digest_is_set(&a) && !digest_is_set(&none));
}
