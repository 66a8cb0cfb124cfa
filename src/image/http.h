/* One HTTP exchange at a time and thread, by libcurl's easy interface: no redirect is followed here, no answer of any status is an error, nothing is retried. What a
 * registry's answers mean is registry_call.c's affair.
 *
 * HTTP/1.1 only: each layer has a connection of its own anyway, and a stream of HTTP/2 is slower there. Handles are kept with their open connections for
 * the next exchange of whichever thread; names and TLS sessions are shared by all, so that a further connection costs no full handshake.
 *
 * Proxies as of the environment: http_proxy, HTTP_PROXY (not in CGI), https_proxy, all_proxy and no_proxy in both cases; never for loopback.
 */
#ifndef CARREL_IMAGE_HTTP_H
#define CARREL_IMAGE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/error.h"
#include "util/mem.h"

enum {
	HTTP_HEADERS_MAX = 256 << 10,   /* of one answer, with those of interim answers */
	HTTP_EXCUSE_MAX = 64 << 10,     /* of the body of an answer that is no success; what is beyond is not read */
};

struct http_pem { /* a text in memory; NULL: none */
	char *text;
	size_t size;
};

/* Whom to trust, and who we are. Texts are malloced and this struct's. */
struct http_tls {
	bool no_verify;
	struct http_pem authorities; /* instead of the library's file */
	bool no_file;                /* not even that file: reading all of it takes longer than the handshake, and a folder is read one certificate at a time */
	char *ca_dir;                /* instead of the library's folder; NULL: that one */
	struct http_pem certificate, key;
};
void http_tls_done(struct http_tls *tls);

/* What to send: `size` bytes of `data`, or of `fd` from its first byte (by pread(2)). */
struct http_upload {
	const void *data;
	int fd;
	uint64_t size;
	void (*sent)(void *context, uint64_t done); /* may be NULL */
	void *context;
};

struct http_response;

struct http_request {
	const char *method, *url;
	const char *headers[8];      /* "Name: value"; ends with the first NULL */
	const struct http_tls *tls;
	bool with_certificate;       /* show ours, where the server asks */
	bool is_loopback;
	const struct http_upload *upload;
	/* The body of a 2xx answer: to `add` (-errno with `err` ends the exchange), else into the response, at most `limit` bytes. */
	int (*add)(void *context, const struct http_response *response, const void *data, size_t size, struct error *err);
	void *context;
	size_t limit;
	long stall_s;                /* so long without a byte: broken */
	long timeout_s;              /* 0: as long as it takes */
};

enum http_failure {
	HTTP_FINE,
	HTTP_STOPPED,     /* by `add`, or cancelled */
	HTTP_UNREACHABLE, /* no connection: name, address, proxy */
	HTTP_NO_TLS,      /* what came was no TLS, or it cannot agree with us */
	HTTP_UNTRUSTED,   /* the certificate */
	HTTP_BROKEN,      /* in the middle; may go well the next time */
	HTTP_HOPELESS,    /* no HTTP, too large, … */
};

struct http_header {
	const char *name, *value; /* name in lower case, value trimmed */
};

/* Embedded; emptied by http_response_done, which also accepts a zeroed one. */
struct http_response {
	enum http_failure failure;
	long status;         /* 0: none came */
	struct http_header *headers;
	size_t header_count;
	struct buf body;
	bool is_cut;         /* the body was longer than we read */
	struct arena arena;
};
void http_response_done(struct http_response *response);
/* The value of a header by its lower-case name; `previous`: the one after that (for WWW-Authenticate). NULL: there is none. */
const char *http_header(const struct http_response *response, const char *name, const char *previous);

/* "registry.example:5000" of an URL, for messages. */
void http_host_of(const char *url, char *ret, size_t size);

struct http;
/* Loads libcurl, where that has not been done: before the process confines itself. -ELIBACC: it is not there (libcurl.h). */
int http_new(struct http **ret, struct error *err) MUST_CHECK;
/* No exchange may be under way. Accepts NULL. */
void http_free(struct http *http);
/* From any thread, and for good: exchanges under way end within about a second, others do not begin (HTTP_STOPPED, -ECANCELED). */
void http_cancel(struct http *http);
bool http_is_cancelled(const struct http *http);

/* 0 with an answer, whatever its status; or -errno with `err` (its `what` is the host) and ret->failure. `ret` is zeroed or used before, and is to be done in either case. */
int http_exchange(struct http *http, const struct http_request *request, struct http_response *ret, struct error *err) MUST_CHECK;

#endif
