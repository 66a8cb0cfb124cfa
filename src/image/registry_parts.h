/* What the files registry*.c share among themselves (and their tests). */
#ifndef CARREL_IMAGE_REGISTRY_PARTS_H
#define CARREL_IMAGE_REGISTRY_PARTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "image/http.h"
#include "image/registry.h"
#include "image/registry_challenge.h"

enum { REDIRECTS_MAX = 10, TOKEN_ANSWER_MAX = 1 << 20, RETRY_AFTER_MAX_S = 60 };

struct registry_token {
	char *scope, *text;
	int64_t good_until_ms; /* proc_now_ms() */
	struct registry_token *next;
};

/* One host that serves the repository: a mirror, or the registry itself. */
struct registry_endpoint {
	struct registry *registry;
	char *host;       /* to connect to: "registry-1.docker.io", "localhost:5000" */
	const char *name; /* for messages: "docker.io" */
	bool is_mirror, is_loopback;
	const struct credentials *credentials; /* NULL: anonymous */
	struct http_tls tls;
	atomic_bool has_answered; /* so a connection that fails now is bad luck, not a wrong name */
	atomic_bool is_useless;   /* a mirror that failed */

	pthread_mutex_t base_lock;
	char *base; /* "https://HOST" or "http://HOST"; NULL: not known yet */

	pthread_mutex_t auth_lock; /* held while a token is fetched: the other threads want the same */
	struct registry_challenge challenge;
	struct registry_token *tokens;
	char *identity_token; /* that a token server gave in the place of the credentials': the old one may be good no more; NULL */
	unsigned generation; /* of the challenge and its tokens: did somebody else renew them meanwhile? */
};

/* Upload sessions that a refused mount opened (distribution-spec, end-11). */
struct registry_session {
	struct digest digest;
	char *location;
	struct registry_session *next;
};

struct registry {
	struct arena arena;
	char *repository;
	char *name; /* "docker.io/library/debian", for messages */
	struct credentials credentials;
	bool tls_verify;
	const struct progress *progress;
	struct http *http;
	struct registry_endpoint *endpoints; /* mirrors first, the registry itself last */
	size_t endpoint_count;
	pthread_mutex_t lock; /* of the sessions */
	struct registry_session *sessions;

	unsigned attempts;        /* for one thing, without anything gained */
	int64_t first_pause_ms;   /* doubled each time */
	long stall_s, upload_stall_s;
};

struct registry_endpoint *registry_itself(struct registry *registry);
void registry_give_up_mirror(struct registry_endpoint *mirror, const struct error *err);

/* registry_tls.c: all files are read here. */
int registry_tls_load(const char *host, bool verify, struct http_tls *ret, struct error *err) MUST_CHECK;

/* registry_exchange.c: one exchange with its redirects. `authorization` (may be NULL) goes to the first address's origin only; `is_secret`: so does the body. */
int registry_exchange(struct registry_endpoint *endpoint, const struct http_request *request, const char *authorization, bool is_secret, struct http_response *ret,
    struct error *err) MUST_CHECK;
/* https or http? Asked of the registry where both may be. *ret lives as long as the endpoint. */
int registry_base(struct registry_endpoint *endpoint, const char **ret, struct error *err) MUST_CHECK;

/* registry_auth.c: the header to send, malloced, or NULL for none. `scope`: "repository:a:pull", several with blanks between, "" for none. */
struct registry_auth_use {
	unsigned generation;
	bool is_fresh; /* nothing newer is to be had: a refusal is meant */
};
int registry_auth_header(struct registry_endpoint *endpoint, const char *scope, char **ret, struct registry_auth_use *ret_use, struct error *err) MUST_CHECK;
/* A 401 came. True: with what it asks for, another try makes sense. */
bool registry_auth_refused(struct registry_endpoint *endpoint, const char *scope, const struct registry_auth_use *use, const struct http_response *response);
void registry_auth_done(struct registry_endpoint *endpoint);

/* registry_refusal.c: an answer that is no success, as an error whose `what` is `host`. -errno: EACCES (401, 403), ENOENT (404), EAGAIN (429), EREMOTEIO (5xx), EPROTO. */
int registry_refusal(const struct registry_endpoint *endpoint, const char *host, const struct http_response *response, struct error *err) MUST_CHECK;

/* registry_call.c: one call of the API. */
struct registry_call {
	const char *method;
	const char *url;         /* absolute, or NULL: kind and name say it */
	const char *kind, *name; /* "manifests", "12"; kind NULL: /v2/ itself */
	bool pushes, is_unscoped;
	const char *from, *mount; /* another repository, and its blob to mount; NULL */
	const char *headers[4];
	const struct http_upload *upload;
	int (*add)(void *context, const struct http_response *response, const void *data, size_t size, struct error *err);
	void *context;
	size_t limit;
	bool may_last; /* a blob: no limit of time but the stall's */
};
/* Once, with a new token where the old one is refused: 0 with an answer of whatever status, or -errno. */
int registry_call(struct registry_endpoint *endpoint, const struct registry_call *call, struct http_response *ret, struct error *err) MUST_CHECK;
/* Until it goes well or patience ends: 0 with a status of 2xx or `also` (0: none), or -errno. */
int registry_call_patiently(struct registry_endpoint *endpoint, const struct registry_call *call, long also, struct http_response *ret, struct error *err) MUST_CHECK;

/* What came of an attempt may be better the next time. `r`: registry_call's. */
bool registry_is_passing(const struct registry_endpoint *endpoint, int r, const struct http_response *response);
/* Wait before the next attempt, as long as Retry-After or the number of attempts says. False: patience is at its end (`err` gets a hint where the registry wants more time). */
bool registry_wait(struct registry_endpoint *endpoint, unsigned *attempt, const struct http_response *response, struct error *err);

#endif
