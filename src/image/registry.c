#include "image/registry.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "image/digest_hash.h"
#include "image/registry_excuse.h"
#include "image/registry_parts.h"
#include "image/registry_url.h"

enum { ATTEMPTS = 5, FIRST_PAUSE_MS = 500, STALL_S = 60, UPLOAD_STALL_S = 300 };

/* --- opening --- */

static char *copy(const char *text)
{
	return text ? mem_strdup(text) : NULL;
}

static int init_endpoint(struct registry *registry, struct registry_endpoint *endpoint, const char *host, const char *name, struct error *err)
{
	endpoint->registry = registry;
	endpoint->host = mem_strdup(host);
	endpoint->is_loopback = registry_url_is_loopback(host);
	(void)pthread_mutex_init(&endpoint->base_lock, NULL);
	(void)pthread_mutex_init(&endpoint->auth_lock, NULL);
	/* The folders below certs.d have the name that people write. */
	endpoint->name = arena_strdup(&registry->arena, name);
	return registry_tls_load(name, registry->tls_verify, &endpoint->tls, err);
}

static int init_endpoints(struct registry *registry, const struct reference *reference, const struct registry_options *options, struct error *err)
{
	const char *const *mirrors = !strcmp(reference->registry, "docker.io") ? options->mirrors : NULL;
	struct registry_endpoint *itself;
	size_t count = 0;
	int r = 0;

	while (mirrors && mirrors[count])
		count++;
	registry->endpoints = mem_alloc((count + 1) * sizeof(*registry->endpoints));
	for (size_t i = 0; i < count && r == 0; i++) {
		r = init_endpoint(registry, &registry->endpoints[registry->endpoint_count++], mirrors[i], mirrors[i], err);
		registry->endpoints[i].is_mirror = true;
	}
	if (r < 0)
		return r;
	itself = &registry->endpoints[registry->endpoint_count++];
	if (options->credentials && (options->credentials->user || options->credentials->identity_token))
		itself->credentials = &registry->credentials;
	return init_endpoint(registry, itself, reference_host(reference), reference->registry, err);
}

int registry_open(const struct reference *reference, const struct registry_options *options, struct registry **ret, struct error *err)
{
	struct registry *registry = mem_alloc(sizeof(*registry));
	const struct credentials *credentials = options->credentials;
	int r;

	registry->repository = mem_strdup(reference->repository);
	registry->name = mem_printf("%s/%s", reference->registry, reference->repository);
	registry->tls_verify = options->tls_verify;
	registry->progress = options->progress;
	registry->attempts = ATTEMPTS;
	registry->first_pause_ms = FIRST_PAUSE_MS;
	registry->stall_s = STALL_S;
	registry->upload_stall_s = UPLOAD_STALL_S;
	if (credentials)
		registry->credentials = (struct credentials){copy(credentials->user), copy(credentials->password), copy(credentials->identity_token), copy(credentials->source)};
	(void)pthread_mutex_init(&registry->lock, NULL);
	r = http_new(&registry->http, err);
	if (r == 0)
		r = init_endpoints(registry, reference, options, err);
	if (r < 0) {
		registry_close(registry);
		return r;
	}
	*ret = registry;
	return 0;
}

static void close_endpoint(struct registry_endpoint *endpoint)
{
	registry_auth_done(endpoint);
	http_tls_done(&endpoint->tls);
	free(endpoint->host);
	free(endpoint->base);
	(void)pthread_mutex_destroy(&endpoint->base_lock);
	(void)pthread_mutex_destroy(&endpoint->auth_lock);
}

