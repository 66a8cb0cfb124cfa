#include "image/registry_challenge.h"

#include <criterion/criterion.h>
#include <string.h>

#include "util/mem.h"

TestSuite(registry_challenge, .timeout = 30);

static const struct {
	const char *name, *value;
	enum registry_scheme scheme;
	const char *realm, *service, *error, *other;
} cases[] = {
	{"Docker Hub", "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",scope=\"repository:library/debian:pull\"", REGISTRY_BEARER,
	    "https://auth.docker.io/token", "registry.docker.io", "", ""},
	{"Basic", "Basic realm=\"basic-realm\"", REGISTRY_BASIC, "", "", "", ""},
	{"Basic alone", "Basic", REGISTRY_BASIC, "", "", "", ""},
	{"any case", "bEARER REALM=\"https://a/t\", Service=b", REGISTRY_BEARER, "https://a/t", "b", "", ""},
	{"blanks around", "  Bearer   realm = \"https://a/t\" ,\tservice = \"b c\"  ", REGISTRY_BEARER, "https://a/t", "b c", "", ""},
	{"unquoted", "Bearer realm=https://a/t?x=y,service=b", REGISTRY_BEARER, "https://a/t?x=y", "b", "", ""},
	{"escapes", "Bearer realm=\"https://a/\\\"t\\\\\",service=\"b\"", REGISTRY_BEARER, "https://a/\"t\\", "b", "", ""},
	{"both, the better first", "Bearer realm=\"https://a/t\", Basic realm=\"x\"", REGISTRY_BEARER, "https://a/t", "", "", ""},
	{"both, the better last", "Basic realm=\"x\", Bearer realm=\"https://a/t\"", REGISTRY_BEARER, "https://a/t", "", "", ""},
	{"two of a kind", "Bearer realm=\"https://a/t\", Bearer realm=\"https://evil/t\"", REGISTRY_BEARER, "https://a/t", "", "", ""},
	{"a realm twice", "Bearer realm=\"https://a/t\",realm=\"https://evil/t\"", REGISTRY_BEARER, "https://a/t", "", "", ""},
	{"why", "Bearer realm=\"https://a/t\",error=\"insufficient_scope\"", REGISTRY_BEARER, "https://a/t", "", "insufficient_scope", ""},
	{"token68 before it", "Negotiate YWJj==, Basic realm=\"x\"", REGISTRY_BASIC, "", "", "", "Negotiate"},
	{"another scheme", "Digest realm=\"x\", nonce=\"y\"", REGISTRY_ANONYMOUS, "", "", "", "Digest"},
	{"no realm", "Bearer service=\"b\"", REGISTRY_ANONYMOUS, "", "", "", ""},
	{"a realm without its end", "Bearer realm=\"https://a/t", REGISTRY_BEARER, "https://a/t", "", "", ""},
	{"a control character in the realm", "Bearer realm=\"https://a/\rX: y\"", REGISTRY_ANONYMOUS, "", "", "", ""},
	{"nothing", "", REGISTRY_ANONYMOUS, "", "", "", ""},
	{"commas", ",,, ,", REGISTRY_ANONYMOUS, "", "", "", ""},
	{"an equals sign", "= Basic", REGISTRY_ANONYMOUS, "", "", "", ""},
	{"a quote", "\"Basic\"", REGISTRY_ANONYMOUS, "", "", "", ""},
	{"a scheme in quotes is none", "Bearer x=\", Basic realm=y\"", REGISTRY_ANONYMOUS, "", "", "", ""},
};

Test(registry_challenge, parsed)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct registry_challenge challenge = {0};

		registry_challenge_parse(cases[i].value, &challenge);
		cr_expect_eq(challenge.scheme, cases[i].scheme, "%s: scheme %d", cases[i].name, (int)challenge.scheme);
		cr_expect_str_eq(challenge.realm, cases[i].realm, "%s: realm %s", cases[i].name, challenge.realm);
		cr_expect_str_eq(challenge.service, cases[i].service, "%s: service %s", cases[i].name, challenge.service);
		cr_expect_str_eq(challenge.error, cases[i].error, "%s: error %s", cases[i].name, challenge.error);
		cr_expect_str_eq(challenge.other, cases[i].other, "%s: other %s", cases[i].name, challenge.other);
	}
}

Test(registry_challenge, several_headers)
{
	struct registry_challenge challenge = {0};

	registry_challenge_parse("Basic realm=\"x\"", &challenge);
	registry_challenge_parse("Bearer realm=\"https://a/t\"", &challenge);
	registry_challenge_parse("Basic realm=\"y\"", &challenge);
	cr_expect_eq(challenge.scheme, REGISTRY_BEARER);
	cr_expect_str_eq(challenge.realm, "https://a/t");
}

Test(registry_challenge, too_long_is_passed_over)
{
	char value[4096] = "Bearer realm=\"https://a/";
	struct registry_challenge challenge = {0};

	memset(value + strlen(value), 'x', 2000);
	strcat(value, "\", Basic realm=x");
	registry_challenge_parse(value, &challenge);
	cr_expect_eq(challenge.scheme, REGISTRY_BASIC);
}
