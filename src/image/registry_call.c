#include "image/registry_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "image/libcurl.h"
#include "image/registry_url.h"
#include "util/proc.h"
#include "util/units.h"

enum { PAUSE_MAX_MS = 30000, SMALL_TIMEOUT_S = 300 };

static char *scope_of(const struct registry *registry, const struct registry_call *call)
{
	const char *actions = call->pushes ? "pull,push" : "pull";

	if (call->is_unscoped)
		return mem_strdup("");
	if (call->from)
		return mem_printf("repository:%s:%s repository:%s:pull", registry->repository, actions, call->from);
	return mem_printf("repository:%s:%s", registry->repository, actions);
}

static char *url_of(const struct registry *registry, const char *base, const struct registry_call *call)
{
	char *url, *old;

	if (call->url)
		return mem_strdup(call->url);
	if (!call->kind)
		return mem_printf("%s/v2/", base);
	url = registry_url_make(base, registry->repository, call->kind, call->name);
	if (call->from) {
		url = registry_url_add(old = url, "mount", call->mount);
		free(old);
		url = registry_url_add(old = url, "from", call->from);
		free(old);
	}
	return url;
}

/* May this address see our credentials? (An upload's Location is the registry's word.) */
static bool is_ours(const char *base, const char *url)
{
	char *resolved;
	bool is_same;

	if (registry_url_follow(base, url, &resolved, &is_same, NULL) < 0)
		return false;
	free(resolved);
	return is_same;
}

/* What was wrong there was tried patiently already. */
static int no_token(struct http_response *ret, int r)
{
	http_response_done(ret);
	ret->failure = HTTP_HOPELESS;
	return r;
}

int registry_call(struct registry_endpoint *endpoint, const struct registry_call *call, struct http_response *ret, struct error *err)
{
	struct registry *registry = endpoint->registry;
	const char *base;
	int r = registry_base(endpoint, &base, err);
	cleanup_free char *url = r == 0 ? url_of(registry, base, call) : NULL;
	cleanup_free char *scope = scope_of(registry, call);

	while (r == 0) {
		struct http_request request = {.method = call->method, .url = url, .upload = call->upload, .add = call->add, .context = call->context, .limit = call->limit,
		    .stall_s = call->upload ? registry->upload_stall_s : registry->stall_s, .timeout_s = call->may_last ? 0 : SMALL_TIMEOUT_S};
		cleanup_free char *authorization = NULL;
		struct registry_auth_use use = {0};
		bool ours = is_ours(base, url);

		request.with_certificate = ours;
		memcpy(request.headers, call->headers, sizeof(call->headers));
		r = ours ? registry_auth_header(endpoint, scope, &authorization, &use, err) : 0;
		if (r < 0)
			return no_token(ret, r);
		r = registry_exchange(endpoint, &request, authorization, false, ret, err);
		endpoint->has_answered |= ret->status != 0;
		if (authorization)
			explicit_bzero(authorization, strlen(authorization));
		if (r < 0 || !ours || ret->status != 401 || !registry_auth_refused(endpoint, scope, &use, ret))
			return r;
	}
	return r;
}

/* --- patience --- */

bool registry_is_passing(const struct registry_endpoint *endpoint, int r, const struct http_response *response)
{
	static const long passing[] = {408, 429, 500, 502, 503, 504};

	if (r < 0)
		return response->failure == HTTP_BROKEN || (response->failure == HTTP_UNREACHABLE && endpoint->has_answered);
	for (size_t i = 0; i < ARRAY_SIZE(passing); i++)
		if (response->status == passing[i])
			return true;
	return false;
}

/* Retry-After (RFC 9110, section 10.2.3): seconds or a date. -1: not said. */
static int64_t asked_to_wait_ms(const struct http_response *response)
{
	const char *text = http_header(response, "retry-after", NULL);
	int64_t seconds;
	time_t date;

	if (!text)
		return -1;
	if (units_parse_number(text, 0, INT32_MAX, &seconds) == 0)
		return seconds * 1000;
	date = libcurl.getdate(text, NULL);
	if (date < 0)
		return -1;
	return date > time(NULL) ? (date - time(NULL)) * 1000 : 0;
}

/* Three quarters to five quarters of it, so that many who were refused at once do not come back at once. */
static int64_t jitter(int64_t ms)
{
	uint32_t number = 0;

	(void)!getrandom(&number, sizeof(number), 0); /* without it: no jitter */
	return ms * 3 / 4 + (int64_t)((uint64_t)ms * number / UINT32_MAX / 2);
}

static void say_why(const struct registry_endpoint *endpoint, int64_t pause_ms, const struct http_response *response, const struct error *err)
{
	char text[512], pause[UNITS_TEXT];

	(void)units_format_duration((uint64_t)(pause_ms < 1000 ? pause_ms : pause_ms / 1000 * 1000), pause);
	if (response->failure == HTTP_FINE && response->status >= 300)
		(void)snprintf(text, sizeof(text), "%s: status %ld; trying again in %s", endpoint->name, response->status, pause);
	else
		(void)snprintf(text, sizeof(text), "%s: %s; trying again in %s", endpoint->name, err ? err->cause : "the connection broke", pause);
	progress_say(endpoint->registry->progress, text);
}

/* In pieces, so that a call that is cancelled meanwhile does not sleep on. */
static bool pause_ms(const struct registry *registry, int64_t ms)
{
	enum { PIECE_MS = 200 };

	for (; ms > 0 && !http_is_cancelled(registry->http); ms -= PIECE_MS) {
		int64_t piece = ms < PIECE_MS ? ms : PIECE_MS;

		(void)nanosleep(&(const struct timespec){piece / 1000, piece % 1000 * 1000000}, NULL);
	}
	return !http_is_cancelled(registry->http);
}

bool registry_wait(struct registry_endpoint *endpoint, unsigned *attempt, const struct http_response *response, struct error *err)
{
	const struct registry *registry = endpoint->registry;
	int64_t asked = response->failure == HTTP_FINE ? asked_to_wait_ms(response) : -1, pause;

	if (asked > (int64_t)RETRY_AFTER_MAX_S * 1000) {
		(void)error_hint(err, endpoint->credentials ? "it asks us to come back in %" PRId64 " minutes" : "it asks us to come back in %" PRId64 " minutes; it may allow more after `carrel login %s`",
		    asked / 60000 + 1, endpoint->name);
		return false;
	}
	if (++*attempt >= registry->attempts)
		return false;
	pause = registry->first_pause_ms << (*attempt < 8 ? *attempt - 1 : 7);
	pause = jitter(pause < PAUSE_MAX_MS ? pause : PAUSE_MAX_MS);
	if (asked > pause)
		pause = asked;
	say_why(endpoint, pause, response, err);
	return pause_ms(registry, pause);
}

int registry_call_patiently(struct registry_endpoint *endpoint, const struct registry_call *call, long also, struct http_response *ret, struct error *err)
{
	unsigned attempt = 0;
	bool passing;
	int r;

	do {
		r = registry_call(endpoint, call, ret, err);
		if (r == 0 && ((ret->status >= 200 && ret->status < 300) || (also && ret->status == also)))
			return 0;
		passing = registry_is_passing(endpoint, r, ret);
		if (r == 0)
			r = registry_refusal(endpoint, endpoint->name, ret, err);
	} while (passing && registry_wait(endpoint, &attempt, ret, err));
	return r;
}
