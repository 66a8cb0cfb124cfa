/* Docker's token authentication (distribution/docs/spec/auth/token.md and oauth.md): a 401 names a realm; there a token is to be had for a scope, for an account
 * (Basic), for an identity token (POST), or for nobody. The scope is ours, not the challenge's: a registry has no say in what we want to be allowed. */
#include "image/registry_parts.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#include "image/document.h"
#include "image/registry_url.h"
#include "util/buf.h"
#include "util/proc.h"

enum { TOKEN_MAX = 64 << 10, LEAST_S = 60, MOST_S = 86400, MARGIN_MS = 10000, TOKEN_TIMEOUT_S = 60 };

/* --- the tokens that we have --- */

static void forget(struct registry_endpoint *endpoint, const char *scope)
{
	for (struct registry_token **at = &endpoint->tokens; *at;) {
		struct registry_token *token = *at;

		if (scope && strcmp(token->scope, scope) != 0) {
			at = &token->next;
			continue;
		}
		*at = token->next;
		explicit_bzero(token->text, strlen(token->text));
		free(token->text);
		free(token->scope);
		free(token);
	}
}

static const struct registry_token *find(const struct registry_endpoint *endpoint, const char *scope)
{
	for (const struct registry_token *token = endpoint->tokens; token; token = token->next)
		if (!strcmp(token->scope, scope) && token->good_until_ms > proc_now_ms())
			return token;
	return NULL;
}

static void keep_identity(struct registry_endpoint *endpoint, char *token)
{
	if (endpoint->identity_token)
		explicit_bzero(endpoint->identity_token, strlen(endpoint->identity_token));
	free(endpoint->identity_token);
	endpoint->identity_token = token;
}

void registry_auth_done(struct registry_endpoint *endpoint)
{
	forget(endpoint, NULL);
	keep_identity(endpoint, NULL);
}

/* --- fetching one --- */

static char *basic_header(const struct credentials *credentials)
{
	cleanup_free char *pair = mem_printf("%s:%s", credentials->user, credentials->password);
	size_t size = strlen(pair);
	cleanup_free unsigned char *text = mem_alloc(size / 3 * 4 + 8);
	char *header;

	(void)EVP_EncodeBlock(text, (const unsigned char *)pair, (int)size);
	header = mem_printf("Authorization: Basic %s", (const char *)text);
	explicit_bzero(pair, size);
	explicit_bzero(text, size / 3 * 4 + 8);
	return header;
}

static bool has_account(const struct credentials *credentials)
{
	return credentials && credentials->user && credentials->password && credentials->password[0];
}

static bool has_identity(const struct credentials *credentials)
{
	return credentials && credentials->identity_token && credentials->identity_token[0];
}

/* The realm is the registry's word: it must be an address as safe as the registry's own. */
static int check_realm(const struct registry_endpoint *endpoint, const char *base, struct error *err)
{
	const char *realm = endpoint->challenge.realm;
	bool is_plain = !strncasecmp(realm, "http://", 7), is_same;
	char *url;
	int r;

	/* It is asked for as it stands here: without a scheme, libcurl would take plain http for it. */
	if (!is_plain && strncasecmp(realm, "https://", 8) != 0) {
		(void)error_set(err, EPROTO, "%s", endpoint->name);
		return error_cause(err, "it sends us to '%s' for a token, which is no address", realm);
	}
	r = registry_url_follow(base, realm, &url, &is_same, err);
	if (r < 0)
		return error_prefix(err, "%s asks for a token", endpoint->name);
	free(url);
	if (is_plain && endpoint->credentials && endpoint->registry->tls_verify && !registry_url_leads_to_loopback(realm)) {
		(void)error_set(err, EACCES, "%s", endpoint->name);
		(void)error_cause(err, "it wants the password sent to '%s', unprotected", realm);
		return error_hint(err, "--tls-verify=false allows that");
	}
	return 0;
}

static char *token_url(const struct registry_endpoint *endpoint, const char *scope)
{
	char *url = mem_strdup(endpoint->challenge.realm);
	const struct {
		const char *name, *value;
	} fields[] = {{"service", endpoint->challenge.service}, {"account", has_account(endpoint->credentials) ? endpoint->credentials->user : ""}};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		char *old = url;

		if (!fields[i].value[0])
			continue;
		url = registry_url_add(old, fields[i].name, fields[i].value);
		free(old);
	}
	while (*scope) {
		size_t length = strcspn(scope, " ");
		cleanup_free char *one = mem_printf("%.*s", (int)length, scope);
		char *old = url;

		url = registry_url_add(old, "scope", one);
		free(old);
		scope += length + (scope[length] == ' ');
	}
	return url;
}

