/* Images between the store and a registry. */
#ifndef CARREL_IMAGE_TRANSFER_H
#define CARREL_IMAGE_TRANSFER_H

#include "image/progress.h"
#include "image/registry.h"
#include "image/store.h"
#include "image/unpack.h"

/* The registry is open already: what it reads of the user's files (accounts, certificates) is out of reach once the caller has confined itself. */
struct pull_spec {
	const struct reference *reference;
	struct platform platform;
	struct registry *registry; /* opened for `reference` */
	const struct unpack_host *unpack;
	const struct progress *progress;
	unsigned parallel; /* layers at once; 0: 3 */
};

struct pull_result {
	struct image image;
	struct digest digest; /* what the reference names there: the manifest's, or that of the index in which it stands */
	bool is_new;          /* the reference names something else here than before */
};

/* Fetch what is missing, unpack each layer while it comes, verify sizes, digests and diff ids, write the record and at last the reference. On any failure nothing new has a
 * final name but whole, verified blobs and layers, which the next pull finds. `ret` lives in the arena. */
int pull_image(const struct store *store, struct arena *arena, const struct pull_spec *spec, struct pull_result *ret, struct error *err) MUST_CHECK;

/* What pull, load and import have in common: see to it that each layer of the manifest, whose blobs are in the store already, is unpacked; then write the
 * record. */
int install_image(const struct store *store, struct arena *arena, const struct digest *manifest, const struct unpack_host *unpack, const struct progress *progress,
    struct image *ret, struct error *err) MUST_CHECK;

struct push_spec {
	const struct reference *reference; /* where to */
	struct digest manifest;
	struct registry *registry; /* opened for `reference` */
	const struct progress *progress;
	unsigned parallel;
};
/* The caller holds the image's record (store_find). Blobs that the registry has not, then the manifest, byte for byte as it is stored. */
int push_image(const struct store *store, struct arena *arena, const struct push_spec *spec, struct error *err) MUST_CHECK;

#endif
