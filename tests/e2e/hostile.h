/* A registry that means no good: an HTTP server on 127.0.0.1, in threads of the test's own process, which answers each address as a script says. Needs nothing but the
 * C library; unit tests drive the client against it, end-to-end tests the program.
 *
 *	struct hostile *hostile = hostile_start();
 *
 *	hostile_route(hostile, &(const struct hostile_route){.path = "/v2/a/manifests/1", .answers = {
 *		{.times = 2, .status = 500},
 *		{.headers = "Content-Type: application/json\r\n", .body = "{}"},
 *	}});
 *	… hostile_host(hostile) …
 *	cr_expect_eq(hostile_requests(hostile, "GET /v2/a/manifests/1"), 3);
 *	hostile_stop(hostile);
 *
 * What is no HTTP (TLS, say) gets status 400 and the end of the connection. Connections are kept alive unless an answer ends them.
 */
#ifndef CARREL_TESTS_E2E_HOSTILE_H
#define CARREL_TESTS_E2E_HOSTILE_H

#include <stdbool.h>
#include <stddef.h>

/* For scripts that make what it serves: `sums FILE…` writes FILE.sum and FILE.size, `descriptor TYPE FILE` prints the file's descriptor, of the OCI media type that ends so. */
#define HOSTILE_OCI "application/vnd.oci.image."
#define HOSTILE_SHELL \
	"sums() { for f; do sha256sum <$f | cut -c 1-64 | tr -d '\\n' >$f.sum; wc -c <$f | tr -d ' \\n' >$f.size; done; }\n" \
	"descriptor() { printf '{\"mediaType\":\"" HOSTILE_OCI "%s\",\"digest\":\"sha256:%s\",\"size\":%s}' $1 $(cat $2.sum) $(cat $2.size); }\n"

enum { HOSTILE_ANSWERS = 6, HOSTILE_NO_LENGTH = -1 };

struct hostile_answer {
	int times;               /* so often, then the next one counts; 0: for ever */
	int status;              /* 0: 200 */
	const char *headers;     /* "Name: value\r\n", any number */
	const char *body;        /* NULL: empty */
	size_t size;             /* of the body; 0: strlen */
	const char *file;        /* or this file's content */
	long long total;         /* the body again and again until so many bytes; 0: once */
	bool endless;            /* the same without end, in chunks */
	long long announce;      /* the Content-Length that is told; 0: the true one; HOSTILE_NO_LENGTH: none */
	size_t cut_after;        /* of the body, then the connection breaks (reset); 0: not */
	bool ranges;             /* "Range: bytes=N-" is obeyed */
	int delay_ms, pause_ms;  /* before the answer; after each kilobyte of the body */
	const char *raw;         /* instead of the head: anything; then the connection ends */
	const char *needs;       /* what the request's head must contain, */
	const char *or_else;     /* or else it is a 401 with these headers */
};

struct hostile_route {
	const char *method; /* NULL: any */
	const char *path;   /* with its query, or up to a '*' at the end */
	struct hostile_answer answers[HOSTILE_ANSWERS];
};

struct hostile;
struct hostile *hostile_start(void);
/* Ends the threads and frees everything. */
void hostile_stop(struct hostile *hostile);
const char *hostile_host(const struct hostile *hostile); /* "127.0.0.1:PORT" */

/* Newer routes go before older ones. All texts must live as long as the server. Without a route: 404. */
void hostile_route(struct hostile *hostile, const struct hostile_route *route);

/* How many requests came whose head and body contain this text ("GET /v2/", "Authorization"); how many connections. */
int hostile_requests(struct hostile *hostile, const char *text);
int hostile_connections(struct hostile *hostile);
/* All of them, for messages; valid until the next request. */
const char *hostile_log(struct hostile *hostile);

#endif
