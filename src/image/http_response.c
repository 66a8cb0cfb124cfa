#include "image/http_parts.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void http_response_done(struct http_response *response)
{
	buf_done(&response->body);
	arena_done(&response->arena);
	*response = (struct http_response){0};
}

const char *http_header(const struct http_response *response, const char *name, const char *previous)
{
	for (size_t i = 0; i < response->header_count; i++) {
		const struct http_header *header = &response->headers[i];

		if (previous) {
			if (header->value == previous)
				previous = NULL;
		} else if (!strcmp(header->name, name)) {
			return header->value;
		}
	}
	return NULL;
}

static void add_header(struct http_response *response, const char *line, size_t size)
{
	const char *colon = memchr(line, ':', size);
	const char *value, *end = line + size;
	struct http_header *header;
	char *name;

	if (!colon || colon == line)
		return;
	for (value = colon + 1; value < end && isspace((unsigned char)*value);)
		value++;
	while (end > value && isspace((unsigned char)end[-1]))
		end--;
	name = arena_strndup(&response->arena, line, (size_t)(colon - line));
	for (char *c = name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	response->headers = arena_grow(&response->arena, response->headers, response->header_count, sizeof(*response->headers));
	header = &response->headers[response->header_count++];
	header->name = name;
	header->value = arena_strndup(&response->arena, value, (size_t)(end - value));
}

int http_response_line(struct http_response *response, const char *line, size_t size, size_t *taken, struct error *err)
{
	*taken += size;
	if (*taken > HTTP_HEADERS_MAX) {
		response->failure = HTTP_HOPELESS;
		(void)error_set(err, EMSGSIZE, "the answer's headers");
		return error_cause(err, "more than %d kB of headers", HTTP_HEADERS_MAX >> 10);
	}
	if (size > 5 && !memcmp(line, "HTTP/", 5)) /* the final answer, after an interim one or the proxy's */
		response->header_count = 0;
	else
		add_header(response, line, size);
	return 0;
}

static int too_long(struct http_response *response, size_t limit, struct error *err)
{
	response->failure = HTTP_HOPELESS;
	(void)error_set(err, EMSGSIZE, "the answer's body");
	return error_cause(err, "it is longer than the %zu bytes that are allowed here", limit);
}

static bool announces_more(const struct http_response *response, size_t limit)
{
	const char *length = http_header(response, "content-length", NULL);

	return length && strtoull(length, NULL, 10) > limit;
}

int http_response_body(struct http_response *response, const struct http_request *request, const void *data, size_t size, struct error *err)
{
	bool is_success = response->status >= 200 && response->status < 300;
	size_t limit = is_success ? request->limit : HTTP_EXCUSE_MAX;
	int r;

	if (is_success && request->add) {
		r = request->add(request->context, response, data, size, err);
		if (r < 0)
			response->failure = HTTP_STOPPED;
		return r;
	}
	if (size > limit - response->body.size || (is_success && response->body.size == 0 && announces_more(response, limit))) {
		if (is_success)
			return too_long(response, limit, err);
		/* An excuse without end is cut: what it says stands at its beginning. */
		response->is_cut = true;
		return -EMSGSIZE;
	}
	buf_add(&response->body, data, size);
	return 0;
}
