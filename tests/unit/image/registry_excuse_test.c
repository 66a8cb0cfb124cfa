#include "image/registry_excuse.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

TestSuite(registry_excuse, .timeout = 30);

static const struct {
	const char *name, *type, *body, *code, *message;
} cases[] = {
	{"the specification's", "application/json", "{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"manifest unknown\",\"detail\":{\"Tag\":\"1\"}}]}", "MANIFEST_UNKNOWN",
	    "manifest unknown"},
	{"only a detail", NULL, "{\"errors\":[{\"code\":\"DENIED\",\"detail\":\"not yours\"}]}", "DENIED", "not yours"},
	{"several: the first", NULL, "{\"errors\":[{\"code\":\"A\",\"message\":\"one\"},{\"code\":\"B\",\"message\":\"two\"}]}", "A", "one"},
	{"Docker Hub's tokens", NULL, "{\"details\":\"incorrect username or password\"}", "", "incorrect username or password"},
	{"OAuth", NULL, "{\"error\":\"invalid_grant\",\"error_description\":\"expired\"}", "", "expired"},
	{"a word", NULL, "{\"error\":\"unauthorized\"}", "", "unauthorized"},
	{"text", "text/plain; charset=utf-8", "no such host\nsecond line", "", "no such host"},
	{"HTML", "text/html", "<html><body>Sorry</body></html>", "", ""},
	{"no type", NULL, "no such host", "", ""},
	{"nothing", "application/json", "", "", ""},
	{"no object", "application/json", "[1,2]", "", ""},
	{"numbers for texts", "application/json", "{\"errors\":[{\"code\":1,\"message\":2}]}", "", ""},
	{"errors is no list", "application/json", "{\"errors\":{\"message\":\"x\"},\"message\":\"y\"}", "", "y"},
	{"a terminal's orders", "application/json", "{\"message\":\"a\\u001b[31mred\\u0007\\n\\nb\\u009bX\"}", "", "a [31mred b X"},
};

Test(registry_excuse, parsed)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct registry_excuse excuse;

		registry_excuse_parse(cases[i].type, cases[i].body, strlen(cases[i].body), &excuse);
		cr_expect_str_eq(excuse.code, cases[i].code, "%s: %s", cases[i].name, excuse.code);
		cr_expect_str_eq(excuse.message, cases[i].message, "%s: %s", cases[i].name, excuse.message);
	}
}

Test(registry_excuse, deep_json_is_no_excuse)
{
	enum { LEVELS = 100000 };
	cleanup_free char *body = mem_alloc(LEVELS);
	struct registry_excuse excuse;

	memset(body, '[', LEVELS);
	registry_excuse_parse("application/json", body, LEVELS, &excuse);
	cr_expect_str_eq(excuse.message, "");
}

static const struct {
	const char *name, *text, *clean;
} texts[] = {
	{"as it is", "a b", "a b"},
	{"runs of blanks", "  a \t\n b  ", "a b"},
	{"letters of others", "gr\303\274n \342\202\254 \360\237\220\213", "gr\303\274n \342\202\254"}, /* the whale does not fit */
	{"cut between characters", "12345678901\342\202\254", "12345678901"},
	{"no UTF-8", "a\377b\300\200c", "a b c"},
	{"a surrogate", "a\355\240\200b", "a b"},
	{"cut off", "a\342\202", "a"},
	{"C1", "a\302\233b", "a b"},
};

Test(registry_excuse, cleaned)
{
	char out[14];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		registry_excuse_clean(texts[i].text, strlen(texts[i].text), out, sizeof(out));
		cr_expect_str_eq(out, texts[i].clean, "%s: %s", texts[i].name, out);
	}
}
