#include "image/registry_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "image/registry_excuse.h"

static const struct {
	long status;
	int errnum;
	const char *name; /* RFC 9110, section 15 */
} statuses[] = {
	{400, EPROTO, "Bad Request"}, {401, EACCES, "Unauthorized"}, {403, EACCES, "Forbidden"}, {404, ENOENT, "Not Found"}, {405, EPROTO, "Method Not Allowed"},
	{407, EACCES, "Proxy Authentication Required"}, {408, EAGAIN, "Request Timeout"}, {413, EFBIG, "Content Too Large"}, {416, EPROTO, "Range Not Satisfiable"},
	{429, EAGAIN, "Too Many Requests"}, {451, EACCES, "Unavailable For Legal Reasons"}, {500, EREMOTEIO, "Internal Server Error"}, {502, EREMOTEIO, "Bad Gateway"},
	{503, EREMOTEIO, "Service Unavailable"}, {504, EREMOTEIO, "Gateway Timeout"},
};

static int no_entry(const struct registry_endpoint *endpoint, const struct registry_excuse *excuse, struct error *err)
{
	if (!strcmp(excuse->code, "MANIFEST_UNKNOWN"))
		return error_hint(err, "is the tag right? `skopeo list-tags docker://%s` shows what there is", endpoint->registry->name);
	if (!strcmp(excuse->code, "NAME_UNKNOWN"))
		return error_hint(err, "is the name right? the registry has no repository '%s'", endpoint->registry->repository);
	return error_hint(err, "is the name or tag right? (%s)", endpoint->registry->name);
}

/* Registries say 401 and 403 for what does not exist too, since they do not tell strangers which names there are. */
static int no_access(const struct registry_endpoint *endpoint, long status, struct error *err)
{
	const struct credentials *credentials = endpoint->credentials;

	if (!credentials || (!credentials->user && !credentials->identity_token))
		return error_hint(err, "there is no such repository, or it is not for everybody: is the name right? else `carrel login %s`", endpoint->name);
	if (status == 401)
		return error_hint(err, "the account '%s' (from %s) was not accepted: `carrel login %s`", credentials->user ? credentials->user : "",
		    credentials->source ? credentials->source : "the command line", endpoint->name);
	return error_hint(err, "the account '%s' may not do that, or there is no such repository: is the name right? else `carrel login %s` as somebody else",
	    credentials->user ? credentials->user : "", endpoint->name);
}

/* A scheme that we do not speak; NULL: there is another reason. */
static bool asks_for_other(const struct http_response *response, char ret_scheme[32])
{
	struct registry_challenge challenge = {0};

	for (const char *value = http_header(response, "www-authenticate", NULL); value; value = http_header(response, "www-authenticate", value))
		registry_challenge_parse(value, &challenge);
	memcpy(ret_scheme, challenge.other, sizeof(challenge.other));
	return challenge.scheme == REGISTRY_ANONYMOUS && challenge.other[0];
}

static int add_hint(const struct registry_endpoint *endpoint, long status, const struct registry_excuse *excuse, struct error *err)
{
	if (status == 401 || status == 403)
		return no_access(endpoint, status, err);
	if (status == 404)
		return no_entry(endpoint, excuse, err);
	if (status == 407)
		return error_hint(err, "the proxy wants a password: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT");
	if (status == 429 && !endpoint->credentials)
		return error_hint(err, "it limits what strangers may pull: `carrel login %s`, or wait", endpoint->name);
	if (status == 429)
		return error_hint(err, "try again later");
	if (status >= 500)
		return error_hint(err, "the registry has a problem; try again later");
	if (status >= 300 && status < 400)
		return error_hint(err, "the registry, or a proxy before it, is set up wrong");
	return -err->code;
}

int registry_refusal(const struct registry_endpoint *endpoint, const char *host, const struct http_response *response, struct error *err)
{
	const char *type = http_header(response, "content-type", NULL), *name = "";
	int errnum = response->status >= 500 ? EREMOTEIO : EPROTO;
	struct registry_excuse excuse;
	struct error ignored;
	char scheme[32];

	if (!err)
		err = &ignored;
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		if (statuses[i].status == response->status) {
			errnum = statuses[i].errnum;
			name = statuses[i].name;
		}
	}
	registry_excuse_parse(type, response->body.text, response->body.size, &excuse);
	(void)error_set(err, errnum, "%s", host);
	(void)error_cause(err, "%ld%s%s%s%s", response->status, name[0] ? " " : "", name, excuse.message[0] ? ": " : "", excuse.message);
	if (response->status == 401 && asks_for_other(response, scheme))
		return error_hint(err, "it wants us to authenticate by '%s', which carrel does not speak", scheme);
	return add_hint(endpoint, response->status, &excuse, err);
}
