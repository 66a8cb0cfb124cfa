/* Tokens and passwords: who gets to see them, and how often they are asked for. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/registry_parts.h"
#include "unit/image/registry_hosts.h"

TestSuite(registry_auth, .init = begin, .fini = end, .timeout = 60);

static const struct credentials ada = {.user = (char *)"ada", .password = (char *)"se:cret", .source = (char *)"/home/ada/.docker/config.json"};
#define ADA_BASIC "Authorization: Basic YWRhOnNlOmNyZXQ="
#define GOOD "{\"token\":\"good\",\"expires_in\":300}"

static int get(struct registry *registry, struct error *err)
{
	struct registry_manifest manifest = {0};
	int r = registry_get_manifest(registry, "1", &manifest, err);

	free(manifest.text);
	return r;
}

/* The manifest is for those with this text in their request's head; others are sent to `realm`. */
static void protect(const char *needs, const char *realm)
{
	const char *or_else = arena_printf(&arena, "WWW-Authenticate: Bearer realm=\"%s\",service=\"the service\",scope=\"repository:secret:delete\"\r\n", realm);

	hostile_route(hostile, &(const struct hostile_route){.path = "/v2/a/*", .answers = {{.body = "{}", .needs = needs, .or_else = or_else}}});
}

static const char *realm_at(const struct hostile *host)
{
	return arena_printf(&arena, "http://%s/token?x=y", hostile_host(host));
}

Test(registry_auth, a_token_is_asked_for_once)
{
	struct registry *registry = open_with(&ada);
	struct error err = {0};

	protect("Authorization: Bearer good", realm_at(elsewhere));
	hostile_route(elsewhere, &(const struct hostile_route){.path = "/token?*", .answers = {{.body = GOOD}}});
	for (int i = 0; i < 3; i++)
		cr_expect_eq(get(registry, &err), 0, "%s: %s", err.what, err.cause);
	cr_expect_eq(hostile_requests(hostile, "GET /v2/a/"), 4, "%s", hostile_log(hostile));
	cr_expect_eq(hostile_requests(elsewhere, ""), 1, "%s", hostile_log(elsewhere));
	/* In our words, not in those of the challenge. */
	cr_expect_eq(hostile_requests(elsewhere, "GET /token?x=y&service=the%20service&account=ada&scope=repository%3Aa%3Apull HTTP"), 1, "%s", hostile_log(elsewhere));
	cr_expect_eq(hostile_requests(elsewhere, ADA_BASIC), 1);
	cr_expect_eq(hostile_requests(hostile, "Basic"), 0, "the password went to the registry");
	registry_close(registry);
}

Test(registry_auth, an_old_token_is_renewed)
{
	struct registry *registry = open_with(NULL);
	struct error err = {0};

	protect("Authorization: Bearer one", realm_at(hostile));
	hostile_route(hostile, &(const struct hostile_route){.path = "/token?*", .answers = {{.times = 1, .body = "{\"access_token\":\"one\"}"}, {.body = "{\"token\":\"two\"}"}}});
	cr_expect_eq(get(registry, &err), 0, "%s: %s", err.what, err.cause);
	protect("Authorization: Bearer two", realm_at(hostile)); /* the registry forgot it */
	cr_expect_eq(get(registry, &err), 0, "%s: %s", err.what, err.cause);
	cr_expect_eq(hostile_requests(hostile, "GET /token"), 2);
	registry_itself(registry)->tokens->good_until_ms = 0; /* its time is over */
	cr_expect_eq(get(registry, &err), 0, "%s: %s", err.what, err.cause);
	cr_expect_eq(hostile_requests(hostile, "GET /token"), 3);
	cr_expect_eq(hostile_requests(hostile, "Basic"), 0);
	registry_close(registry);
}

static void *get_in_thread(void *context)
{
	struct error err = {0};
	int r = get(context, &err);

	cr_expect_eq(r, 0, "%s: %s", err.what, err.cause);
	return NULL;
}

