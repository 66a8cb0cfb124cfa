#include "image/registry_url.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/libcurl.h"
#include "util/mem.h"

TestSuite(registry_url, .timeout = 30);

static const struct {
	const char *name, *host;
	bool is;
} hosts[] = {
	{"the name", "localhost", true},
	{"with a port", "localhost:5000", true},
	{"in capitals", "LocalHost:5000", true},
	{"below it", "registry.localhost:5000", true},
	{"an address", "127.0.0.1", true},
	{"all of the net", "127.255.3.4:443", true},
	{"version 6", "[::1]:5000", true},
	{"version 6 without a port", "[::1]", true},
	{"a name that begins alike", "localhost.example.org", false},
	{"a name that ends alike", "notlocalhost", false},
	{"only the end", ".localhost", false},
	{"a name with such numbers", "127.0.0.1.example.org", false},
	{"another net", "128.0.0.1", false},
	{"another address of version 6", "[::2]:5000", false},
	{"version 6 without its end", "[::1", false},
	{"nothing", "", false},
	{"a port alone", ":5000", false},
	{"the whole world", "registry-1.docker.io", false},
};

Test(registry_url, loopback)
{
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
		cr_expect_eq(registry_url_is_loopback(hosts[i].host), hosts[i].is, "%s", hosts[i].name);
	cr_expect(registry_url_leads_to_loopback("http://127.0.0.1:5000/v2/?a=b"));
	cr_expect(registry_url_leads_to_loopback("http://localhost?x"));
	cr_expect_not(registry_url_leads_to_loopback("http://localhost@example.org/"));
	cr_expect_not(registry_url_leads_to_loopback("http://localhost:80@example.org/"));
	cr_expect_not(registry_url_leads_to_loopback("http://example.org/localhost"));
}

Test(registry_url, making)
{
	cleanup_free char *manifest = registry_url_make("https://r:5000", "team/app", "manifests", "v1.2_x-y");
	cleanup_free char *blob = registry_url_make("http://r", "a", "blobs", "sha256:0123");
	cleanup_free char *odd = registry_url_make("http://r", "a b/../c", "blobs/uploads", "?x#y%");

	cr_expect_str_eq(manifest, "https://r:5000/v2/team/app/manifests/v1.2_x-y");
	cr_expect_str_eq(blob, "http://r/v2/a/blobs/sha256:0123");
	cr_expect_str_eq(odd, "http://r/v2/a%20b/../c/blobs/uploads/%3Fx%23y%25");
}

static const struct {
	const char *name, *url, *result;
} queries[] = {
	{"no query", "http://r/u", "http://r/u?digest=sha256%3Aab"},
	{"an empty one", "http://r/u?", "http://r/u?digest=sha256%3Aab"},
	{"another", "http://r/u?_state=x%3D", "http://r/u?_state=x%3D&digest=sha256%3Aab"},
	{"an open one", "http://r/u?a=b&", "http://r/u?a=b&digest=sha256%3Aab"},
	{"a fragment", "http://r/u?a=b#c?d", "http://r/u?a=b&digest=sha256%3Aab"},
};

Test(registry_url, adding)
{
	for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
		cleanup_free char *url = registry_url_add(queries[i].url, "digest", "sha256:ab");

		cr_expect_str_eq(url, queries[i].result, "%s: %s", queries[i].name, url);
	}
}

static const struct {
	const char *name, *base, *location, *result;
	bool same;
	int errnum;
	const char *cause;
} ways[] = {
	{"a path", "https://r:5000/v2/a/blobs/uploads/", "/v2/a/blobs/uploads/1?x=y", "https://r:5000/v2/a/blobs/uploads/1?x=y", true, 0, NULL},
	{"a relative one", "https://r/v2/a/blobs/uploads/", "1", "https://r/v2/a/blobs/uploads/1", true, 0, NULL},
	{"the same host", "https://r/x", "https://r/y", "https://r/y", true, 0, NULL},
	{"the same with its port", "https://r/x", "https://R:443/y", "https://R:443/y", true, 0, NULL},
	{"another port", "https://r/x", "https://r:444/y", "https://r:444/y", false, 0, NULL},
	{"another host", "https://r/x", "https://cdn.r/y?sig=a%2Fb", "https://cdn.r/y?sig=a%2Fb", false, 0, NULL},
	{"a host without its scheme", "https://r/x", "//cdn/y", "https://cdn/y", false, 0, NULL},
	{"a host that looks alike", "https://r/x", "https://r.evil/y", "https://r.evil/y", false, 0, NULL},
	{"up to https", "http://r/x", "https://r/y", "https://r/y", false, 0, NULL},
	{"http stays http", "http://r/x", "http://r/y", "http://r/y", true, 0, NULL},
	{"down to http", "https://r/x", "http://r/y", NULL, false, EACCES, "unprotected"},
	{"down in capitals", "https://r/x", "HTTP://r/y", NULL, false, EACCES, "unprotected"},
	{"a file", "https://r/x", "file:///etc/passwd", NULL, false, EPROTO, "only https"},
	{"another protocol", "https://r/x", "ftp://r/y", NULL, false, EPROTO, "only https"},
	{"a user", "https://r/x", "https://me@r/y", NULL, false, EPROTO, "user"},
	{"a user and a host", "https://r/x", "https://r:443@evil/y", NULL, false, EPROTO, "user"},
	{"control characters", "https://r/x", "https://r/\x01y", NULL, false, EPROTO, "no address"},
	{"a bad port", "https://r/x", "https://r:99999/y", NULL, false, EPROTO, "no address"},
};

Test(registry_url, following)
{
	struct error none = {0};

	cr_assert_eq(libcurl_load(&none), 0, "%s", none.cause);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct error err = {0};
		bool same = false;
		char *url = NULL;
		int r = registry_url_follow(ways[i].base, ways[i].location, &url, &same, &err);

		cr_expect_eq(r, -ways[i].errnum, "%s: %d %s", ways[i].name, r, err.cause);
		if (ways[i].result)
			cr_expect(url && !strcmp(url, ways[i].result) && same == ways[i].same, "%s: %s, %d", ways[i].name, url, same);
		else
			cr_expect(!url && strstr(err.cause, ways[i].cause), "%s: %s, %s", ways[i].name, url, err.cause);
		free(url);
	}
}
