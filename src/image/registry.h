/* A registry's API (OCI distribution-spec 1.1; Docker's token authentication, distribution/docs/spec/auth/token.md), by libcurl.
 *
 * One `struct registry` speaks with one registry about one repository, and may be used by several threads: the token is shared, each transfer has a handle of its own,
 * and handles and their connections are used again.
 * Retries: connections that break or stand still for a minute, 429 and 5xx, five times without anything gained, with backoff (Retry-After obeyed; more than 60 s
 * are not waited for) and, for blobs, from where it broke (Range; without it by passing over what comes again). Redirects: at most 10, https never to http,
 * credentials never to another host. A body never grows beyond what was announced. Addresses are https unless the registry is on loopback (localhost, 127.0.0.0/8,
 * ::1) and speaks http, or TLS verification was switched off and it speaks no TLS.
 *
 * Errors: `what` says the act and the repository, `cause` the HTTP status with the registry's own words (cleaned) or what libcurl says. -EACCES: 401, 403, a certificate;
 * -ENOENT: 404; -EAGAIN: 429; -EREMOTEIO: 5xx; -EBADMSG: wrong digest or size; -EMSGSIZE: too long; -EPROTO: not as it should be; or of the connection.
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
	/* Told of: PROGRESS_RETRYING and PROGRESS_UPLOADING with a blob's digest as name, and lines about waits and mirrors that fail. (Downloads are counted by the sink.) */
	const struct progress *progress;
};

struct registry;
/* Files are read here and only here, but for what name resolution and OpenSSL read below /etc, /usr and /run: the certificates in ~/.config/containers/certs.d/REGISTRY/,
 * /etc/containers/certs.d/REGISTRY/ and /etc/docker/certs.d/REGISTRY/ (*.crt: authorities, besides the system's; *.cert and *.key: who we are), SSL_CERT_FILE, and
 * SSL_CERT_DIR where it is not below /etc or /usr. No connection is made yet; no thread either. */
int registry_open(const struct reference *reference, const struct registry_options *options, struct registry **ret, struct error *err) MUST_CHECK;
void registry_close(struct registry *registry);
/* From any thread, and for good: what is wanted of this registry is of no use any more. Calls under way in other threads end within about a second (-ECANCELED), also those
 * that wait for an answer or for another try. */
void registry_cancel(struct registry *registry);

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

/* 1: it is there, 0: not, or -errno. This and the three below ask for the right to push. */
int registry_has_blob(struct registry *registry, const struct digest *digest, struct error *err) MUST_CHECK;
/* 1: mounted from the other repository (end-11), 0: it wants an upload, for whatever reason. */
int registry_mount_blob(struct registry *registry, const struct digest *digest, const char *from_repository, struct error *err) MUST_CHECK;
/* Upload all of `fd`, by pread(2) (POST, then PUT in one piece: every registry takes that). */
int registry_put_blob(struct registry *registry, const struct digest *digest, uint64_t size, int fd, struct error *err) MUST_CHECK;
int registry_put_manifest(struct registry *registry, const char *tag_or_digest, const char *media_type, const void *text, size_t size, struct error *err) MUST_CHECK;
/* Are these credentials good (GET /v2/ with authentication)? For login. */
int registry_check_login(struct registry *registry, struct error *err) MUST_CHECK;

#endif
