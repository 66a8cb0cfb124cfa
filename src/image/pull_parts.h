/* The parts of a pull: which manifest (pull_manifest.c), its layers one by one (pull_layer.c), and the way through (pull.c). */
#ifndef CARREL_IMAGE_PULL_PARTS_H
#define CARREL_IMAGE_PULL_PARTS_H

#include "image/pool.h"
#include "image/transfer.h"

/* One layer to have, blob and tree. A manifest may name the same twice; here it stands once. */
struct pull_layer {
	const struct descriptor *blob;
	const struct digest *diff_id;
};

enum { PULL_CLAIMS_MAX = 4 };

struct pull {
	const struct store *store;
	struct arena *arena; /* of the thread that pulls; the layers' threads have no use for it */
	const struct pull_spec *spec;
	struct digest digest;      /* of what the reference names */
	struct digest manifest_digest;
	struct manifest manifest;
	struct image config;       /* what the configuration says */
	struct pull_layer *layers;
	size_t layer_count;
	struct pool pool;
	int claims[PULL_CLAIMS_MAX]; /* held until the reference stands */
	size_t claim_count;
};

/* What we rely on from now on, before looking for it. */
int pull_claim(struct pull *pull, const struct digest *const *digests, size_t count, struct error *err) MUST_CHECK;

/* For what is wanted by several at once: who gets the lock looks again whether somebody else has done it. `kind`: "blob" or "layer" (by diff id). */
int pull_lock(const struct pull *pull, const char *kind, const struct digest *digest, struct error *err) MUST_CHECK;

/* Fill in digest, manifest and config; what was fetched for them is stored. */
int pull_manifest(struct pull *pull, struct error *err) MUST_CHECK;
int pull_config(struct pull *pull, struct error *err) MUST_CHECK;

/* Have the blob and the tree of layer `index`, verified. Called by several threads. */
int pull_layer(struct pull *pull, size_t index, struct error *err) MUST_CHECK;

#endif
