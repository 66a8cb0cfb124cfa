/* Pushing to a registry that does not do as it should, and pulling through mirrors. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/digest_hash.h"
#include "image/registry_parts.h"
#include "unit/image/registry_hosts.h"
#include "util/fd.h"

TestSuite(registry_upload, .init = begin, .fini = end, .timeout = 60);

static const struct credentials ada = {.user = (char *)"ada", .password = (char *)"secret"};
#define ASKS_FOR_BASIC .needs = "Authorization: Basic", .or_else = "WWW-Authenticate: Basic realm=\"x\"\r\n"

enum { SIZE = 2 << 20 };

static int make_file(struct digest *ret)
{
	cleanup_free char *text = mem_alloc(SIZE);
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	memset(text, 'x', SIZE);
	cr_assert(fd >= 0 && fd_write_all(fd, text, SIZE) == 0);
	digest_of(text, SIZE, ret);
	return fd;
}

static const struct {
	const char *name;
	struct hostile_answer posts[HOSTILE_ANSWERS], puts[HOSTILE_ANSWERS];
	int errnum;
	const char *cause;
	int post_count, put_count;
} uploads[] = {
	{"good", {{.status = 202, .headers = "Location: /up/1?state=x\r\n"}}, {{.status = 201}}, 0, NULL, 1, 1},
	{"a relative address", {{.status = 202, .headers = "Location: ../../../../up/1\r\n"}}, {{.status = 201}}, 0, NULL, 1, 1},
	{"a password is asked for", {{.status = 202, .headers = "Location: /up/1\r\n", ASKS_FOR_BASIC}}, {{.status = 201, ASKS_FOR_BASIC}}, 0, NULL, 2, 1},
	{"a password is asked for late", {{.status = 202, .headers = "Location: /up/1\r\n"}}, {{.status = 201, ASKS_FOR_BASIC}}, 0, NULL, 1, 2},
	{"the connection ends", {{.status = 202, .headers = "Location: /up/1\r\n"}}, {{.times = 2, .raw = ""}, {.status = 201}}, 0, NULL, 2, 3}, /* libcurl tries a kept connection again by itself */
	{"500 twice", {{.times = 1, .status = 500}, {.status = 202, .headers = "Location: /up/1\r\n"}}, {{.times = 1, .status = 500}, {.status = 201}}, 0, NULL, 3, 2},
	{"no address", {{.status = 202}}, {{.status = 201}}, EPROTO, "no Location", 1, 0},
	{"another status", {{.status = 200, .headers = "Location: /up/1\r\n"}}, {{.status = 201}}, EPROTO, "opens no upload", 1, 0},
	{"a file's address", {{.status = 202, .headers = "Location: file:///etc/passwd\r\n"}}, {{.status = 201}}, EPROTO, "only https", 1, 0},
	{"refused", {{.status = 403, .body = "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"read only\"}]}"}}, {{.status = 201}}, EACCES, "403 Forbidden: read only", 1, 0},
	{"too large", {{.status = 202, .headers = "Location: /up/1\r\n"}}, {{.status = 413}}, EFBIG, "413", 1, 1},
};

Test(registry_upload, blobs)
{
	struct digest digest;
	int fd = make_file(&digest);

	for (size_t i = 0; i < ARRAY_SIZE(uploads); i++) {
		struct hostile_route posts = {.method = "POST", .path = "/v2/a/blobs/uploads/"}, puts = {.method = "PUT", .path = "/up/1?*"};
		struct registry *registry = open_with(&ada);
		int post_count = hostile_requests(hostile, "POST /v2"), put_count = hostile_requests(hostile, "PUT /up"), r;
		struct error err = {0};

		memcpy(posts.answers, uploads[i].posts, sizeof(posts.answers));
		memcpy(puts.answers, uploads[i].puts, sizeof(puts.answers));
		hostile_route(hostile, &posts);
		hostile_route(hostile, &puts);
		r = registry_put_blob(registry, &digest, SIZE, fd, &err);
		cr_expect_eq(r, -uploads[i].errnum, "%s: %d, %s: %s", uploads[i].name, r, err.what, err.cause);
		cr_expect(!uploads[i].cause || strstr(err.cause, uploads[i].cause), "%s: %s", uploads[i].name, err.cause);
		cr_expect_eq(hostile_requests(hostile, "POST /v2") - post_count, uploads[i].post_count, "%s: %d POSTs", uploads[i].name, hostile_requests(hostile, "POST /v2") - post_count);
		cr_expect_eq(hostile_requests(hostile, "PUT /up") - put_count, uploads[i].put_count, "%s: %d PUTs", uploads[i].name, hostile_requests(hostile, "PUT /up") - put_count);
		registry_close(registry);
	}
	cr_expect_eq(hostile_requests(hostile, arena_printf(&arena, "PUT /up/1?state=x&digest=sha256%%3A%s HTTP", digest_hex(&digest))), 1, "%s", hostile_log(hostile));
	(void)close(fd);
}