static void wipe(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void registry_close(struct registry *registry)
{
	if (!registry)
		return;
	while (registry->sessions) {
		struct registry_session *session = registry->sessions;

		registry->sessions = session->next;
		free(session->location);
		free(session);
	}
	for (size_t i = 0; i < registry->endpoint_count; i++)
		close_endpoint(&registry->endpoints[i]);
	http_free(registry->http);
	free(registry->endpoints);
	wipe(registry->credentials.user);
	wipe(registry->credentials.password);
	wipe(registry->credentials.identity_token);
	free(registry->credentials.source);
	free(registry->repository);
	free(registry->name);
	(void)pthread_mutex_destroy(&registry->lock);
	arena_done(&registry->arena);
	free(registry);
}

void registry_cancel(struct registry *registry)
{
	http_cancel(registry->http);
}

struct registry_endpoint *registry_itself(struct registry *registry)
{
	return &registry->endpoints[registry->endpoint_count - 1];
}

/* --- manifests --- */

static void read_media_type(const struct http_response *response, char *ret, size_t size)
{
	const char *text = http_header(response, "content-type", NULL);
	size_t length = text ? strcspn(text, "; \t") : 0;

	registry_excuse_clean(text ? text : "", length, ret, size);
	for (char *c = ret; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
}

static bool is_digest(const char *text)
{
	return strchr(text, ':') != NULL;
}

/* The digest that was asked for, or, by tag, the one that the registry announces: whoever cuts or changes a manifest on its way is noticed in both cases. */
static int check_digest(const char *asked, const struct http_response *response, const char *media_type, const struct digest *digest, struct error *err)
{
	const char *announced = http_header(response, "docker-content-digest", NULL);
	const char *expected = is_digest(asked) ? asked : announced;
	char shown[80];

	/* (Of Docker's old, signed manifests only a part counts; manifest_parse refuses them.) */
	if (!expected || (!is_digest(asked) && (strncmp(expected, "sha256:", 7) != 0 || strstr(media_type, "prettyjws"))) || !strcasecmp(expected, digest->text))
		return 0;
	registry_excuse_clean(expected, strlen(expected), shown, sizeof(shown));
	(void)error_set(err, EBADMSG, "the answer");
	(void)error_cause(err, "its digest is %s and should be %s", digest->text, shown);
	return error_hint(err, "somebody changed it on the way, or the registry's storage is damaged");
}

static int get_manifest(struct registry_endpoint *endpoint, const char *tag_or_digest, struct registry_manifest *ret, struct error *err)
{
	const struct registry_call call = {.method = "GET", .kind = "manifests", .name = tag_or_digest, .limit = MANIFEST_SIZE_MAX,
	    /* The last one so that an image which is only there in that form is named as such, and not as missing. */
	    .headers = {"Accept: " MEDIA_OCI_INDEX ", " MEDIA_DOCKER_INDEX ", " MEDIA_OCI_MANIFEST ", " MEDIA_DOCKER_MANIFEST
	                ", application/vnd.docker.distribution.manifest.v1+prettyjws;q=0.1"}};
	struct registry_manifest manifest = {0};
	struct http_response response = {0};
	int r = registry_call_patiently(endpoint, &call, 0, &response, err);

	if (r == 0 && response.body.size == 0) {
		(void)error_set(err, EBADMSG, "%s", endpoint->name);
		r = error_cause(err, "the answer is empty");
	}
	if (r == 0) {
		read_media_type(&response, manifest.media_type, sizeof(manifest.media_type));
		digest_of(response.body.text, response.body.size, &manifest.digest);
		r = check_digest(tag_or_digest, &response, manifest.media_type, &manifest.digest, err);
	}
	if (r == 0) {
		manifest.size = response.body.size;
		manifest.text = take_ptr(response.body.text);
		*ret = manifest;
	}
	http_response_done(&response);
	return r;
}

void registry_give_up_mirror(struct registry_endpoint *mirror, const struct error *err)
{
	cleanup_free char *text = mem_printf("the mirror %s does not help (%s); going on without it", mirror->name, err->cause);

	mirror->is_useless = true;
	progress_say(mirror->registry->progress, text);
}

int registry_get_manifest(struct registry *registry, const char *tag_or_digest, struct registry_manifest *ret, struct error *err)
{
	int r = -ENOENT;

	for (size_t i = 0; i < registry->endpoint_count; i++) {
		struct registry_endpoint *endpoint = &registry->endpoints[i];
		struct error failure = {0};

		if (endpoint->is_useless)
			continue;
		r = get_manifest(endpoint, tag_or_digest, ret, &failure);
		if (r == 0)
			return 0;
		if (endpoint->is_mirror)
			registry_give_up_mirror(endpoint, &failure);
		else if (err)
			*err = failure;
	}
	return error_prefix(err, "cannot get the manifest '%s' of '%s'", tag_or_digest, registry->name);
}

/* --- login --- */

int registry_check_login(struct registry *registry, struct error *err)
{
	const struct registry_call call = {.method = "GET", .is_unscoped = true, .limit = HTTP_EXCUSE_MAX};
	struct http_response response = {0};
	int r = registry_call_patiently(registry_itself(registry), &call, 0, &response, err);

	if (r < 0)
		(void)error_prefix(err, "cannot log in to '%s'", registry_itself(registry)->name);
	if (r < 0 && response.status == 404)
		(void)error_hint(err, "what answers there is no registry");
	http_response_done(&response);
	return r;
}
