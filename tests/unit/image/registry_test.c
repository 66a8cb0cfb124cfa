/* The client against a registry that does not do as it should. Waits between attempts are a millisecond here. */
#include "image/registry.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/digest_hash.h"
#include "image/registry_parts.h"
#include "unit/image/registry_hosts.h"

TestSuite(registry, .init = begin, .fini = end, .timeout = 60);

static const char *text(const char *fmt, const char *host)
{
	return arena_printf(&arena, fmt, host);
}

/* --- manifests --- */

#define JSON "Content-Type: application/vnd.oci.image.manifest.v1+json; charset=utf-8\r\n"
#define OTHER_DIGEST "sha256:0000000000000000000000000000000000000000000000000000000000000000"

static const struct {
	const char *name, *asked;
	struct hostile_answer answers[HOSTILE_ANSWERS];
	int errnum;
	const char *what, *cause, *hint;
	int requests;
} manifests[] = {
	{"good", "1", {{.headers = JSON, .body = "{}"}}, 0, NULL, NULL, NULL, 1},
	{"500 twice", "1", {{.times = 2, .status = 500}, {.headers = JSON, .body = "{}"}}, 0, NULL, NULL, NULL, 3},
	{"nothing twice", "1", {{.times = 2, .raw = ""}, {.headers = JSON, .body = "{}"}}, 0, NULL, NULL, NULL, 3},
	{"429 with Retry-After", "1", {{.times = 1, .status = 429, .headers = "Retry-After: 0\r\n"}, {.headers = JSON, .body = "{}"}}, 0, NULL, NULL, NULL, 2},
	{"cut in the middle", "1", {{.times = 2, .headers = JSON, .body = "{}{}{}{}", .cut_after = 3}, {.headers = JSON, .body = "{}"}}, 0, NULL, NULL, NULL, 3},
	{"odd headers", "1", {{.headers = JSON ": :\r\nX: \x01\xff\r\n", .body = "{}"}}, 0, NULL, NULL, NULL, 1},
	{"500 for ever", "1", {{.status = 500}}, EREMOTEIO, "manifest '1' of '127.0.0.1:", "500 Internal Server Error", "try again later", 5},
	{"an hour's rest", "1", {{.status = 429, .headers = "Retry-After: 7200\r\n"}}, EAGAIN, NULL, "429 Too Many", "in 121 minutes; it may allow more after `carrel login 127.0.0.1:", 1},
	{"unknown", "1", {{.status = 404, .body = "{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"manifest unknown\"}]}"}}, ENOENT, NULL, "404 Not Found: manifest unknown",
	    "tag right?", 1},
	{"not for us", "1", {{.status = 403, .body = "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"go\\u001b[2Jaway\"}]}"}}, EACCES, NULL, "403 Forbidden: go [2Jaway", "carrel login", 1},
	{"401 to everything", "1", {{.status = 401}}, EACCES, NULL, "401 Unauthorized", "carrel login 127.0.0.1:", 1},
	{"401 with a scheme of its own", "1", {{.status = 401, .headers = "WWW-Authenticate: Negotiate\r\n"}}, EACCES, NULL, "401", "'Negotiate'", 1},
	{"401, Basic, and we are nobody", "1", {{.status = 401, .headers = "WWW-Authenticate: Basic realm=\"x\"\r\n"}}, EACCES, NULL, "401", "carrel login", 1},
	{"a realm that is no address", "1", {{.status = 401, .headers = "WWW-Authenticate: Bearer realm=\"nonsense\"\r\n"}}, EPROTO, NULL, "'nonsense'", "", 1},
	{"a realm without a scheme", "1", {{.status = 401, .headers = "WWW-Authenticate: Bearer realm=\"127.0.0.1/token?a=://\"\r\n"}}, EPROTO, NULL, "no address", "", 1},
	{"a realm in the file system", "1", {{.status = 401, .headers = "WWW-Authenticate: Bearer realm=\"file:///etc/passwd\"\r\n"}}, EPROTO, NULL, "no address", "", 1},
	{"wrong digest", OTHER_DIGEST, {{.headers = JSON, .body = "{}"}}, EBADMSG, NULL, "should be " OTHER_DIGEST, "on the way", 1},
	{"wrong digest announced", "1", {{.headers = JSON "Docker-Content-Digest: " OTHER_DIGEST "\r\n", .body = "{}"}}, EBADMSG, NULL, "should be " OTHER_DIGEST, "on the way", 1},
	{"empty", "1", {{.headers = JSON}}, EBADMSG, NULL, "empty", "", 1},
	{"a gigabyte", "1", {{.headers = JSON, .body = "{\"a\":0}   ", .total = 1 << 30}}, EMSGSIZE, NULL, "longer than the 4194304 bytes", "", 1},
	{"without end", "1", {{.headers = JSON, .body = "{\"a\":0}   ", .endless = true}}, EMSGSIZE, NULL, "longer than the 4194304 bytes", "", 1},
	{"an excuse without end", "1", {{.status = 404, .body = "sorry ", .endless = true}}, ENOENT, NULL, "404 Not Found", "right?", 1},
	{"no HTTP", "1", {{.raw = "SSH-2.0-OpenSSH_9.2\r\n"}}, EPROTO, NULL, "HTTP/0.9", "no registry", 1},
	{"a redirect to itself", "1", {{.status = 302, .headers = "Location: /v2/a/manifests/1\r\n"}}, ELOOP, NULL, "more than 10 times", "set up wrong", 11},
	{"a redirect to a file", "1", {{.status = 302, .headers = "Location: file:///etc/passwd\r\n"}}, EPROTO, NULL, "only https", "", 1},
	{"a redirect to nowhere", "1", {{.status = 302}}, EPROTO, NULL, "302", "set up wrong", 1},
};

Test(registry, manifests)
{
	for (size_t i = 0; i < ARRAY_SIZE(manifests); i++) {
		const char *name = manifests[i].name, *path = text("/v2/a/manifests/%s", manifests[i].asked);
		struct hostile_route route = {.path = path};
		struct registry *registry = open_with(NULL);
		struct registry_manifest manifest = {0};
		struct error err = {0};
		int before = hostile_requests(hostile, "manifests/"), r;

		memcpy(route.answers, manifests[i].answers, sizeof(route.answers));
		hostile_route(hostile, &route);
		r = registry_get_manifest(registry, manifests[i].asked, &manifest, &err);
		cr_expect_eq(r, -manifests[i].errnum, "%s: %d, %s: %s", name, r, err.what, err.cause);
		cr_expect_eq(hostile_requests(hostile, "manifests/") - before, manifests[i].requests, "%s: %d requests", name, hostile_requests(hostile, "manifests/") - before);
		if (r == 0)
			cr_expect(!strcmp(manifest.text, "{}") && !strcmp(manifest.media_type, MEDIA_OCI_MANIFEST) && digest_is_set(&manifest.digest) && !err.code, "%s", name);
		if (manifests[i].what)
			cr_expect(strstr(err.what, manifests[i].what), "%s: %s", name, err.what);
		if (manifests[i].cause)
			cr_expect(strstr(err.cause, manifests[i].cause), "%s: %s", name, err.cause);
		if (manifests[i].hint)
			cr_expect(strstr(err.hint, manifests[i].hint), "%s: %s", name, err.hint);
		free(manifest.text);
		registry_close(registry);
	}
}

Test(registry, headers_without_end)
{
	enum { LINES = 20000 };
	struct buf raw = {0};
	struct registry *registry = open_with(NULL);
	struct registry_manifest manifest;
	struct error err = {0};

	buf_puts(&raw, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < LINES; i++)
		buf_printf(&raw, "X-Header-%d: aaaaaaaaaaaaaaaa\r\n", i);
	hostile_route(hostile, &(const struct hostile_route){.path = "/v2/a/manifests/1", .answers = {{.raw = raw.text}}});
	cr_expect_lt(registry_get_manifest(registry, "1", &manifest, &err), 0);
	cr_expect(strstr(err.cause, "headers"), "%s", err.cause);
	registry_close(registry);
	buf_done(&raw);
}

/* --- blobs --- */

enum { BLOB = 300000 };

static char blob[BLOB + 1];
static const char *blob_headers;

static struct digest make_blob(void)
{
	struct digest digest;

	for (int i = 0; i < BLOB; i++)
		blob[i] = (char)('a' + i * 7 % 23 + i / 1000 % 3);
	digest_of(blob, BLOB, &digest);
	blob_headers = "Content-Type: application/octet-stream\r\n";
	return digest;
}

static const struct {
	const char *name;
	struct hostile_answer answers[HOSTILE_ANSWERS];
	int errnum;
	const char *cause;
	int requests, ranges;
} blobs[] = {
	{"good", {{.body = blob}}, 0, NULL, 1, 0},
	{"cut, resumed", {{.times = 2, .body = blob, .cut_after = 100000, .ranges = true}, {.body = blob, .ranges = true}}, 0, NULL, 3, 2},
	{"cut, Range ignored", {{.times = 1, .body = blob, .cut_after = 100000}, {.times = 1, .body = blob, .cut_after = 200000}, {.body = blob}}, 0, NULL, 3, 2},
	{"cut, Range ignored, less than before", {{.times = 1, .body = blob, .cut_after = 200000}, {.times = 1, .body = blob, .cut_after = 50000}, {.body = blob}}, 0, NULL, 3, 2},
	{"cut, another part than asked for",
	    {{.times = 1, .body = blob, .cut_after = 100000}, {.times = 1, .status = 206, .headers = "Content-Range: bytes 5-299999/300000\r\n", .body = blob}, {.body = blob}}, 0, NULL, 3, 1},
	{"cut, then 416", {{.times = 1, .body = blob, .cut_after = 100000}, {.times = 1, .status = 416}, {.body = blob}}, 0, NULL, 3, 1},
	{"cut, then 503", {{.times = 1, .body = blob, .cut_after = 100000}, {.times = 2, .status = 503}, {.body = blob, .ranges = true}}, 0, NULL, 4, 3},
	{"a cut at the same place for ever", {{.body = blob, .cut_after = 1000}}, ECONNRESET, "", 5, 4},
	{"a little more each time", {{.times = 3, .body = blob, .cut_after = 1000, .ranges = true}, {.body = blob, .ranges = true}}, 0, NULL, 4, 3},
	{"no length, good", {{.body = blob, .announce = HOSTILE_NO_LENGTH}}, 0, NULL, 1, 0},
	{"no length, short", {{.body = blob, .size = 1000, .announce = HOSTILE_NO_LENGTH}}, EPIPE, "after 1000 of 300000", 5, 4},
	{"no length, long", {{.body = blob, .total = BLOB + 1, .announce = HOSTILE_NO_LENGTH}}, EBADMSG, "more than", 1, 0},
	{"without end", {{.body = blob, .endless = true}}, EBADMSG, "more than", 1, 0},
	{"a shorter one", {{.body = blob, .size = BLOB - 1}}, EBADMSG, "announces 299999", 1, 0},
	{"a longer one", {{.body = blob, .total = BLOB + 1}}, EBADMSG, "announces 300001", 1, 0},
	{"an empty one", {{.body = ""}}, EBADMSG, "announces 0", 1, 0},
	{"announced longer than it is", {{.body = blob, .announce = 1 << 30}}, EBADMSG, "announces 1073741824", 1, 0},
	{"announced shorter than it is", {{.body = blob, .announce = 10}}, EBADMSG, "announces 10", 1, 0},
	{"not there", {{.status = 404}}, ENOENT, "404", 1, 0},
};

struct sink {
	struct buf got;
	size_t end_after; /* 0: never */
};

static int take(void *context, const void *data, size_t size, struct error *err)
{
	struct sink *sink = context;

	buf_add(&sink->got, data, size);
	if (sink->end_after && sink->got.size >= sink->end_after)
		return error_set(err, ENOSPC, "the disk");
	return 0;
}

Test(registry, blobs)
{
	struct digest digest = make_blob();
	const char *path = text("/v2/a/blobs/%s", digest.text);

	for (size_t i = 0; i < ARRAY_SIZE(blobs); i++) {
		const char *name = blobs[i].name;
		struct hostile_route route = {.path = path};
		struct registry *registry = open_with(NULL);
		struct sink sink = {0};
		struct error err = {0};
		int before = hostile_requests(hostile, path), ranges = hostile_requests(hostile, "Range: "), r;

		memcpy(route.answers, blobs[i].answers, sizeof(route.answers));
		hostile_route(hostile, &route);
		r = registry_get_blob(registry, &digest, BLOB, &(const struct registry_sink){take, &sink}, &err);
		cr_expect_eq(r, -blobs[i].errnum, "%s: %d, %s: %s", name, r, err.what, err.cause);
		cr_expect_eq(hostile_requests(hostile, path) - before, blobs[i].requests, "%s: %d requests", name, hostile_requests(hostile, path) - before);
		cr_expect_eq(hostile_requests(hostile, "Range: ") - ranges, blobs[i].ranges, "%s: %d ranges", name, hostile_requests(hostile, "Range: ") - ranges);
		if (r == 0)
			cr_expect(sink.got.size == BLOB && !memcmp(sink.got.text, blob, BLOB) && !err.code, "%s: %zu bytes", name, sink.got.size);
		else
			cr_expect(strstr(err.cause, blobs[i].cause) && strstr(err.what, digest.text), "%s: %s: %s", name, err.what, err.cause);
		cr_expect(sink.got.size <= BLOB && (sink.got.size == 0 || !memcmp(sink.got.text, blob, sink.got.size)), "%s: what was delivered is not the blob's beginning", name);
		buf_done(&sink.got);
		registry_close(registry);
	}
}

Test(registry, the_sink_ends_it)
{
	struct digest digest = make_blob();
	struct registry *registry = open_with(NULL);
	struct sink sink = {.end_after = 1};
	struct error err = {0};

	hostile_route(hostile, &(const struct hostile_route){.path = "/v2/a/blobs/*", .answers = {{.body = blob}}});
	cr_expect_eq(registry_get_blob(registry, &digest, BLOB, &(const struct registry_sink){take, &sink}, &err), -ENOSPC);
	cr_expect_str_eq(err.what, "the disk");
	cr_expect_eq(hostile_requests(hostile, "/blobs/"), 1);
	buf_done(&sink.got);
	registry_close(registry);
}

Test(registry, nothing_moves)
{
	struct digest digest = make_blob();
	struct registry *registry = open_with(NULL);
	struct sink sink = {0};
	struct error err = {0};
	int r;

	registry->stall_s = 1;
	hostile_route(hostile, &(const struct hostile_route){.path = "/v2/a/blobs/*", .answers = {{.times = 1, .body = blob, .delay_ms = 4000}, {.body = blob}}});
	r = registry_get_blob(registry, &digest, BLOB, &(const struct registry_sink){take, &sink}, &err);
	cr_expect_eq(r, 0, "%s: %s", err.what, err.cause);
	cr_expect_eq(hostile_requests(hostile, "/blobs/"), 2);
	buf_done(&sink.got);
	registry_close(registry);
}

Test(registry, connections_are_used_again)
{
	struct digest digest = make_blob();
	struct registry *registry = open_with(NULL);

	hostile_route(hostile, &(const struct hostile_route){.path = "/v2/a/blobs/*", .answers = {{.body = blob}}});
	for (int i = 0; i < 5; i++) {
		struct sink sink = {0};
		struct error err = {0};

		cr_expect_eq(registry_get_blob(registry, &digest, BLOB, &(const struct registry_sink){take, &sink}, &err), 0, "%s: %s", err.what, err.cause);
		buf_done(&sink.got);
	}
	cr_expect_eq(hostile_connections(hostile), 2, "%d connections", hostile_connections(hostile)); /* one found out that no TLS is spoken */
	registry_close(registry);
}
