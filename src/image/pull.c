/* A pull goes from names to bytes: reference → manifest → configuration → layers, each checked by the digest that the one before it gave. Claims come before
 * looking, so that nobody takes away what was found; what makes the image visible (record, reference) comes last. */
#include <errno.h>
#include <string.h>

#include "image/pull_parts.h"
#include "util/fd.h"

enum { PARALLEL = 3 };

int pull_claim(struct pull *pull, const struct digest *const *digests, size_t count, struct error *err)
{
	int r;

	if (pull->claim_count == PULL_CLAIMS_MAX)
		return error_set(err, EOVERFLOW, "cannot claim more for one image");
	r = store_claim(pull->store, digests, count, &pull->claims[pull->claim_count], err);
	if (r == 0)
		pull->claim_count++;
	return r;
}

int pull_lock(const struct pull *pull, const char *kind, const struct digest *digest, struct error *err)
{
	cleanup_free char *name = mem_printf("%s-%s", kind, digest_hex(digest));

	return store_lock(pull->store, name, NULL, err);
}

/* A layer that occurs twice is one. That two blobs have the same diff id (compressed anew) is allowed, that one blob has two is a lie; the diff id that does
 * not fit will tell. */
static void list_layers(struct pull *pull)
{
	pull->layers = arena_alloc(pull->arena, (pull->manifest.item_count + 1) * sizeof(*pull->layers));
	for (size_t i = 0; i < pull->manifest.item_count; i++) {
		const struct pull_layer layer = {.blob = &pull->manifest.items[i], .diff_id = &pull->config.layers[i]};
		bool known = false;

		for (size_t j = 0; j < pull->layer_count && !known; j++)
			known = digest_equal(&pull->layers[j].blob->digest, &layer.blob->digest) && digest_equal(pull->layers[j].diff_id, layer.diff_id);
		if (!known)
			pull->layers[pull->layer_count++] = layer;
	}
}

static int claim_layers(struct pull *pull, struct error *err)
{
	cleanup_free const struct digest **digests = mem_resize(NULL, 2 * pull->layer_count + 1, sizeof(*digests));

	for (size_t i = 0; i < pull->layer_count; i++) {
		digests[2 * i] = &pull->layers[i].blob->digest;
		digests[2 * i + 1] = pull->layers[i].diff_id;
	}
	return pull_claim(pull, digests, 2 * pull->layer_count, err);
}

static int one_layer(void *context, size_t index, struct error *err)
{
	const struct pull *pull = context;
	int r = pull_layer(context, index, err);

	/* Others may wait for an answer of the registry. */
	if (r < 0)
		registry_cancel(pull->spec->registry);
	return r;
}

static int pull_layers(struct pull *pull, struct error *err)
{
	int r;

	list_layers(pull);
	r = claim_layers(pull, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < pull->layer_count; i++)
		progress_report(pull->spec->progress, pull->layers[i].blob->digest.text, PROGRESS_WAITING, 0, pull->layers[i].blob->size);
	pull->pool = (struct pool){.one = one_layer, .context = pull, .count = pull->layer_count};
	return pool_run(&pull->pool, pull->spec->parallel ? pull->spec->parallel : PARALLEL, err);
}

static bool names_it_already(struct pull *pull)
{
	struct digest before;

	return store_ref(pull->store, pull->arena, pull->spec->reference, &before, NULL) == 0 && digest_equal(&before, &pull->manifest_digest);
}

/* All blobs and layers are there: the record is made as for any image. */
static int finish(struct pull *pull, struct pull_result *ret, struct error *err)
{
	struct pull_result result = {.digest = pull->digest, .is_new = !names_it_already(pull)};
	int r = install_image(pull->store, pull->arena, &pull->manifest_digest, pull->spec->unpack, NULL, &result.image, err);

	/* (A digest is found by a tag too, which may move.) */
	if (r == 0 && (result.is_new || digest_is_set(&pull->spec->reference->digest)))
		r = store_tag(pull->store, pull->spec->reference, &pull->manifest_digest, err);
	if (r == 0)
		*ret = result;
	return r;
}

int pull_image(const struct store *store, struct arena *arena, const struct pull_spec *spec, struct pull_result *ret, struct error *err)
{
	struct pull pull = {.store = store, .arena = arena, .spec = spec};
	int r = pull_manifest(&pull, err);

	if (r == 0)
		r = pull_config(&pull, err);
	if (r == 0)
		r = pull_layers(&pull, err);
	if (r == 0)
		r = finish(&pull, ret, err);
	while (pull.claim_count > 0)
		(void)fd_close(pull.claims[--pull.claim_count]);
	return r;
}