Test(registry_auth, many_threads_want_one_token)
{
	enum { THREADS = 6 };
	struct registry *registry = open_with(NULL);
	pthread_t threads[THREADS];

	protect("Authorization: Bearer good", realm_at(elsewhere));
	hostile_route(elsewhere, &(const struct hostile_route){.path = "/token?*", .answers = {{.body = GOOD, .delay_ms = 50}}});
	for (int i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, get_in_thread, registry), 0);
	for (int i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	cr_expect_eq(hostile_requests(elsewhere, "GET /token"), 1, "%s", hostile_log(elsewhere));
	registry_close(registry);
}

Test(registry_auth, basic)
{
	struct registry *registry = open_with(&ada);
	struct error err = {0};

	hostile_route(hostile, &(const struct hostile_route){.path = "/v2/*", .answers = {{.body = "{}", .needs = ADA_BASIC, .or_else = "WWW-Authenticate: Basic realm=\"x\"\r\n"}}});
	cr_expect_eq(get(registry, &err), 0, "%s: %s", err.what, err.cause);
	cr_expect_eq(get(registry, &err), 0, "%s: %s", err.what, err.cause);
	cr_expect_eq(registry_check_login(registry, &err), 0, "%s: %s", err.what, err.cause);
	cr_expect_eq(hostile_requests(hostile, "GET /v2/"), 4);
	registry_close(registry);
}

Test(registry_auth, an_identity_token_is_posted)
{
	const struct credentials identity = {.user = (char *)"ada", .identity_token = (char *)"refresh+me"};
	struct registry *registry = open_with(&identity);
	struct error err = {0};

	protect("Authorization: Bearer good", realm_at(elsewhere));
	hostile_route(elsewhere, &(const struct hostile_route){.method = "POST", .path = "/token?*", .answers = {{.body = GOOD}}});
	cr_expect_eq(get(registry, &err), 0, "%s: %s", err.what, err.cause);
	cr_expect_eq(hostile_requests(elsewhere, "grant_type=refresh_token&service=the%20service&client_id=carrel&scope=repository%3Aa%3Apull&refresh_token=refresh%2Bme"), 1, "%s",
	    hostile_log(elsewhere));
	cr_expect_eq(hostile_requests(elsewhere, "Content-Type: application/x-www-form-urlencoded"), 1);
	registry_close(registry);
}

/* oauth.md: the answer may have another refresh token, for the next time. */
Test(registry_auth, an_identity_token_is_replaced)
{
	const struct credentials identity = {.identity_token = (char *)"first"};
	struct registry *registry = open_with(&identity);
	struct error err = {0};

	protect("Authorization: Bearer one", realm_at(elsewhere));
	hostile_route(elsewhere, &(const struct hostile_route){.method = "POST", .path = "/token?*", .answers = {
	    {.times = 1, .body = "{\"access_token\":\"one\",\"refresh_token\":\"second\"}"},
	    {.times = 1, .body = "{\"access_token\":\"two\",\"refresh_token\":\"a\\r\\nb\"}"},
	    {.body = "{\"access_token\":\"three\"}"}}});
	cr_expect_eq(get(registry, &err), 0, "%s: %s", err.what, err.cause);
	protect("Authorization: Bearer two", realm_at(elsewhere));
	cr_expect_eq(get(registry, &err), 0, "%s: %s", err.what, err.cause);
	protect("Authorization: Bearer three", realm_at(elsewhere));
	cr_expect_eq(get(registry, &err), 0, "%s: %s", err.what, err.cause);
	cr_expect_eq(hostile_requests(elsewhere, "&refresh_token=first"), 1, "%s", hostile_log(elsewhere));
	cr_expect_eq(hostile_requests(elsewhere, "&refresh_token=second"), 2, "%s", hostile_log(elsewhere));
	cr_expect_eq(hostile_requests(hostile, "first") + hostile_requests(hostile, "second"), 0, "the registry was told: %s", hostile_log(hostile));
	registry_close(registry);
}

static const struct {
	const char *name;
	struct hostile_answer answer;
	int errnum;
	const char *cause, *hint;
} grants[] = {
	{"too old", {.status = 400, .headers = "Content-Type: application/json\r\n", .body = "{\"error\":\"invalid_grant\",\"error_description\":\"expired\"}"}, 0, "expired",
	    "the identity token (from /home/ada/.docker/config.json) was not accepted, perhaps it is too old: `carrel login 127.0.0.1:"},
	{"unknown", {.status = 401, .body = "{}"}, EACCES, "401 Unauthorized", "the identity token (from /home/ada"},
	{"nothing granted", {.body = "{\"refresh_token\":\"second\"}"}, EPROTO, "its answer has no token", ""},
};

