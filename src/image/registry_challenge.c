#include "image/registry_challenge.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "util/mem.h"

/* tchar of RFC 9110, section 5.6.2. */
static bool is_token(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static const char *skip_blanks(const char *at)
{
	return at + strspn(at, " \t");
}

static const char *skip_separators(const char *at)
{
	return at + strspn(at, " \t,");
}

static size_t token_length(const char *at)
{
	size_t length = 0;

	while (is_token(at[length]))
		length++;
	return length;
}

/* A token or a quoted string at *at, into a buffer. False: too long, or control characters; *at is behind it nevertheless. */
static bool take_value(const char **at, char *ret, size_t size)
{
	bool is_quoted = **at == '"', fits = true;
	size_t length = 0;

	*at += is_quoted;
	while (is_quoted ? (**at && **at != '"') : is_token(**at) || (**at && strchr(":/?=@[]", **at))) {
		if (is_quoted && **at == '\\' && (*at)[1])
			(*at)++;
		if (length + 1 >= size || (unsigned char)**at < 0x20 || **at == 0x7f)
			fits = false;
		else
			ret[length++] = **at;
		(*at)++;
	}
	*at += is_quoted && **at == '"';
	ret[length] = 0;
	return fits;
}

struct parameters {
	char realm[1024], service[512], error[64];
};

static void keep(struct parameters *parameters, const char *name, size_t length, const char *value)
{
	const struct {
		const char *name;
		char *place;
		size_t size;
	} places[] = {
		{"realm", parameters->realm, sizeof(parameters->realm)},
		{"service", parameters->service, sizeof(parameters->service)},
		{"error", parameters->error, sizeof(parameters->error)},
	};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (length == strlen(places[i].name) && !strncasecmp(places[i].name, name, length) && !places[i].place[0] && strlen(value) < places[i].size)
			memcpy(places[i].place, value, strlen(value) + 1);
}

/* name=value, name = "value", … up to what is no such pair: the next challenge, or the end. */
static const char *take_parameters(const char *at, struct parameters *ret)
{
	char value[1024];

	for (;;) {
		const char *name = skip_separators(at), *behind;
		size_t length = token_length(name);

		behind = skip_blanks(name + length);
		if (length == 0 || *behind != '=')
			return at;
		at = skip_blanks(behind + 1);
		if (take_value(&at, value, sizeof(value)))
			keep(ret, name, length, value);
	}
}

static void consider(struct registry_challenge *challenge, const char *scheme, size_t length, const struct parameters *parameters)
{
	bool is_bearer = length == 6 && !strncasecmp(scheme, "Bearer", 6);
	bool is_basic = length == 5 && !strncasecmp(scheme, "Basic", 5);

	if (is_bearer && parameters->realm[0] && challenge->scheme < REGISTRY_BEARER) {
		challenge->scheme = REGISTRY_BEARER;
		memcpy(challenge->realm, parameters->realm, sizeof(challenge->realm));
		memcpy(challenge->service, parameters->service, sizeof(challenge->service));
		memcpy(challenge->error, parameters->error, sizeof(challenge->error));
	} else if (is_basic && challenge->scheme < REGISTRY_BASIC) {
		challenge->scheme = REGISTRY_BASIC;
	} else if (!is_bearer && !is_basic && !challenge->other[0] && length < sizeof(challenge->other)) {
		memcpy(challenge->other, scheme, length);
		challenge->other[length] = 0;
	}
}

void registry_challenge_parse(const char *value, struct registry_challenge *challenge)
{
	const char *at = value;

	for (;;) {
		struct parameters parameters = {0};
		const char *scheme = skip_separators(at);
		size_t length = token_length(scheme);

		if (length == 0)
			return;
		at = take_parameters(scheme + length, &parameters);
		consider(challenge, scheme, length, &parameters);
		/* Where neither a parameter nor a scheme can begin (token68, or nonsense), go on behind it. */
		if (*skip_separators(at) && token_length(skip_separators(at)) == 0)
			at += strcspn(at, ",");
	}
}