/* A form of the kind application/x-www-form-urlencoded is a query without its address. */
static char *identity_form(const struct registry_endpoint *endpoint, const char *scope)
{
	const struct {
		const char *name, *value;
	} fields[] = {{"grant_type", "refresh_token"}, {"service", endpoint->challenge.service}, {"client_id", "carrel"}, {"scope", scope},
	    {"refresh_token", endpoint->identity_token ? endpoint->identity_token : endpoint->credentials->identity_token}};
	char *form = mem_strdup("?");
	char *result;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		char *old = form;

		if (!fields[i].value[0])
			continue; /* no service, or no scope: a login that is only tried */
		form = registry_url_add(old, fields[i].name, fields[i].value);
		explicit_bzero(old, strlen(old));
		free(old);
	}
	result = mem_strdup(form + 1);
	explicit_bzero(form, strlen(form));
	free(form);
	return result;
}

static int ask(struct registry_endpoint *endpoint, const char *scope, struct http_response *ret, struct error *err)
{
	struct http_request request = {.method = "GET", .limit = TOKEN_ANSWER_MAX, .stall_s = TOKEN_TIMEOUT_S, .timeout_s = TOKEN_TIMEOUT_S};
	cleanup_free char *authorization = NULL, *form = NULL, *url = NULL;
	struct http_upload upload;
	int r;

	if (has_identity(endpoint->credentials)) {
		form = identity_form(endpoint, scope);
		upload = (struct http_upload){.data = form, .size = strlen(form)};
		request.method = "POST";
		request.url = endpoint->challenge.realm;
		request.headers[0] = "Content-Type: application/x-www-form-urlencoded";
		request.upload = &upload;
	} else {
		request.url = url = token_url(endpoint, scope);
		authorization = has_account(endpoint->credentials) ? basic_header(endpoint->credentials) : NULL;
	}
	r = registry_exchange(endpoint, &request, authorization, form != NULL, ret, err);
	if (authorization)
		explicit_bzero(authorization, strlen(authorization));
	if (form)
		explicit_bzero(form, strlen(form));
	return r;
}

/* Fit for a header's line: visible ASCII, bounded. */
static bool is_token(const char *text)
{
	size_t length = text ? strlen(text) : 0;

	for (size_t i = 0; i < length; i++)
		if (text[i] <= 0x20 || text[i] >= 0x7f)
			return false;
	return length > 0 && length <= TOKEN_MAX;
}

/* NULL: it is no text. */
static const char *find_text(struct arena *arena, const struct document_value *root, const char *name)
{
	struct document_value value = document_field(root, name);
	const char *text = NULL;

	return document_is_text(&value) && document_text(arena, &value, &text, NULL) == 0 ? text : NULL;
}

/* What is no number says nothing. */
static int64_t find_seconds(const struct document_value *root)
{
	struct document_value value = document_field(root, "expires_in");
	int64_t seconds = 0;

	if (document_number(&value, 0, INT64_MAX, &seconds, NULL) < 0 || seconds < LEAST_S)
		return LEAST_S;
	return seconds > MOST_S ? MOST_S : seconds;
}

/* Both of malloc; `identity`: the next identity token, NULL where it stays the same. */
struct granted {
	char *text, *identity;
	int64_t good_until_ms;
};

/* token.md calls it "token", oauth.md "access_token"; some servers say both. */
static int read_token(const char *host, const struct buf *body, struct granted *ret, struct error *err)
{
	cleanup_document struct document document = {0};
	struct arena arena = {0};
	struct error inner = {0};
	struct document_value root;
	const char *text, *identity;
	int r = document_parse("its answer", body->size ? body->text : "", body->size, TOKEN_ANSWER_MAX, &document, &inner);

	if (r < 0) {
		(void)error_set(err, EPROTO, "%s", host);
		return error_cause(err, "its answer has no token: %s", inner.cause);
	}
	root = document_root(&document);
	text = find_text(&arena, &root, "token");
	text = text ? text : find_text(&arena, &root, "access_token");
	identity = find_text(&arena, &root, "refresh_token");
	if (is_token(text)) {
		*ret = (struct granted){mem_strdup(text), is_token(identity) ? mem_strdup(identity) : NULL, proc_now_ms() + find_seconds(&root) * 1000 - MARGIN_MS};
	} else {
		(void)error_set(err, EPROTO, "%s", host);
		r = error_cause(err, "its answer has no token");
	}
	arena_done(&arena);
	return r;
}