Test(registry_auth, an_identity_token_is_refused)
{
	const struct credentials identity = {.user = (char *)"ada", .identity_token = (char *)"refresh", .source = (char *)"/home/ada/.docker/config.json"};

	for (size_t i = 0; i < ARRAY_SIZE(grants); i++) {
		struct registry *registry = open_with(&identity);
		struct error err = {0};
		int r;

		protect("Authorization: Bearer good", realm_at(elsewhere));
		hostile_route(elsewhere, &(const struct hostile_route){.method = "POST", .path = "/token?*", .answers = {grants[i].answer}});
		r = get(registry, &err);
		cr_expect(grants[i].errnum ? r == -grants[i].errnum : r < 0, "%s: %d", grants[i].name, r);
		cr_expect(strstr(err.cause, grants[i].cause), "%s: %s", grants[i].name, err.cause);
		cr_expect(strstr(err.hint, grants[i].hint), "%s: %s", grants[i].name, err.hint);
		registry_close(registry);
	}
}

Test(registry_auth, an_identity_token_goes_to_nobody_else)
{
	const struct credentials identity = {.identity_token = (char *)"refresh"};
	const char *location = arena_printf(&arena, "Location: http://%s/token\r\n", hostile_host(elsewhere));
	struct registry *registry = open_with(&identity);
	struct error err = {0};

	protect("Authorization: Bearer good", realm_at(hostile));
	hostile_route(hostile, &(const struct hostile_route){.path = "/token?*", .answers = {{.status = 307, .headers = location}}});
	cr_expect_eq(get(registry, &err), -EACCES, "%s: %s", err.what, err.cause);
	cr_expect_eq(hostile_requests(elsewhere, ""), 0, "%s", hostile_log(elsewhere));
	registry_close(registry);
}

Test(registry_auth, redirects_lose_the_credentials)
{
	const char *away = arena_printf(&arena, "Location: http://%s/cdn\r\n", hostile_host(elsewhere));
	const char *back = arena_printf(&arena, "Location: http://%s/back\r\n", hostile_host(hostile));
	struct registry *registry = open_with(&ada);
	struct error err = {0};

	hostile_route(hostile, &(const struct hostile_route){.path = "/v2/a/manifests/1",
	    .answers = {{.status = 307, .headers = "Location: /v2/a/other\r\n", .needs = ADA_BASIC, .or_else = "WWW-Authenticate: Basic realm=\"x\"\r\n"}}});
	hostile_route(hostile, &(const struct hostile_route){.path = "/v2/a/other", .answers = {{.status = 302, .headers = away}}});
	hostile_route(elsewhere, &(const struct hostile_route){.path = "/cdn", .answers = {{.status = 301, .headers = back}}});
	hostile_route(hostile, &(const struct hostile_route){.path = "/back", .answers = {{.body = "{}"}}});
	cr_expect_eq(get(registry, &err), 0, "%s: %s", err.what, err.cause);
	cr_expect_eq(hostile_requests(hostile, "Authorization"), 2, "%s", hostile_log(hostile)); /* the first and the one on the same host */
	cr_expect_eq(hostile_requests(elsewhere, "GET /cdn"), 1);
	cr_expect_eq(hostile_requests(elsewhere, "Authorization"), 0, "%s", hostile_log(elsewhere));
	registry_close(registry);
}

static char deep[200100], nested[400], many[150000]; /* each would be a good answer but for its shape */

/* {"token":"good","x":[[…]]} */
static void nest(char *text, size_t size, size_t levels)
{
	size_t used = (size_t)snprintf(text, size, "{\"token\":\"good\",\"x\":");

	memset(text + used, '[', levels);
	memset(text + used + levels, ']', levels);
	text[used + 2 * levels] = '}';
	text[used + 2 * levels + 1] = 0;
}

