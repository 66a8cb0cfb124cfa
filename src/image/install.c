/* The way: manifest → configuration → layers → record. Whatever is relied on is claimed before it is looked for, and nothing gets its final name before it is
 * whole and checked: a layer's tree by a rename when its diff id is right, the record last of all. So a kill at any moment leaves layers that the next try
 * finds, and in tmp/ what the next writer sweeps away. */
#include "image/install.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "image/image.h"
#include "image/pool.h"
#include "image/transfer.h"
#include "util/fd.h"

enum { PARALLEL = 3 };

/* --- one layer --- */

static int check(const struct descriptor *blob, const struct digest *diff_id, const struct unpack_result *result, struct error *err)
{
	if (digest_equal(&result->diff_id, diff_id))
		return 0;
	(void)error_set(err, EBADMSG, "cannot unpack layer %s", blob->digest.text);
	return error_cause(err, "its content is %s, and the image's configuration says %s", result->diff_id.text, diff_id->text);
}

static void tell_left_out(const struct descriptor *blob, const struct unpack_result *result, const struct progress *progress)
{
	char text[192];

	if (!result->foreign_owners)
		return;
	(void)snprintf(text, sizeof(text), "note: layer %.12s: %" PRIu64 " files belong to ids that you have not, and are nobody's here", digest_hex(&blob->digest), result->foreign_owners);
	progress_say(progress, text);
}

int install_tree(struct store_layer *tree, const struct descriptor *blob, const struct digest *diff_id, enum layer_owner owner, const struct unpack_result *result,
    const struct progress *progress, struct error *err)
{
	int r = check(blob, diff_id, result, err);

	if (r == 0)
		r = store_layer_commit(tree, diff_id, owner, err);
	if (r == 0)
		tell_left_out(blob, result, progress);
	return r;
}

static int unpack_blob(const struct unpack_host *unpack, int fd, const char *tmp_name, struct unpack_result *ret, struct error *err)
{
	const struct unpack_spec spec = {.owner = unpack->owner, .whiteouts = true};
	int job = unpack->begin(unpack->context, fd, tmp_name, &spec, err);

	return job < 0 ? job : unpack->finish(unpack->context, job, ret, err);
}

static int make_tree(const struct store *store, const struct descriptor *blob, const struct digest *diff_id, const struct unpack_host *unpack, const struct progress *progress,
    struct error *err)
{
	cleanup_close int fd = store_open_blob(store, &blob->digest, blob->size);
	struct unpack_result result;
	struct store_layer tree;
	int r;

	if (fd < 0) {
		(void)error_set(err, -fd, "cannot read layer %s from the store '%s'", blob->digest.text, store->path);
		return fd == -EBADMSG ? error_cause(err, "it has not the %" PRIu64 " bytes that the manifest says", blob->size) : fd;
	}
	r = store_layer_begin(store, &tree, err);
	if (r < 0)
		return r;
	r = unpack_blob(unpack, fd, tree.name, &result, err);
	if (r < 0)
		r = error_prefix(err, "layer %.12s", digest_hex(&blob->digest));
	if (r == 0)
		r = install_tree(&tree, blob, diff_id, unpack->owner, &result, progress, err);
	store_layer_abandon(&tree);
	return r;
}

static bool has_tree(const struct store *store, const struct digest *diff_id)
{
	enum layer_owner owner;
	cleanup_close int tree = store_open_layer(store, diff_id, &owner);

	return tree >= 0;
}

int install_layer(const struct store *store, const struct descriptor *blob, const struct digest *diff_id, const struct unpack_host *unpack, const struct progress *progress,
    struct error *err)
{
	char name[sizeof("layer-") + DIGEST_HEX];
	cleanup_close int lock = -1;
	int r;

	if (!has_tree(store, diff_id)) {
		(void)snprintf(name, sizeof(name), "layer-%s", digest_hex(diff_id));
		lock = store_lock(store, name, NULL, err);
		if (lock < 0)
			return lock;
	}
	/* Looked for again under the lock: somebody else may have made it meanwhile. */
	if (lock < 0 || has_tree(store, diff_id)) {
		progress_report(progress, blob->digest.text, PROGRESS_EXISTS, blob->size, blob->size);
		return 0;
	}
	progress_report(progress, blob->digest.text, PROGRESS_UNPACKING, 0, blob->size);
	r = make_tree(store, blob, diff_id, unpack, progress, err);
	if (r == 0)
		progress_report(progress, blob->digest.text, PROGRESS_DONE, blob->size, blob->size);
	return r;
}