/* A registry may keep uploads on another host; our password is none of its business. */
Test(registry_upload, elsewhere_without_the_password)
{
	const char *location = arena_printf(&arena, "Location: http://%s/up/1\r\n", hostile_host(elsewhere));
	struct registry *registry = open_with(&ada);
	struct error err = {0};
	struct digest digest;
	int fd = make_file(&digest);

	hostile_route(hostile, &(const struct hostile_route){.method = "POST", .path = "/v2/*", .answers = {{.status = 202, .headers = location, ASKS_FOR_BASIC}}});
	hostile_route(elsewhere, &(const struct hostile_route){.method = "PUT", .path = "/up/*", .answers = {{.status = 201}}});
	cr_expect_eq(registry_put_blob(registry, &digest, SIZE, fd, &err), 0, "%s: %s", err.what, err.cause);
	cr_expect_eq(hostile_requests(elsewhere, "Authorization"), 0, "%s", hostile_log(elsewhere));
	(void)close(fd);
	registry_close(registry);
}

/* What a mount that was not granted opened is used, and once. */
Test(registry_upload, mounts)
{
	const char *granted = "/v2/a/blobs/uploads/?mount=sha256%3A*";
	struct registry *registry = open_with(&ada);
	struct error err = {0};
	struct digest digest;
	int fd = make_file(&digest);

	hostile_route(hostile, &(const struct hostile_route){.method = "POST", .path = granted,
	    .answers = {{.times = 1, .status = 202, .headers = "Location: /up/1\r\n"}, {.times = 1, .status = 404}, {.status = 201}}});
	hostile_route(hostile, &(const struct hostile_route){.method = "PUT", .path = "/up/*", .answers = {{.status = 201}}});
	cr_expect_eq(registry_mount_blob(registry, &digest, "b", &err), 0, "%s: %s", err.what, err.cause);
	cr_expect_eq(registry_put_blob(registry, &digest, SIZE, fd, &err), 0, "%s: %s", err.what, err.cause);
	cr_expect_eq(hostile_requests(hostile, "POST"), 1, "%s", hostile_log(hostile));
	cr_expect_eq(registry_put_blob(registry, &digest, SIZE, fd, &err), -ENOENT, "the session was used twice");
	cr_expect_eq(registry_mount_blob(registry, &digest, "b", &err), 0, "%s: %s", err.what, err.cause);
	cr_expect_eq(registry_mount_blob(registry, &digest, "b", &err), 1, "%s: %s", err.what, err.cause);
	cr_expect(hostile_requests(hostile, "&from=b HTTP") == 3, "%s", hostile_log(hostile));
	(void)close(fd);
	registry_close(registry);
}

Test(registry_upload, is_it_there)
{
	struct registry *registry = open_with(&ada);
	struct error err = {0};
	struct digest digest;

	digest_of("x", 1, &digest);
	hostile_route(hostile, &(const struct hostile_route){.method = "HEAD", .path = "/v2/a/blobs/*",
	    .answers = {{.times = 1, .status = 404}, {.times = 1, .status = 503}, {.times = 1, .body = "x"}, {.status = 400}}});
	cr_expect_eq(registry_has_blob(registry, &digest, &err), 0);
	cr_expect_eq(registry_has_blob(registry, &digest, &err), 1);
	cr_expect_eq(registry_has_blob(registry, &digest, &err), -EPROTO);
	cr_expect(strstr(err.cause, "400"), "%s", err.cause);
	registry_close(registry);
}

/* --- mirrors --- */

static int count(void *context, const void *data, size_t size, struct error *err)
{
	(void)err;
	(void)data;
	*(size_t *)context += size;
	return 0;
}

/* docker.io itself is not to be had in a test: `elsewhere` stands for it. */
Test(registry_upload, a_mirror_that_fails)
{
	const char *const mirrors[] = {"127.0.0.1:1", hostile_host(hostile), NULL};
	struct registry *registry = open_at("docker.io", &(struct registry_options){.tls_verify = true, .credentials = &ada, .mirrors = mirrors});
	struct registry_endpoint *itself = registry_itself(registry);
	struct registry_manifest manifest = {0};
	struct digest digest;
	struct error err = {0};
	size_t got = 0;
	int r;

	free(itself->host);
	itself->host = mem_strdup(hostile_host(elsewhere));
	itself->is_loopback = true;
	digest_of("x", 1, &digest);
	hostile_route(hostile, &(const struct hostile_route){.path = "/v2/a/manifests/1", .answers = {{.body = "{\"from\":1}"}}});
	hostile_route(hostile, &(const struct hostile_route){.path = "/v2/a/blobs/*", .answers = {{.body = "0123456789", .cut_after = 1, .ranges = true}}});
	hostile_route(elsewhere, &(const struct hostile_route){.path = "/v2/a/blobs/*", .answers = {{.body = "0123456789", .ranges = true, ASKS_FOR_BASIC}}});
	r = registry_get_manifest(registry, "1", &manifest, &err);
	cr_expect_eq(r, 0, "%s: %s", err.what, err.cause);
	cr_expect_str_eq(manifest.text, "{\"from\":1}");
	cr_expect_eq(hostile_requests(elsewhere, "manifests"), 0);
	/* The mirror breaks in the middle again and again: on with the registry, from there. */
	r = registry_get_blob(registry, &digest, 10, &(const struct registry_sink){count, &got}, &err);
	cr_expect_eq(r, 0, "%s: %s", err.what, err.cause);
	cr_expect_eq(got, 10);
	cr_expect_eq(hostile_requests(elsewhere, "Range: bytes=5-"), 2, "%s%s", hostile_log(hostile), hostile_log(elsewhere));
	cr_expect_eq(hostile_requests(hostile, "Authorization"), 0, "the mirror got the password");
	free(manifest.text);
	registry_close(registry);
}
