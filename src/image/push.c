/* A push sends what the registry has not: each blob is asked for first, then mounted from another repository of the same registry that had it from or
 * for us, and only then uploaded. The manifest comes last, since a registry refuses one whose blobs are missing. */
#include <errno.h>
#include <string.h>

#include "image/pool.h"
#include "image/transfer.h"
#include "util/fd.h"

enum {
	PARALLEL = 3,
	SOURCES_MAX = 64, /* images looked into for a repository to mount from */
};

/* Another repository of the registry, and what it should have. */
struct source {
	const char *repository;
	const struct digest *blobs;
	size_t blob_count;
	struct digest config;
};

struct push {
	const struct store *store;
	struct arena *arena; /* of the thread that pushes */
	const struct push_spec *spec;
	struct manifest manifest;
	const struct descriptor **blobs; /* configuration and layers, each once */
	size_t blob_count;
	struct source *sources;
	size_t source_count;
	struct pool pool;
};

/* --- where it may be mounted from --- */

static bool is_another(const struct reference *reference, const struct reference *target)
{
	return !strcmp(reference->registry, target->registry) && strcmp(reference->repository, target->repository) != 0;
}

/* What cannot be read is no source; the blob is uploaded then. */
static void find_sources(struct push *push)
{
	struct store_ref *refs;
	size_t count;

	if (store_refs(push->store, push->arena, &refs, &count, NULL) < 0)
		return;
	push->sources = arena_alloc(push->arena, SOURCES_MAX * sizeof(*push->sources));
	for (size_t i = 0; i < count && push->source_count < SOURCES_MAX; i++) {
		struct reference reference;
		struct image image;

		if (reference_parse(push->arena, refs[i].name, &reference, NULL) < 0 || !is_another(&reference, push->spec->reference) ||
		    store_image(push->store, push->arena, &refs[i].manifest, &image, NULL) < 0)
			continue;
		push->sources[push->source_count++] =
			(struct source){.repository = reference.repository, .blobs = image.blobs, .blob_count = image.blob_count, .config = image.config};
	}
}

static bool has(const struct source *source, const struct digest *digest)
{
	for (size_t i = 0; i < source->blob_count; i++)
		if (digest_equal(&source->blobs[i], digest))
			return true;
	return digest_equal(&source->config, digest);
}

/* 1: mounted. A registry that knows nothing of mounting, or has the blob no more, lets us upload. */
static int mount_from_another(const struct push *push, const struct digest *digest)
{
	for (size_t i = 0; i < push->source_count; i++)
		if (has(&push->sources[i], digest))
			return registry_mount_blob(push->spec->registry, digest, push->sources[i].repository, NULL);
	return 0;
}

/* --- one blob --- */

static int upload(const struct push *push, const struct descriptor *blob, struct error *err)
{
	cleanup_close int fd = store_open_blob(push->store, &blob->digest, blob->size);

	if (fd < 0) {
		(void)error_set(err, -fd, "cannot push %s", blob->digest.text);
		return error_hint(err, "the store has lost it: pull or load the image again");
	}
	progress_report(push->spec->progress, blob->digest.text, PROGRESS_UPLOADING, 0, blob->size);
	return registry_put_blob(push->spec->registry, &blob->digest, blob->size, fd, err);
}

static int send_blob(const struct push *push, const struct descriptor *blob, struct error *err)
{
	int there = registry_has_blob(push->spec->registry, &blob->digest, err);

	if (there < 0)
		return there;
	if (there == 0)
		there = mount_from_another(push, &blob->digest) == 1;
	if (there) {
		progress_report(push->spec->progress, blob->digest.text, PROGRESS_EXISTS, blob->size, blob->size);
		return 0;
	}
	int r = upload(push, blob, err);
	if (r == 0)
		progress_report(push->spec->progress, blob->digest.text, PROGRESS_DONE, blob->size, blob->size);
	return r;
}

static int push_blob(void *context, size_t index, struct error *err)
{
	const struct push *push = context;
	int r = send_blob(push, push->blobs[index], err);

	/* Others may wait for an answer of the registry. */
	if (r < 0)
		registry_cancel(push->spec->registry);
	return r;
}

/* --- */

static void add_blob(struct push *push, const struct descriptor *blob)
{
	for (size_t i = 0; i < push->blob_count; i++)
		if (digest_equal(&push->blobs[i]->digest, &blob->digest))
			return;
	push->blobs[push->blob_count++] = blob;
	progress_report(push->spec->progress, blob->digest.text, PROGRESS_WAITING, 0, blob->size);
}

static int push_blobs(struct push *push, struct error *err)
{
	push->blobs = arena_alloc(push->arena, (push->manifest.item_count + 1) * sizeof(const struct descriptor *));
	for (size_t i = 0; i < push->manifest.item_count; i++)
		add_blob(push, &push->manifest.items[i]);
	add_blob(push, &push->manifest.config);
	find_sources(push);
	push->pool = (struct pool){.one = push_blob, .context = push, .count = push->blob_count};
	return pool_run(&push->pool, push->spec->parallel ? push->spec->parallel : PARALLEL, err);
}

int push_image(const struct store *store, struct arena *arena, const struct push_spec *spec, struct error *err)
{
	struct push push = {.store = store, .arena = arena, .spec = spec};
	const char *name = spec->reference->tag ? spec->reference->tag : spec->manifest.text;
	cleanup_free char *text = NULL;
	size_t size;
	int r = store_read_blob(store, &spec->manifest, MANIFEST_SIZE_MAX, &text, &size, err);

	if (r == 0)
		r = manifest_parse(arena, NULL, text, size, &push.manifest, err);
	if (r == 0)
		r = push_blobs(&push, err);
	return r < 0 ? r : registry_put_manifest(spec->registry, name, push.manifest.media_type, text, size, err);
}
