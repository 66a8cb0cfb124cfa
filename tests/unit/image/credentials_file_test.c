#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "image/credentials_parts.h"
#include "util/mem.h"

TestSuite(credentials_file);

#define ADA "{\"auth\":\"YWRhOnNlY3JldA==\"}"  /* ada:secret */
#define BOB "{\"auth\":\"Ym9iOmE6YgAA\"}"      /* bob:a:b and two zero bytes */

static const struct {
	const char *name, *text, *registry, *repository;
	const char *user, *password, *token, *helper;
} good[] = {
	{"an empty file", "", "quay.io", "x", NULL, NULL, NULL, NULL},
	{"a blank file", " \n", "quay.io", "x", NULL, NULL, NULL, NULL},
	{"nothing", "{}", "quay.io", "x", NULL, NULL, NULL, NULL},
	{"nulls", "{\"auths\":null,\"credHelpers\":null,\"credsStore\":null}", "quay.io", "x", NULL, NULL, NULL, NULL},
	{"another registry", "{\"auths\":{\"quay.io\":" ADA "}}", "ghcr.io", "x", NULL, NULL, NULL, NULL},
	{"plain", "{\"auths\":{\"quay.io\":" ADA "},\"HttpHeaders\":{}}", "quay.io", "x", "ada", "secret", NULL, NULL},
	{"no repository", "{\"auths\":{\"quay.io\":" ADA ",\"quay.io/x\":" BOB "}}", "quay.io", NULL, "ada", "secret", NULL, NULL},
	{"a password with colons, zero bytes behind it", "{\"auths\":{\"quay.io\":" BOB "}}", "quay.io", "x", "bob", "a:b", NULL, NULL},
	{"Docker Hub", "{\"auths\":{\"https://index.docker.io/v1/\":" ADA "}}", "docker.io", "library/x", "ada", "secret", NULL, NULL},
	{"Docker Hub by podman", "{\"auths\":{\"docker.io\":" ADA "}}", "docker.io", "library/x", "ada", "secret", NULL, NULL},
	{"the longest namespace", "{\"auths\":{\"quay.io\":" ADA ",\"quay.io/team\":" BOB ",\"quay.io/team/other\":" ADA "}}", "quay.io", "team/app", "bob", "a:b", NULL, NULL},
	{"a namespace does not stand for all", "{\"auths\":{\"quay.io/team\":" BOB "}}", "quay.io", "other", NULL, NULL, NULL, NULL},
	{"the very repository", "{\"auths\":{\"quay.io/team/app\":" BOB "}}", "quay.io", "team/app", "bob", "a:b", NULL, NULL},
	{"the plain name wins", "{\"auths\":{\"quay.io\":" ADA ",\"https://quay.io\":" BOB "}}", "quay.io", "x", "ada", "secret", NULL, NULL},
	{"a token", "{\"auths\":{\"quay.io\":{\"auth\":\"YWRhOg==\",\"identitytoken\":\"t\"}}}", "quay.io", "x", "ada", "", "t", NULL},
	{"only a token", "{\"auths\":{\"quay.io\":{\"identitytoken\":\"t\"}}}", "quay.io", "x", NULL, NULL, "t", NULL},
	{"in plain words", "{\"auths\":{\"quay.io\":{\"username\":\"u\",\"password\":\"p\",\"auth\":\"\"}}}", "quay.io", "x", "u", "p", NULL, NULL},
	{"an empty entry", "{\"auths\":{\"quay.io\":{}}}", "quay.io", "x", NULL, NULL, NULL, NULL},
	{"an entry that is null", "{\"auths\":{\"quay.io\":null}}", "quay.io", "x", NULL, NULL, NULL, NULL},
	{"an empty entry of a namespace is none", "{\"auths\":{\"quay.io/x\":{},\"quay.io\":" ADA "}}", "quay.io", "x", "ada", "secret", NULL, NULL},
	{"a helper for all", "{\"credsStore\":\"pass\",\"auths\":{\"quay.io\":{}}}", "quay.io", "x", NULL, NULL, NULL, "pass"},
	{"a helper for one", "{\"credsStore\":\"pass\",\"credHelpers\":{\"quay.io\":\"x-1\"}}", "quay.io", "x", NULL, NULL, NULL, "x-1"},
	{"a helper for another", "{\"credHelpers\":{\"quay.io\":\"x\"}}", "ghcr.io", "x", NULL, NULL, NULL, NULL},
	{"a helper for Docker Hub", "{\"credHelpers\":{\"https://index.docker.io/v1/\":\"x\"}}", "docker.io", "library/x", NULL, NULL, NULL, "x"},
	{"no helper for one", "{\"credsStore\":\"pass\",\"credHelpers\":{\"quay.io\":\"\"}}", "quay.io", "x", NULL, NULL, NULL, NULL},
};

