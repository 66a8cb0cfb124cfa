/* A registry's API (OCI distribution-spec 1.1; Docker's token authentication, distribution/docs/spec/auth/token.md), by libcurl.
 *
 * One `struct registry` speaks with one registry about one repository, and may be used by several threads: the token is shared, each transfer has a handle of its own.
 * Retries: connections that break, 429 and 5xx, with backoff (Retry-After obeyed, 60 s at most) and, for blobs, from where it broke (Range). Redirects: at
 * most 10, https never to http, credentials never to another host. A body never grows beyond what was announced. Addresses are https unless the registry is
 * on loopback (localhost, 127.0.0.0/8, ::1) and speaks http, or TLS verification was switched off.
 */
#ifndef CARREL_IMAGE_REGISTRY_H
#define CARREL_IMAGE_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/credentials.h"
#include "image/manifest.h"
#include "image/progress.h"
#include "image/reference.h"
#include "util/error.h"

struct registry_options {
	bool tls_verify;           /* false: --tls-verify=false: any certificate, and plain http where https is not spoken */
	const char *const *mirrors; /* hosts to try first for docker.io, NULL-terminated; may be NULL */
	const struct credentials *credentials; /* for this registry; NULL: anonymous */
	const struct progress *progress;
};

struct registry;
int registry_open(const struct reference *reference, const struct registry_options *options, struct registry **ret, struct error *err) MUST_CHECK;
void registry_close(struct registry *registry);

/* A manifest or index by tag or digest text. The answer's digest is checked where one was asked for; *ret_digest is always computed by us. Malloced text of at most
 * MANIFEST_SIZE_MAX; *ret_type in the fixed buffer. */
struct registry_manifest {
	char *text;
	size_t size;
	char media_type[128]; /* of the Content-Type, without parameters */
	struct digest digest;
};
int registry_get_manifest(struct registry *registry, const char *tag_or_digest, struct registry_manifest *ret, struct error *err) MUST_CHECK;

/* Stream a blob into `sink`, from its first byte to exactly `size`, across retries. `sink` gives -errno to end it (its own err is kept). */
struct registry_sink {
	int (*add)(void *context, const void *data, size_t size, struct error *err);
	void *context;
};
int registry_get_blob(struct registry *registry, const struct digest *digest, uint64_t size, const struct registry_sink *sink, struct error *err) MUST_CHECK;

/* 1: it is there, 0: not, or -errno. */
int registry_has_blob(struct registry *registry, const struct digest *digest, struct error *err) MUST_CHECK;
/* 1: mounted from the other repository (end-11), 0: it wants an upload. */
int registry_mount_blob(struct registry *registry, const struct digest *digest, const char *from_repository, struct error *err) MUST_CHECK;
/* Upload all of `fd`, which can seek (POST, PATCH, PUT). `name` for the progress. */
int registry_put_blob(struct registry *registry, const struct digest *digest, uint64_t size, int fd, struct error *err) MUST_CHECK;
int registry_put_manifest(struct registry *registry, const char *tag_or_digest, const char *media_type, const void *text, size_t size, struct error *err) MUST_CHECK;
/* Are these credentials good (GET /v2/ with authentication)? For login. */
int registry_check_login(struct registry *registry, struct error *err) MUST_CHECK;

#endif
