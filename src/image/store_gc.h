/* What takes space in the store, and taking it back.
 *
 * Those who remove are one at a time (locks/gc); nobody else waits for them but who misses something just then (store_look). What seems unwanted is
 * renamed into trash/ under its own name. Then comes the second look: first at the claims, then at references and records. Who claimed before the renaming
 * is seen, or has by now a reference or record that is seen; who claims after it finds nothing and makes it anew. What turns out wanted is put
 * back, the rest renamed to "dead-…" and removed, under a lock of its own (locks/trash) since that may take long. When whoever removes
 * is killed half way, the next one takes the second look.
 *
 * What belongs to subordinate ids is removed by the caller's `remove_tree`
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
	uint64_t busy; /* of the waste what a command that is at work has made, or claimed */
	size_t images, images_used /* by a sandbox that runs or is kept */, blob_count, layer_count, waste_count, busy_count;
	uint64_t reclaimable; /* what prune would free */
};
int store_usage(const struct store *store, struct store_usage *ret, struct error *err) MUST_CHECK;
/* What store_sweep would free: of tmp/ what has no owner any more, and trash/. */
uint64_t store_left_over(const struct store *store);
/* Bytes on the disk of a tree or file, as far as we may look into it. */
uint64_t store_measure(int dir, const char *name);

/* Remove what no reference, claim or sandbox wants, be it running or kept. With `all`, references that no sandbox uses go first, as docker image prune -a. What could not be removed
 * is in trash/ for the next time, and an error. */
int store_prune(const struct store *store, const struct store_gc_host *host, bool all, struct store_usage *ret_freed, struct error *err) MUST_CHECK;

/* What became of one word. In the arena. */
struct store_removal {
	const char *word;
	struct error *why;     /* it could not be done; NULL */
	const char **untagged; /* references in full, also those before a failure */
	size_t untagged_count;
	struct digest deleted; /* the configuration, an image's id, that went with it; unset: none */
};
/* Each word on its own, in order: take a reference away, or an image by its digits with all its references (with `force` also those of several repositories). -EBUSY, in `why`:
 * a sandbox runs from it or is kept over it; with `force` its names go all the same, and the rest with a later prune. Then, once for all words, index.json is made anew and
 * what only they wanted goes. The result is about that. (store_remove.c) */
int store_remove(const struct store *store, const struct store_gc_host *host, struct arena *arena, bool force, struct store_removal *removals, size_t count,
    struct error *err) MUST_CHECK;

/* Empty tmp/, claims/, locks/ and trash/ of what nobody owns any more, at most so many things. Called after each store_create. Never waits. */
void store_sweep(const struct store *store, const struct store_gc_host *host, unsigned most);

#endif
