#include "image/http.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "e2e/hostile.h"
#include "image/http_parts.h"

static struct hostile *hostile;
static struct http *http;

static void begin(void)
{
	static const char *const names[] = {"http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD"};
	struct error err = {0};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		(void)unsetenv(names[i]);
	hostile = hostile_start();
	cr_assert_eq(http_new(&http, &err), 0, "%s: %s", err.what, err.cause);
}

static void end(void)
{
	http_free(http);
	hostile_stop(hostile);
}

TestSuite(http, .init = begin, .fini = end, .timeout = 30);

static const struct {
	const char *name, *url, *variables[5]; /* a name and its value, … */
	bool is_loopback, by_proxy;
} proxies[] = {
	{"http_proxy", "http://registry.example.invalid/v2/", {"http_proxy", "@"}, false, true},
	{"HTTP_PROXY", "http://registry.example.invalid/v2/", {"HTTP_PROXY", "@"}, false, true},
	{"HTTP_PROXY and NO_PROXY", "http://registry.example.invalid/v2/", {"HTTP_PROXY", "@", "NO_PROXY", "example.invalid"}, false, false},
	{"HTTP_PROXY and no_proxy for others", "http://registry.example.invalid/v2/", {"HTTP_PROXY", "@", "no_proxy", "example.org"}, false, true},
	{"HTTP_PROXY from a header", "http://registry.example.invalid/v2/", {"HTTP_PROXY", "@", "REQUEST_METHOD", "GET"}, false, false},
	{"ALL_PROXY", "http://registry.example.invalid/v2/", {"ALL_PROXY", "@"}, false, true},
	{"HTTPS_PROXY is for https", "http://registry.example.invalid/v2/", {"HTTPS_PROXY", "@"}, false, false},
	{"HTTPS_PROXY", "https://registry.example.invalid/v2/", {"HTTPS_PROXY", "@"}, false, true},
	{"loopback", "http://127.0.0.1:1/v2/", {"http_proxy", "@", "ALL_PROXY", "@"}, true, false},
};

Test(http, proxies)
{
	cleanup_free char *address = mem_printf("http://%s", hostile_host(hostile));

	for (size_t i = 0; i < ARRAY_SIZE(proxies); i++) {
		const struct http_request request = {.method = "GET", .url = proxies[i].url, .is_loopback = proxies[i].is_loopback, .limit = 100};
		int before = hostile_requests(hostile, "");
		struct http_response response = {0};
		struct error err = {0};

		for (size_t v = 0; proxies[i].variables[v]; v += 2)
			(void)setenv(proxies[i].variables[v], *proxies[i].variables[v + 1] == '@' ? address : proxies[i].variables[v + 1], 1);
		(void)!http_exchange(http, &request, &response, &err);
		cr_expect_eq(hostile_requests(hostile, "") > before, proxies[i].by_proxy, "%s: %s: %s", proxies[i].name, err.what, err.cause);
		for (size_t v = 0; proxies[i].variables[v]; v += 2)
			(void)unsetenv(proxies[i].variables[v]);
		http_response_done(&response);
	}
	cr_expect_gt(hostile_requests(hostile, "CONNECT registry.example.invalid:443"), 0, "%s", hostile_log(hostile));
}

Test(http, headers)
{
	cleanup_free char *url = mem_printf("http://%s/a", hostile_host(hostile));
	const struct http_request request = {.method = "GET", .url = url, .is_loopback = true, .limit = 100};
	struct http_response response = {0};
	struct error err = {0};

	hostile_route(hostile, &(const struct hostile_route){.path = "/a",
	    .answers = {{.headers = "X-Two: one\r\nLOCATION:  \t here there \r\nx-two:two\r\nX-Empty:\r\n", .body = "body"}}});
	cr_assert_eq(http_exchange(http, &request, &response, &err), 0, "%s", err.cause);
	cr_expect_eq(response.status, 200);
	cr_expect_str_eq(response.body.text, "body");
	cr_expect_str_eq(http_header(&response, "location", NULL), "here there");
	cr_expect_str_eq(http_header(&response, "x-two", NULL), "one");
	cr_expect_str_eq(http_header(&response, "x-two", http_header(&response, "x-two", NULL)), "two");
	cr_expect_null(http_header(&response, "x-two", http_header(&response, "x-two", http_header(&response, "x-two", NULL))));
	cr_expect_str_eq(http_header(&response, "x-empty", NULL), "");
	cr_expect_null(http_header(&response, "x-none", NULL));
	http_response_done(&response);
	http_response_done(&response);
}

static const struct {
	const char *url, *host;
} hosts[] = {
	{"https://registry.example:5000/v2/", "registry.example:5000"},
	{"http://a?b", "a"},
	{"http://user:secret@a/b@c", "a"},
	{"a/b", "a"},
};

Test(http, hosts)
{
	char host[64];

	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		http_host_of(hosts[i].url, host, sizeof(host));
		cr_expect_str_eq(host, hosts[i].host, "%s", hosts[i].url);
	}
}