/* {"token":"good","x":[,,,,…]}: commas alone, for they are what is counted. */
static void crowd(void)
{
	size_t used = (size_t)snprintf(many, sizeof(many), "{\"token\":\"good\",\"x\":[0");

	memset(many + used, ',', sizeof(many) - used);
	memcpy(many + sizeof(many) - 3, "]}", 3);
}

static const struct {
	const char *name;
	struct hostile_answer answers[HOSTILE_ANSWERS];
	int errnum;
	const char *cause, *hint;
} tokens[] = {
	{"500, then good", {{.times = 2, .status = 500}, {.body = GOOD}}, 0, NULL, NULL},
	{"refused", {{.status = 401, .headers = "Content-Type: application/json\r\n", .body = "{\"details\":\"incorrect username or password\"}"}}, EACCES,
	    "401 Unauthorized: incorrect username or password", "'ada' (from /home/ada/.docker/config.json) was not accepted: `carrel login 127.0.0.1:"},
	{"HTML", {{.headers = "Content-Type: text/html\r\n", .body = "<html>"}}, EPROTO, "no JSON", ""},
	{"nothing", {{.body = NULL}}, EPROTO, "no JSON", ""},
	{"no token", {{.body = "{\"tokens\":1}"}}, EPROTO, "no token", ""},
	{"an empty one", {{.body = "{\"token\":\"\"}"}}, EPROTO, "no token", ""},
	{"a number", {{.body = "{\"token\":1}"}}, EPROTO, "no token", ""},
	{"a line of its own", {{.body = "{\"token\":\"a\\r\\nX-Other: b\"}"}}, EPROTO, "no token", ""},
	{"100,000 levels", {{.body = deep}}, EPROTO, "no token: it is nested deeper than 64 levels", ""},
	{"100 levels, which would be read without a bound of ours", {{.body = nested}}, EPROTO, "no token: it is nested deeper than 64 levels", ""},
	{"more values than are counted", {{.body = many}}, EPROTO, "no token: it has more than 100000 values", ""},
	{"a list", {{.body = "[\"token\"]"}}, EPROTO, "no token: it is no JSON object", ""},
	{"the second name, the first being of another kind", {{.body = "{\"token\":1,\"access_token\":\"good\",\"expires_in\":\"soon\"}"}}, 0, NULL, NULL},
	{"refused with 100,000 levels", {{.status = 401, .headers = "Content-Type: application/json\r\n", .body = deep}}, EACCES, "401 Unauthorized", "carrel login"},
	{"without end", {{.body = GOOD, .endless = true}}, EMSGSIZE, "longer", ""},
	{"one that is refused in turn", {{.body = "{\"token\":\"bad\"}"}}, EACCES, "401", "carrel login"},
};

Test(registry_auth, what_realms_answer)
{
	nest(deep, sizeof(deep), 100000);
	nest(nested, sizeof(nested), 100);
	crowd();
	for (size_t i = 0; i < ARRAY_SIZE(tokens); i++) {
		struct hostile_route route = {.path = "/token?*"};
		struct registry *registry = open_with(&ada);
		struct error err = {0};
		int r;

		protect("Authorization: Bearer good", realm_at(elsewhere));
		memcpy(route.answers, tokens[i].answers, sizeof(route.answers));
		hostile_route(elsewhere, &route);
		r = get(registry, &err);
		cr_expect_eq(r, -tokens[i].errnum, "%s: %d, %s: %s", tokens[i].name, r, err.what, err.cause);
		cr_expect(!tokens[i].cause || strstr(err.cause, tokens[i].cause), "%s: %s", tokens[i].name, err.cause);
		cr_expect(!tokens[i].hint || strstr(err.hint, tokens[i].hint), "%s: %s", tokens[i].name, err.hint);
		registry_close(registry);
	}
}

Test(registry_auth, no_password_over_unprotected_lines)
{
	struct registry *registry = open_with(&ada);
	struct error err = {0};

	protect("Authorization: Bearer good", "http://tokens.example.invalid/token");
	cr_expect_eq(get(registry, &err), -EACCES);
	cr_expect(strstr(err.cause, "unprotected"), "%s", err.cause);
	registry_close(registry);
}
