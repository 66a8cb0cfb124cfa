#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "image/credentials_parts.h"
#include "util/mem.h"

TestSuite(credentials_edit);

static struct credentials ada = {.user = (char[]){"ada"}, .password = (char[]){"se:cret"}}, token = {.identity_token = (char[]){"t"}}, elsewhere = {0};

static const struct {
	const char *name, *text, *registry, *key;
	const struct credentials *credentials;
	bool had;
	const char *expected; /* without blanks and new lines */
} cases[] = {
	{"a new file", "", "quay.io", "quay.io", &ada, false, "{\"auths\":{\"quay.io\":{\"auth\":\"YWRhOnNlOmNyZXQ=\"}}}"},
	{"others stay, in their order", "{\"z\":1.5,\"auths\":{\"b\":{},\"quay.io\":{\"auth\":\"x\"},\"a\":{}},\"detachKeys\":\"ctrl-q\",\"n\":12345678901234567,\"x\":null}", "quay.io", "quay.io", &token, true,
	 "{\"z\":1.5,\"auths\":{\"b\":{},\"a\":{},\"quay.io\":{\"auth\":\"Og==\",\"identitytoken\":\"t\"}},\"detachKeys\":\"ctrl-q\",\"n\":12345678901234567,\"x\":null}"},
	{"a helper has it", "{\"credsStore\":\"pass\"}", "quay.io", "quay.io", &elsewhere, false, "{\"credsStore\":\"pass\",\"auths\":{\"quay.io\":{}}}"},
	{"other names of the same go", "{\"auths\":{\"https://quay.io/v2/\":{},\"quay.io/team\":{}}}", "quay.io", "quay.io", &ada, true, "{\"auths\":{\"quay.io/team\":{},\"quay.io\":{\"auth\":\"YWRhOnNlOmNyZXQ=\"}}}"},
	{"auths that is null", "{\"auths\":null}", "docker.io", AUTH_HUB_DOCKER, &elsewhere, false, "{\"auths\":{\"https://index.docker.io/v1/\":{}}}"},
	{"take away", "{\"auths\":{\"docker.io\":{},\"index.docker.io\":{},\"a\":{}}}", "docker.io", "docker.io", NULL, true, "{\"auths\":{\"a\":{}}}"},
	{"nothing to take away", "{\"auths\":{\"a\":{}}}", "quay.io", "quay.io", NULL, false, "{\"auths\":{\"a\":{}}}"},
	{"not even auths", "{}", "quay.io", "quay.io", NULL, false, "{}"},
};

Test(credentials_edit, cases)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_buf struct buf out = {0};
		struct error err = {0};
		bool had = !cases[i].had;
		size_t to = 0;

		cr_assert_eq(auth_file_edit("'f'", cases[i].text, strlen(cases[i].text), cases[i].registry, cases[i].key, cases[i].credentials, &out, &had, &err), 0, "%s: %s", cases[i].name, err.cause);
		for (size_t at = 0; at < out.size; at++)
			if (!strchr(" \n", out.text[at]))
				out.text[to++] = out.text[at];
		out.text[to] = 0;
		cr_expect_str_eq(out.text, cases[i].expected, "%s", cases[i].name);
		cr_expect_eq(had, cases[i].had, "%s", cases[i].name);
	}
}

Test(credentials_edit, bad)
{
	static const char *const texts[] = {"[]", "x", "{\"a\":1,\"a\":2}", "{\"auths\":{}"};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		cleanup_buf struct buf out = {0};
		struct error err = {0};

		cr_expect_eq(auth_file_edit("'f'", texts[i], strlen(texts[i]), "quay.io", "quay.io", &ada, &out, NULL, &err), -EINVAL, "'%s'", texts[i]);
		cr_expect_str_eq(err.what, "'f' is not valid", "'%s'", texts[i]);
		cr_expect_eq(out.size, 0, "'%s'", texts[i]);
	}
}
