/* Within store*.c: what is wanted of the store at this moment. */
#ifndef CARREL_IMAGE_STORE_VIEW_H
#define CARREL_IMAGE_STORE_VIEW_H

#include "image/store.h"

struct hexes { /* hexadecimal digests, sorted */
	char (*items)[DIGEST_HEX + 1];
	size_t count;
};

struct store_kept {
	const char *sandbox;
	struct digest manifest;
};
/* store_kept.c: the sandboxes that lie over an image, in the arena. */
int store_kept(const struct store *store, struct arena *arena, struct store_kept **ret, size_t *ret_count, struct error *err) MUST_CHECK;
/* The name of one that lies over the image with this manifest, or NULL. */
const char *store_kept_by(const struct store_kept *kept, size_t count, const char *hex);

struct store_view {
	struct arena arena;
	struct hexes records; /* wanted by references, claims and kept sandboxes */
	struct hexes objects; /* blobs and layers that claims and the records there are want */
};

/* Looks at claims, then at references, kept sandboxes and records (store_gc.h). Claims whose owner is gone are removed. */
int store_view_take(const struct store *store, struct store_view *ret, struct error *err) MUST_CHECK;
void store_view_done(struct store_view *view);

bool hexes_have(const struct hexes *hexes, const char *hex);
/* In the arena, not sorted: hexes_sort before hexes_have. */
void hexes_add(struct hexes *hexes, struct arena *arena, const char *hex);
void hexes_sort(struct hexes *hexes);
/* All that an image wants, itself too. */
void hexes_add_image(struct hexes *hexes, struct arena *arena, const struct image *image);

/* Does a sandbox run from it? Best asked with the lock of those who remove, or two who ask at once each take the other for a sandbox. */
bool store_is_used(const struct store *store, const char *hex);

#endif
