#include "image/registry_url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "image/libcurl.h"
#include "image/registry_excuse.h"
#include "util/buf.h"
#include "util/mem.h"

bool registry_url_is_loopback(const char *host)
{
	static const char *const names[] = {"localhost", ".localhost"};
	char name[256];
	const char *port = strrchr(host, ':');
	size_t length = port && !strchr(port, ']') ? (size_t)(port - host) : strlen(host);
	struct in_addr ip4;
	struct in6_addr ip6;

	if (length == 0 || length >= sizeof(name))
		return false;
	memcpy(name, host, length);
	name[length] = 0;
	if (name[0] == '[' && name[length - 1] == ']') {
		name[length - 1] = 0;
		return inet_pton(AF_INET6, name + 1, &ip6) == 1 && IN6_IS_ADDR_LOOPBACK(&ip6);
	}
	if (inet_pton(AF_INET, name, &ip4) == 1)
		return ntohl(ip4.s_addr) >> 24 == 127;
	return !strcasecmp(name, names[0]) || (length > strlen(names[1]) && !strcasecmp(name + length - strlen(names[1]), names[1]));
}

bool registry_url_leads_to_loopback(const char *url)
{
	const char *host = strstr(url, "://");
	char text[300];

	host = host ? host + 3 : url;
	(void)snprintf(text, sizeof(text), "%.*s", (int)strcspn(host, "/?#"), host);
	return !strchr(text, '@') && registry_url_is_loopback(text);
}

static void add_escaped(struct buf *out, const char *text, const char *allowed)
{
	for (const char *c = text; *c; c++) {
		bool is_plain = (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || strchr("-._~", *c) || strchr(allowed, *c);

		if (is_plain)
			buf_add(out, c, 1);
		else
			buf_printf(out, "%%%02X", (unsigned char)*c);
	}
}

char *registry_url_make(const char *base, const char *repository, const char *kind, const char *name)
{
	struct buf url = {0};

	buf_printf(&url, "%s/v2/", base);
	add_escaped(&url, repository, "/");
	buf_printf(&url, "/%s/", kind);
	add_escaped(&url, name, ":");
	return url.text;
}

char *registry_url_add(const char *url, const char *name, const char *value)
{
	struct buf out = {0};
	size_t length = strcspn(url, "#");
	const char *query = memchr(url, '?', length);

	buf_add(&out, url, length);
	if (!query)
		buf_puts(&out, "?");
	else if (query[1] && url[length - 1] != '&' && query + 1 < url + length)
		buf_puts(&out, "&");
	buf_printf(&out, "%s=", name);
	add_escaped(&out, value, "");
	return out.text;
}

/* --- where answers lead --- */

static char *part(CURLU *url, CURLUPart what)
{
	char *text = NULL;

	return libcurl.url_get(url, what, &text, what == CURLUPART_PORT ? CURLU_DEFAULT_PORT : 0) == CURLUE_OK ? text : NULL;
}

static bool parts_equal(CURLU *a, CURLU *b, CURLUPart what)
{
	char *of_a = part(a, what), *of_b = part(b, what);
	bool equal = of_a && of_b && !strcasecmp(of_a, of_b);

	libcurl.free(of_a);
	libcurl.free(of_b);
	return equal;
}

static int refuse(const char *location, int errnum, const char *why, struct error *err)
{
	char shown[200];

	registry_excuse_clean(location, strlen(location), shown, sizeof(shown));
	(void)error_set(err, errnum, "the answer leads to '%s'", shown);
	return error_cause(err, "%s", why);
}

static int follow(CURLU *from, CURLU *to, const char *base, const char *location, struct error *err)
{
	char *scheme, *user;
	int r = 0;

	if (libcurl.url_set(from, CURLUPART_URL, base, 0) != CURLUE_OK || libcurl.url_set(to, CURLUPART_URL, base, 0) != CURLUE_OK ||
	    libcurl.url_set(to, CURLUPART_URL, location, 0) != CURLUE_OK)
		return refuse(location, EPROTO, "that is no address", err);
	scheme = part(to, CURLUPART_SCHEME);
	user = part(to, CURLUPART_USER);
	if (!scheme || (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0))
		r = refuse(location, EPROTO, "only https and http are followed", err);
	else if (user)
		r = refuse(location, EPROTO, "an address with a user in it is not followed", err);
	else if (!strcmp(scheme, "http") && !strncasecmp(base, "https:", 6))
		r = refuse(location, EACCES, "from https to unprotected http is not followed", err);
	libcurl.free(scheme);
	libcurl.free(user);
	return r;
}

int registry_url_follow(const char *base, const char *location, char **ret_url, bool *ret_same_origin, struct error *err)
{
	CURLU *from = libcurl.url(), *to = libcurl.url();
	char *url = NULL;
	int r;

	if (!from || !to)
		abort(); /* no memory: as util/mem.h does */
	r = follow(from, to, base, location, err);
	if (r == 0 && libcurl.url_get(to, CURLUPART_URL, &url, 0) != CURLUE_OK)
		r = refuse(location, EPROTO, "that is no address", err);
	if (r == 0) {
		*ret_same_origin = parts_equal(from, to, CURLUPART_SCHEME) && parts_equal(from, to, CURLUPART_HOST) && parts_equal(from, to, CURLUPART_PORT);
		*ret_url = mem_strdup(url);
	}
	libcurl.free(url);
	libcurl.url_cleanup(from);
	libcurl.url_cleanup(to);
	return r;
}