/* RFC 6749, section 5.2: a grant that is good no more is a 400; some say 401. */
static int refuse(struct registry_endpoint *endpoint, const char *host, const struct http_response *response, struct error *err)
{
	int r = registry_refusal(endpoint, host, response, err);

	if (has_identity(endpoint->credentials) && (response->status == 400 || response->status == 401))
		(void)error_hint(err, "the identity token (from %s) was not accepted, perhaps it is too old: `carrel login %s`",
		    endpoint->credentials->source ? endpoint->credentials->source : "the command line", endpoint->name);
	return r;
}

static int ask_patiently(struct registry_endpoint *endpoint, const char *scope, const char *host, struct http_response *ret, struct error *err)
{
	unsigned attempt = 0;
	bool passing;
	int r;

	do {
		r = ask(endpoint, scope, ret, err);
		if (r == 0 && ret->status >= 200 && ret->status < 300)
			return 0;
		passing = registry_is_passing(endpoint, r, ret);
		if (r == 0)
			r = refuse(endpoint, host, ret, err);
	} while (passing && registry_wait(endpoint, &attempt, ret, err));
	return r;
}

static int fetch(struct registry_endpoint *endpoint, const char *scope, const struct registry_token **ret, struct error *err)
{
	struct http_response response = {0};
	struct registry_token *token;
	struct granted granted = {0};
	const char *base;
	char host[256];
	int r = registry_base(endpoint, &base, err);

	if (r == 0)
		r = check_realm(endpoint, base, err);
	if (r < 0)
		return r;
	http_host_of(endpoint->challenge.realm, host, sizeof(host));
	r = ask_patiently(endpoint, scope, host, &response, err);
	if (r == 0)
		r = read_token(host, &response.body, &granted, err);
	if (response.body.text)
		explicit_bzero(response.body.text, response.body.size);
	http_response_done(&response);
	if (r < 0)
		return r;
	forget(endpoint, scope);
	if (granted.identity && has_identity(endpoint->credentials))
		keep_identity(endpoint, take_ptr(granted.identity));
	free(granted.identity); /* of one who has a password: nobody asked for it */
	token = mem_alloc(sizeof(*token));
	*token = (struct registry_token){.scope = mem_strdup(scope), .text = granted.text, .good_until_ms = granted.good_until_ms, .next = endpoint->tokens};
	endpoint->tokens = token;
	*ret = token;
	return 0;
}

/* --- what a call sends --- */

static int bearer_header(struct registry_endpoint *endpoint, const char *scope, char **ret, bool *ret_is_fresh, struct error *err)
{
	const struct registry_token *token = find(endpoint, scope);
	int r = 0;

	*ret_is_fresh = !token;
	if (!token)
		r = fetch(endpoint, scope, &token, err);
	if (r == 0)
		*ret = mem_printf("Authorization: Bearer %s", token->text);
	return r;
}

int registry_auth_header(struct registry_endpoint *endpoint, const char *scope, char **ret, struct registry_auth_use *ret_use, struct error *err)
{
	char *header = NULL;
	bool is_fresh = false;
	int r = 0;

	(void)pthread_mutex_lock(&endpoint->auth_lock);
	if (endpoint->challenge.scheme == REGISTRY_BEARER) {
		r = bearer_header(endpoint, scope, &header, &is_fresh, err);
	} else if (endpoint->challenge.scheme == REGISTRY_BASIC && has_account(endpoint->credentials)) {
		header = basic_header(endpoint->credentials);
		is_fresh = true;
	}
	*ret_use = (struct registry_auth_use){.generation = endpoint->generation, .is_fresh = is_fresh};
	(void)pthread_mutex_unlock(&endpoint->auth_lock);
	if (r == 0)
		*ret = header;
	return r;
}

bool registry_auth_refused(struct registry_endpoint *endpoint, const char *scope, const struct registry_auth_use *use, const struct http_response *response)
{
	struct registry_challenge challenge = {0};

	for (const char *value = http_header(response, "www-authenticate", NULL); value; value = http_header(response, "www-authenticate", value))
		registry_challenge_parse(value, &challenge);
	if (use->is_fresh || challenge.scheme == REGISTRY_ANONYMOUS || (challenge.scheme == REGISTRY_BASIC && !has_account(endpoint->credentials)))
		return false;
	(void)pthread_mutex_lock(&endpoint->auth_lock);
	if (endpoint->generation == use->generation) {
		endpoint->challenge = challenge;
		endpoint->generation++;
		forget(endpoint, scope);
	} /* else: another thread was here first */
	(void)pthread_mutex_unlock(&endpoint->auth_lock);
	return true;
}
