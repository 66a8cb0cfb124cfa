/* What takes space in the store, and taking it back. Theory in store.h. What belongs to subordinate ids is removed by the caller's `remove_tree`
 * (storage_remove: inside a user namespace), since this folder knows nothing of namespaces. */
#ifndef CARREL_IMAGE_STORE_GC_H
#define CARREL_IMAGE_STORE_GC_H

#include "image/store.h"

struct store_gc_host {
	int (*remove_tree)(void *context, const char *path, struct error *err);
	void *context;
};

struct store_usage { /* bytes on disk (st_blocks), and how many */
	uint64_t blobs, layers, waste /* tmp, trash, and what nothing refers to */;
	size_t images, blob_count, layer_count, waste_count;
	uint64_t reclaimable; /* what prune would free */
};
int store_usage(const struct store *store, struct store_usage *ret, struct error *err) MUST_CHECK;

/* Remove what no reference, claim or running sandbox wants. With `all`, references that no running sandbox uses go first, as docker image prune -a. */
int store_prune(const struct store *store, const struct store_gc_host *host, bool all, struct store_usage *ret_freed, struct error *err) MUST_CHECK;
/* Take a reference (or an image by its digits with all its references, with `force`) away and then what only it wanted. -EBUSY: a sandbox runs from it (without force). */
int store_remove(const struct store *store, const struct store_gc_host *host, const char *word, bool force, struct error *err) MUST_CHECK;
/* Empty tmp/, claims/ and trash/ of what nobody owns any more. Called at each store_create with a bound. */
void store_sweep(const struct store *store, const struct store_gc_host *host, unsigned most);

#endif
