#include "image/registry_parts.h"

#include <errno.h>
#include <string.h>

#include "image/registry_url.h"

enum { PROBE_LOOPBACK_S = 5, PROBE_S = 30 };

static bool is_redirect(long status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static int too_many(const char *host, struct error *err)
{
	(void)error_set(err, ELOOP, "%s", host);
	(void)error_cause(err, "it sends us from one address to the next, more than %d times", REDIRECTS_MAX);
	return error_hint(err, "the registry, or a proxy before it, is set up wrong");
}

/* Where the answer sends us: 1 and *url changed, 0: nowhere, or -errno. */
static int next_address(const struct http_request *request, const struct http_response *response, bool is_secret, char **url, bool *is_origin, struct error *err)
{
	const char *location = http_header(response, "location", NULL);
	bool reads = !strcmp(request->method, "GET") || !strcmp(request->method, "HEAD"), is_same;
	char *next;
	int r;

	/* (After 301 to 303 another method would become GET, which is not what was to be done.) */
	if (!is_redirect(response->status) || !location || (!reads && response->status < 307))
		return 0;
	r = registry_url_follow(*url, location, &next, &is_same, err);
	if (r < 0)
		return r;
	if (is_secret && !is_same) {
		free(next);
		(void)error_set(err, EACCES, "%s", *url);
		return error_cause(err, "it sends our credentials on to another host");
	}
	/* Once elsewhere, we do not come back with the credentials. */
	*is_origin &= is_same;
	free(*url);
	*url = next;
	return 1;
}

static void add_header(struct http_request *request, const char *header)
{
	size_t count = 0;

	while (request->headers[count])
		count++;
	if (count + 1 >= ARRAY_SIZE(request->headers))
		abort(); /* ours alone: see struct registry_call */
	request->headers[count] = header;
}

int registry_exchange(struct registry_endpoint *endpoint, const struct http_request *request, const char *authorization, bool is_secret, struct http_response *ret,
    struct error *err)
{
	cleanup_free char *url = mem_strdup(request->url);
	bool is_origin = true;
	int r = 0;

	for (int hops = 0; hops <= REDIRECTS_MAX; hops++) {
		struct http_request now = *request;

		now.url = url;
		now.tls = &endpoint->tls;
		now.is_loopback = registry_url_leads_to_loopback(url);
		now.with_certificate = request->with_certificate && is_origin;
		if (is_origin && authorization)
			add_header(&now, authorization);
		r = http_exchange(endpoint->registry->http, &now, ret, err);
		if (r < 0)
			return r;
		r = next_address(request, ret, is_secret, &url, &is_origin, err);
		if (r < 0)
			ret->failure = HTTP_HOPELESS;
		if (r <= 0)
			return r;
	}
	ret->failure = HTTP_HOPELESS;
	return too_many(endpoint->name, err);
}

/* --- https or http --- */

/* An anonymous GET /v2/ by https, to see whether TLS is spoken; whose certificate it is matters only when there is something to tell. */
static int probe(struct registry_endpoint *endpoint, struct error *err)
{
	cleanup_free char *url = mem_printf("https://%s/v2/", endpoint->host);
	const struct http_tls anybody = {.no_verify = true, .certificate = endpoint->tls.certificate, .key = endpoint->tls.key};
	const struct http_request request = {.method = "GET", .url = url, .tls = &anybody, .with_certificate = true, .is_loopback = endpoint->is_loopback,
	    .limit = HTTP_EXCUSE_MAX, .timeout_s = endpoint->is_loopback ? PROBE_LOOPBACK_S : PROBE_S};
	struct http_response response = {0};
	struct error failure = {0};
	int r = http_exchange(endpoint->registry->http, &request, &response, &failure);

	if (r == 0 || response.failure == HTTP_HOPELESS || response.failure == HTTP_BROKEN)
		r = 1;
	else if (response.failure == HTTP_NO_TLS)
		r = 0;
	else if (err)
		*err = failure;
	http_response_done(&response);
	return r;
}

int registry_base(struct registry_endpoint *endpoint, const char **ret, struct error *err)
{
	int speaks_tls = 1;

	(void)pthread_mutex_lock(&endpoint->base_lock);
	if (!endpoint->base) {
		if (endpoint->is_loopback || !endpoint->registry->tls_verify)
			speaks_tls = probe(endpoint, err);
		if (speaks_tls >= 0)
			endpoint->base = mem_printf("%s://%s", speaks_tls ? "https" : "http", endpoint->host);
	}
	(void)pthread_mutex_unlock(&endpoint->base_lock);
	if (speaks_tls < 0)
		return speaks_tls;
	*ret = endpoint->base;
	return 0;
}
