/* Pushing: POST opens an upload session, PUT to its Location sends the blob in one piece (distribution-spec, "POST then PUT"), as every registry must take it. A connection
 * that breaks means a new session: only few registries resume. */
#include <errno.h>
#include <string.h>

#include "image/registry_parts.h"
#include "image/registry_url.h"

/* --- what is there --- */

int registry_has_blob(struct registry *registry, const struct digest *digest, struct error *err)
{
	const struct registry_call call = {.method = "HEAD", .kind = "blobs", .name = digest->text, .pushes = true};
	struct http_response response = {0};
	int r = registry_call_patiently(registry_itself(registry), &call, 404, &response, err);

	if (r == 0)
		r = response.status != 404;
	else
		(void)error_prefix(err, "cannot ask for the blob %s of '%s'", digest->text, registry->name);
	http_response_done(&response);
	return r;
}

/* --- sessions --- */

static void keep_session(struct registry *registry, const struct digest *digest, char *location)
{
	struct registry_session *session = mem_alloc(sizeof(*session));

	session->digest = *digest;
	session->location = location;
	(void)pthread_mutex_lock(&registry->lock);
	session->next = registry->sessions;
	registry->sessions = session;
	(void)pthread_mutex_unlock(&registry->lock);
}

static char *take_session(struct registry *registry, const struct digest *digest)
{
	char *location = NULL;

	(void)pthread_mutex_lock(&registry->lock);
	for (struct registry_session **at = &registry->sessions; *at && !location; at = &(*at)->next) {
		struct registry_session *session = *at;

		if (!digest_equal(&session->digest, digest))
			continue;
		location = session->location;
		*at = session->next;
		free(session);
		break;
	}
	(void)pthread_mutex_unlock(&registry->lock);
	return location;
}

static int session_address(struct registry_endpoint *endpoint, const struct http_response *response, char **ret, struct error *err)
{
	const char *location = http_header(response, "location", NULL), *base;
	cleanup_free char *posted_to = NULL;
	bool is_same;
	int r = registry_base(endpoint, &base, err);

	if (r < 0)
		return r;
	if (response->status != 202 || !location) {
		(void)error_set(err, EPROTO, "%s", endpoint->name);
		return error_cause(err, "it opens no upload (status %ld%s)", response->status, location ? "" : ", no Location");
	}
	posted_to = registry_url_make(base, endpoint->registry->repository, "blobs/uploads", "");
	return registry_url_follow(posted_to, location, ret, &is_same, err);
}

static int open_session(struct registry_endpoint *endpoint, char **ret, struct http_response *response, struct error *err)
{
	const struct http_upload nothing = {.data = "", .size = 0};
	const struct registry_call call = {.method = "POST", .kind = "blobs/uploads", .name = "", .pushes = true, .upload = &nothing, .limit = HTTP_EXCUSE_MAX};
	int r = registry_call(endpoint, &call, response, err);

	if (r == 0 && (response->status < 200 || response->status >= 300))
		return registry_refusal(endpoint, endpoint->name, response, err);
	return r < 0 ? r : session_address(endpoint, response, ret, err);
}

int registry_mount_blob(struct registry *registry, const struct digest *digest, const char *from_repository, struct error *err)
{
	struct registry_endpoint *endpoint = registry_itself(registry);
	const struct http_upload nothing = {.data = "", .size = 0};
	const struct registry_call call = {.method = "POST", .kind = "blobs/uploads", .name = "", .pushes = true, .from = from_repository, .mount = digest->text, .upload = &nothing,
	    .limit = HTTP_EXCUSE_MAX};
	struct http_response response = {0};
	char *location;
	int r = registry_call_patiently(endpoint, &call, 0, &response, err);

	if (r == 0 && response.status == 201) {
		r = 1;
	} else if (r == 0) {
		/* It opened a session instead, which the upload that follows takes. */
		r = session_address(endpoint, &response, &location, err);
		if (r == 0)
			keep_session(registry, digest, location);
	} else if (r == -EACCES || (response.failure == HTTP_FINE && response.status >= 400 && response.status < 500 && response.status != 429)) {
		/* Not from there, or not at all: only the upload is asked for in earnest. */
		r = 0;
		if (err)
			*err = (struct error){0};
	}
	if (r < 0)
		(void)error_prefix(err, "cannot mount the blob %s of '%s' in '%s'", digest->text, from_repository, registry->name);
	http_response_done(&response);
	return r;
}

/* --- sending --- */

struct sending {
	struct registry *registry;
	const struct digest *digest;
	uint64_t size;
};

static void on_sent(void *context, uint64_t done)
{
	const struct sending *sending = context;

	progress_report(sending->registry->progress, sending->digest->text, PROGRESS_UPLOADING, done, sending->size);
}

static int send_blob(struct registry_endpoint *endpoint, const struct digest *digest, const struct http_upload *upload, struct http_response *response, struct error *err)
{
	struct registry_call call = {.method = "PUT", .pushes = true, .headers = {"Content-Type: application/octet-stream"}, .upload = upload, .limit = HTTP_EXCUSE_MAX, .may_last = true};
	cleanup_free char *location = take_session(endpoint->registry, digest), *url = NULL;
	int r = location ? 0 : open_session(endpoint, &location, response, err);

	if (r < 0)
		return r;
	call.url = url = registry_url_add(location, "digest", digest->text);
	r = registry_call(endpoint, &call, response, err);
	if (r == 0 && (response->status < 200 || response->status >= 300))
		r = registry_refusal(endpoint, endpoint->name, response, err);
	return r;
}

int registry_put_blob(struct registry *registry, const struct digest *digest, uint64_t size, int fd, struct error *err)
{
	struct registry_endpoint *endpoint = registry_itself(registry);
	struct sending sending = {registry, digest, size};
	const struct http_upload upload = {.fd = fd, .size = size, .sent = on_sent, .context = &sending};
	struct http_response response = {0};
	unsigned attempt = 0;
	bool again;
	int r;

	do {
		r = send_blob(endpoint, digest, &upload, &response, err);
		/* (A session that a mount left may have ended meanwhile: 404.) */
		again = r < 0 && (registry_is_passing(endpoint, response.failure == HTTP_FINE ? 0 : r, &response) || (response.failure == HTTP_FINE && response.status == 404 && attempt == 0));
		if (again) {
			progress_report(registry->progress, digest->text, PROGRESS_RETRYING, 0, size);
			again = registry_wait(endpoint, &attempt, &response, err);
		}
	} while (again);
	if (r < 0)
		(void)error_prefix(err, "cannot send the blob %s to '%s'", digest->text, registry->name);
	http_response_done(&response);
	return r;
}

int registry_put_manifest(struct registry *registry, const char *tag_or_digest, const char *media_type, const void *text, size_t size, struct error *err)
{
	const struct http_upload upload = {.data = text, .size = size};
	cleanup_free char *type = mem_printf("Content-Type: %s", media_type);
	const struct registry_call call = {.method = "PUT", .kind = "manifests", .name = tag_or_digest, .pushes = true, .headers = {type}, .upload = &upload, .limit = HTTP_EXCUSE_MAX};
	struct http_response response = {0};
	int r = registry_call_patiently(registry_itself(registry), &call, 0, &response, err);

	if (r < 0)
		(void)error_prefix(err, "cannot write the manifest '%s' of '%s'", tag_or_digest, registry->name);
	http_response_done(&response);
	return r;
}