/* --- an image --- */

struct install {
	const struct store *store;
	struct arena *arena;
	const struct unpack_host *unpack;
	const struct progress *progress;
	struct manifest manifest;
	struct image image;
};

static int one_layer(void *context, size_t index, struct error *err)
{
	const struct install *install = context;
	const struct digest *diff_id = &install->image.layers[index];

	/* A layer that occurs twice waits for itself at most: the lock is another thread's. */
	return install_layer(install->store, &install->manifest.items[index], diff_id, install->unpack, install->progress, err);
}

static int install_layers(struct install *install, struct error *err)
{
	struct pool pool = {.one = one_layer, .context = install, .count = install->manifest.item_count};

	return pool.count ? pool_run(&pool, PARALLEL, err) : 0;
}

static int read_manifest(struct install *install, const struct digest *digest, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t size;
	int r = store_read_blob(install->store, digest, MANIFEST_SIZE_MAX, &text, &size, err);

	if (r == 0)
		r = manifest_parse(install->arena, NULL, text, size, &install->manifest, err);
	if (r < 0)
		return r;
	if (install->manifest.is_index) {
		(void)error_set(err, EINVAL, "cannot install %s", digest->text);
		return error_cause(err, "it is an index of images, and no image");
	}
	install->image.manifest = *digest;
	install->image.size = size;
	return 0;
}

static int read_config(struct install *install, struct error *err)
{
	const struct descriptor *config = &install->manifest.config;
	cleanup_free char *text = NULL;
	size_t size;
	int r = store_read_blob(install->store, &config->digest, CONFIG_SIZE_MAX, &text, &size, err);

	if (r < 0)
		return r;
	if (size != config->size) {
		(void)error_set(err, EBADMSG, "cannot use the configuration %s", config->digest.text);
		return error_cause(err, "it has %zu bytes, and the manifest says %" PRIu64, size, config->size);
	}
	return image_parse_config(install->arena, text, size, install->manifest.item_count, &install->image, err);
}

/* What the record says of the manifest. */
static void describe(struct install *install)
{
	const struct manifest *manifest = &install->manifest;
	struct image *image = &install->image;

	image->media_type = manifest->media_type;
	image->config = manifest->config.digest;
	image->size += manifest->config.size;
	image->blob_count = manifest->item_count;
	image->blobs = arena_alloc(install->arena, (manifest->item_count + 1) * sizeof(*image->blobs));
	for (size_t i = 0; i < manifest->item_count; i++) {
		image->blobs[i] = manifest->items[i].digest;
		image->size += manifest->items[i].size;
	}
}

/* Configuration and layers, as they are stored and (once the configuration has said them) as trees. */
static int claim(const struct install *install, int *ret, struct error *err)
{
	const struct manifest *manifest = &install->manifest;
	const struct image *image = &install->image;
	cleanup_free const struct digest **digests = mem_resize(NULL, 1 + manifest->item_count + image->layer_count, sizeof(*digests));
	size_t count = 0;

	digests[count++] = &manifest->config.digest;
	for (size_t i = 0; i < manifest->item_count; i++)
		digests[count++] = &manifest->items[i].digest;
	for (size_t i = 0; i < image->layer_count; i++)
		digests[count++] = &image->layers[i];
	return store_claim(install->store, digests, count, ret, err);
}

int install_image(const struct store *store, struct arena *arena, const struct digest *manifest, const struct unpack_host *unpack, const struct progress *progress,
    struct image *ret, struct error *err)
{
	struct install install = {.store = store, .arena = arena, .unpack = unpack, .progress = progress};
	cleanup_close int manifest_claim = -1, blobs_claim = -1, trees_claim = -1;
	int r = store_claim(store, &manifest, 1, &manifest_claim, err);

	if (r == 0)
		r = read_manifest(&install, manifest, err);
	if (r == 0)
		r = claim(&install, &blobs_claim, err);
	if (r == 0)
		r = read_config(&install, err);
	if (r == 0)
		r = claim(&install, &trees_claim, err);
	if (r < 0)
		return r;
	describe(&install);
	r = install_layers(&install, err);
	if (r == 0)
		r = store_put_image(store, &install.image, err);
	if (r == 0)
		*ret = install.image;
	return r;
}