static void expect_text(const char *name, const char *what, const char *text, const char *expected)
{
	if (expected)
		cr_expect(text && !strcmp(text, expected), "%s: the %s is '%s'", name, what, text ? text : "(none)");
	else
		cr_expect_null(text, "%s: the %s is '%s'", name, what, text);
}

Test(credentials_file, good)
{
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct auth_found found = {0};
		struct error err = {0};

		cr_assert_eq(auth_file_parse("'f'", good[i].text, strlen(good[i].text), good[i].registry, good[i].repository, &found, &err), 0, "%s: %s", good[i].name, err.cause);
		expect_text(good[i].name, "user", found.credentials.user, good[i].user);
		expect_text(good[i].name, "password", found.credentials.password, good[i].password);
		expect_text(good[i].name, "token", found.credentials.identity_token, good[i].token);
		expect_text(good[i].name, "helper", found.helper, good[i].helper);
		expect_text(good[i].name, "source", found.credentials.source, good[i].user || good[i].token ? "'f'" : NULL);
		auth_found_done(&found);
	}
}

static const struct {
	const char *name, *text, *cause;
} bad[] = {
	{"no JSON", "auths: {}", "line 1, column 5"},
	{"a list", "[]", "no JSON object"},
	{"auths as a list", "{\"auths\":[]}", "auths is no object"},
	{"an entry as a text", "{\"auths\":{\"quay.io\":\"x\"}}", "auths.quay.io is no object"},
	{"no base64", "{\"auths\":{\"quay.io\":{\"auth\":\"%%%\"}}}", "auths.quay.io.auth is not the base64"},
	{"no colon", "{\"auths\":{\"quay.io\":{\"auth\":\"YWRh\"}}}", "auths.quay.io.auth is not the base64"},
	{"only zero bytes", "{\"auths\":{\"quay.io\":{\"auth\":\"AAAA\"}}}", "auths.quay.io.auth is not the base64"},
	{"a zero byte within", "{\"auths\":{\"quay.io\":{\"auth\":\"YTpiAGM=\"}}}", "auths.quay.io.auth is not the base64"},
	{"auth as a number", "{\"auths\":{\"quay.io\":{\"auth\":7}}}", "auths.quay.io.auth is no text"},
	{"a token as a number", "{\"auths\":{\"quay.io\":{\"identitytoken\":7}}}", "auths.quay.io.identitytoken is no text"},
	{"a helper that is a path", "{\"credsStore\":\"../x\"}", "credsStore is no name of a helper: '../x'"},
	{"a helper with blanks", "{\"credHelpers\":{\"quay.io\":\"a b\"}}", "credHelpers.quay.io is no name of a helper"},
	{"helpers as a text", "{\"credHelpers\":\"x\"}", "credHelpers is no object"},
	{"a key twice", "{\"auths\":{},\"auths\":{}}", "duplicate"},
};

Test(credentials_file, bad)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct auth_found found = {0};
		struct error err = {0};

		cr_expect_eq(auth_file_parse("'f'", bad[i].text, strlen(bad[i].text), "quay.io", "x", &found, &err), -EINVAL, "%s", bad[i].name);
		cr_expect(strstr(err.cause, bad[i].cause), "%s: %s", bad[i].name, err.cause);
		cr_expect_str_eq(err.what, "'f' is not valid", "%s", bad[i].name);
		auth_found_done(&found);
	}
}
