/* Getting a blob is a loop of attempts over one position: what was delivered stays delivered, and each attempt goes on behind it, by a Range where the registry
 * obeys it, else by passing over what comes again. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "image/registry_parts.h"
#include "util/units.h"

enum { PROGRESS_WORTH = 256 << 10 }; /* an attempt that brought this much was no failure */

struct download {
	struct registry_endpoint *endpoint;
	const struct digest *digest;
	uint64_t size, delivered;
	const struct registry_sink *sink;
	bool no_range;      /* the registry cannot, or lies */
	bool has_begun;     /* this attempt */
	uint64_t to_skip;   /* of this attempt's body */
	bool sink_ended, lies;
};

static int lie(struct download *download, struct error *err, const char *cause)
{
	download->lies = true;
	(void)error_set(err, EBADMSG, "%s", download->endpoint->name);
	(void)error_cause(err, "%s", cause);
	return error_hint(err, "the manifest says %llu bytes", (unsigned long long)download->size);
}

/* Content-Range (RFC 9110, section 14.4): does this part begin where we are? */
static bool continues_here(const struct http_response *response, uint64_t position, uint64_t size)
{
	const char *text = http_header(response, "content-range", NULL);
	unsigned long long first, last, total;
	int fields = text ? sscanf(text, "bytes %llu-%llu/%llu", &first, &last, &total) : 0;

	return fields >= 2 && first == position && last < size && (fields < 3 || total == size);
}

/* Before the first byte of an attempt. */
static int begin(struct download *download, const struct http_response *response, struct error *err)
{
	const char *length = http_header(response, "content-length", NULL);
	uint64_t expected = response->status == 206 ? download->size - download->delivered : download->size;
	char cause[128];
	int64_t announced;

	download->has_begun = true;
	download->to_skip = response->status == 206 ? 0 : download->delivered;
	if (response->status == 206 && !continues_here(response, download->delivered, download->size)) {
		download->no_range = true;
		(void)error_set(err, EPROTO, "%s", download->endpoint->name);
		return error_cause(err, "it sent another part than the one that was asked for");
	}
	if (!length || (units_parse_number(length, 0, INT64_MAX, &announced) == 0 && (uint64_t)announced == expected))
		return 0;
	(void)snprintf(cause, sizeof(cause), "it announces %.20s bytes, which is not the blob's size", length);
	return lie(download, err, cause);
}

static int add(void *context, const struct http_response *response, const void *data, size_t size, struct error *err)
{
	struct download *download = context;
	int r = download->has_begun ? 0 : begin(download, response, err);
	size_t skipped;

	if (r < 0)
		return r;
	skipped = download->to_skip < size ? (size_t)download->to_skip : size;
	download->to_skip -= skipped;
	size -= skipped;
	if (size > download->size - download->delivered)
		return lie(download, err, "it sends more than the blob's size");
	if (size == 0)
		return 0;
	r = download->sink->add(download->sink->context, (const char *)data + skipped, size, err);
	if (r < 0) {
		download->sink_ended = true;
		return r;
	}
	download->delivered += size;
	return 0;
}

static int short_body(struct download *download, struct http_response *response, struct error *err)
{
	if (!download->has_begun && download->size > 0 && http_header(response, "content-length", NULL)) {
		int r = begin(download, response, err);

		if (r < 0)
			return r;
	}
	response->failure = HTTP_BROKEN;
	(void)error_set(err, EPIPE, "%s", download->endpoint->name);
	return error_cause(err, "the blob ends after %llu of %llu bytes", (unsigned long long)download->delivered, (unsigned long long)download->size);
}

/* 0: all is delivered. */
static int attempt(struct download *download, struct http_response *response, struct error *err)
{
	struct registry_call call = {.method = "GET", .kind = "blobs", .name = download->digest->text, .may_last = true, .add = add, .context = download};
	char range[64];
	int r;

	download->has_begun = false;
	if (download->delivered && !download->no_range) {
		(void)snprintf(range, sizeof(range), "Range: bytes=%llu-", (unsigned long long)download->delivered);
		call.headers[0] = range;
	}
	r = registry_call(download->endpoint, &call, response, err);
	if (r == 0 && (response->status == 200 || response->status == 206))
		return download->delivered == download->size ? 0 : short_body(download, response, err);
	if (r == 0 && response->status == 416 && call.headers[0]) {
		download->no_range = true;
		response->failure = HTTP_BROKEN;
		r = registry_refusal(download->endpoint, download->endpoint->name, response, err);
	} else if (r == 0) {
		r = registry_refusal(download->endpoint, download->endpoint->name, response, err);
	}
	return r;
}

static bool may_try_again(const struct download *download, int r, const struct http_response *response, bool range_was_bad)
{
	if (download->sink_ended || download->lies)
		return false;
	if (range_was_bad)
		return true;
	return registry_is_passing(download->endpoint, response->failure == HTTP_FINE && response->status ? 0 : r, response);
}

/* From one host, as far as it gets. */
static int get_from(struct download *download, struct error *err)
{
	struct registry *registry = download->endpoint->registry;
	unsigned attempts = 0;
	int r;

	for (;;) {
		struct http_response response = {0};
		uint64_t before = download->delivered;
		bool had_range = !download->no_range, again;

		r = attempt(download, &response, err);
		if (download->delivered - before >= PROGRESS_WORTH)
			attempts = 0;
		again = r < 0 && may_try_again(download, r, &response, had_range && download->no_range);
		if (again) {
			progress_report(registry->progress, download->digest->text, PROGRESS_RETRYING, download->delivered, download->size);
			again = registry_wait(download->endpoint, &attempts, &response, err);
		}
		http_response_done(&response);
		if (!again)
			return r;
	}
}

int registry_get_blob(struct registry *registry, const struct digest *digest, uint64_t size, const struct registry_sink *sink, struct error *err)
{
	struct download download = {.digest = digest, .size = size, .sink = sink};
	int r = -ENOENT;

	for (size_t i = 0; i < registry->endpoint_count; i++) {
		struct error failure = {0};

		download.endpoint = &registry->endpoints[i];
		if (download.endpoint->is_useless)
			continue;
		download.no_range = download.lies = false;
		r = get_from(&download, &failure);
		if (r == 0)
			return 0;
		if (err)
			*err = failure;
		if (download.sink_ended || http_is_cancelled(registry->http))
			return r;
		if (download.endpoint->is_mirror)
			registry_give_up_mirror(download.endpoint, &failure);
	}
	return error_prefix(err, "cannot get the blob %s of '%s'", digest->text, registry->name);
}
