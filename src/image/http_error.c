#include "image/http_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void http_host_of(const char *url, char *ret, size_t size)
{
	const char *host = strstr(url, "://");
	const char *user;
	size_t length;

	host = host ? host + 3 : url;
	length = strcspn(host, "/?#");
	for (user = host + length; user > host && user[-1] != '@';)
		user--;
	length -= (size_t)(user - host);
	(void)snprintf(ret, size, "%.*s", (int)length, user);
}

struct meaning {
	CURLcode code;
	enum http_failure failure;
	int errnum;
	const char *hint; /* NULL: none */
};

static const struct meaning meanings[] = {
	{CURLE_COULDNT_RESOLVE_HOST, HTTP_UNREACHABLE, EHOSTUNREACH, "is the registry's name right, and is there a network? (a proxy is taken from HTTPS_PROXY and NO_PROXY)"},
	{CURLE_COULDNT_RESOLVE_PROXY, HTTP_UNREACHABLE, EHOSTUNREACH, "the proxy comes from the environment: see HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY"},
	{CURLE_COULDNT_CONNECT, HTTP_UNREACHABLE, ECONNREFUSED, "is the registry running, and is its name and port right? (a proxy is taken from HTTPS_PROXY and NO_PROXY)"},
	{CURLE_PEER_FAILED_VERIFICATION, HTTP_UNTRUSTED, EACCES, NULL},
	{CURLE_SSL_CACERT_BADFILE, HTTP_UNTRUSTED, EACCES, "the certificates to trust cannot be read: see SSL_CERT_FILE and the folders certs.d, or install ca-certificates"},
	{CURLE_SSL_CERTPROBLEM, HTTP_HOPELESS, EACCES, "our own certificate does not do: see the *.cert and *.key in the registry's folder below certs.d"},
	{CURLE_SSL_CONNECT_ERROR, HTTP_NO_TLS, EPROTO, "a registry that speaks plain http is reached with --tls-verify=false"},
	{CURLE_PARTIAL_FILE, HTTP_BROKEN, ECONNRESET, NULL},
	{CURLE_RECV_ERROR, HTTP_BROKEN, ECONNRESET, NULL},
	{CURLE_SEND_ERROR, HTTP_BROKEN, ECONNRESET, NULL},
	{CURLE_SEND_FAIL_REWIND, HTTP_BROKEN, ECONNRESET, NULL},
	{CURLE_GOT_NOTHING, HTTP_BROKEN, ECONNRESET, NULL},
	{CURLE_OPERATION_TIMEDOUT, HTTP_BROKEN, ETIMEDOUT, NULL},
	{CURLE_OUT_OF_MEMORY, HTTP_HOPELESS, ENOMEM, NULL},
	{CURLE_WEIRD_SERVER_REPLY, HTTP_HOPELESS, EPROTO, "what answers there is no registry"},
	{CURLE_UNSUPPORTED_PROTOCOL, HTTP_HOPELESS, EPROTO, "what answers there is no registry"},
};

static const struct meaning *look_up(CURLcode code)
{
	static const struct meaning other = {.failure = HTTP_HOPELESS, .errnum = EPROTO};

	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
		if (meanings[i].code == code)
			return &meanings[i];
	return &other;
}

static int untrusted(const char *host, struct error *err)
{
	return error_hint(err, "put its authority's certificate into /etc/docker/certs.d/%s/ca.crt or ~/.config/containers/certs.d/%s/ca.crt; or trust anybody with --tls-verify=false", host, host);
}

static int no_certificate(const char *host, struct http_response *response, struct error *err)
{
	response->failure = HTTP_HOPELESS;
	return error_hint(err, "it wants to see our certificate, and one that it knows: NAME.cert and NAME.key in ~/.config/containers/certs.d/%s/", host);
}

int http_explain(CURL *curl, CURLcode code, const struct http_request *request, struct http_response *response, const char *detail, struct error *err)
{
	const struct meaning *meaning = look_up(code);
	curl_off_t connected = 0;
	char host[256];

	http_host_of(request->url, host, sizeof(host));
	response->failure = meaning->failure;
	(void)error_set(err, meaning->errnum, "%s", host);
	(void)error_cause(err, "%s", detail[0] ? detail : libcurl.easy_strerror(code));
	(void)libcurl.easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &connected);
	if (code == CURLE_OPERATION_TIMEDOUT && connected == 0)
		response->failure = HTTP_UNREACHABLE;
	if (meaning->failure == HTTP_UNTRUSTED && !meaning->hint)
		return untrusted(host, err);
	if (code == CURLE_SSL_CONNECT_ERROR && (strstr(detail, "wrong version number") || strstr(detail, "packet length too long")))
		(void)error_cause(err, "it does not speak TLS there");
	if (meaning->hint)
		(void)error_hint(err, "%s", meaning->hint);
	if (strstr(detail, " alert ") && strstr(detail, "certificate")) /* with TLS 1.3 it comes after the handshake */
		return no_certificate(host, response, err);
	return -meaning->errnum;
}
