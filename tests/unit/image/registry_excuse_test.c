#include "image/registry_excuse.h"

#include <criterion/criterion.h>
#include <stdio.h>
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

/* {"message":"bait","detail":[[…]]}: well formed, so that only a bound of ours keeps the message from being read. */
static char *nested(size_t levels)
{
	char *body = mem_alloc(2 * levels + 64);
	size_t used = (size_t)snprintf(body, 64, "{\"message\":\"bait\",\"detail\":");

	memset(body + used, '[', levels);
	memset(body + used + levels, ']', levels);
	memcpy(body + used + 2 * levels, "}", 2);
	return body;
}

Test(registry_excuse, deep_json_is_no_excuse)
{
	static const struct {
		const char *name;
		size_t levels;
		const char *message;
	} depths[] = {{"60 levels", 60, "bait"}, {"100 levels", 100, ""}, {"1,000 levels", 1000, ""}, {"100,000 levels", 100000, ""}};

	for (size_t i = 0; i < ARRAY_SIZE(depths); i++) {
		cleanup_free char *body = nested(depths[i].levels);
		struct registry_excuse excuse;

		registry_excuse_parse("application/json", body, strlen(body), &excuse);
		cr_expect_str_eq(excuse.message, depths[i].message, "%s: '%s'", depths[i].name, excuse.message);
	}
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
