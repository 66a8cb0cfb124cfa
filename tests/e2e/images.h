/* Images in a store of the test's own, put there without an archive or a registry: trees that scripts make, and records that the store's own functions write. */
#ifndef CARREL_TESTS_E2E_IMAGES_H
#define CARREL_TESTS_E2E_IMAGES_H

#include "e2e/harness.h"
#include "image/image.h"
#include "image/store.h"

/* "CARREL_ROOT=…", for a run's environment. */
const char *images_environment(void);
const char *images_store(void); /* the folder */

/* Run `script` by sh -e in the empty tree of a layer, which it fills; $ROOT is harness_root("busybox"). The diff id. */
struct digest images_add_layer(const char *script, enum layer_owner owner);

/* A reference to an image of these layers, bottom first; of `config` all that describes the image's use. Its manifest. */
struct digest images_add(const char *reference, const struct image *config, const struct digest *layers, size_t count);

/* In the tree of a layer for a single id: all files are root's, and then one somebody else's. "UID:GID:MODE". */
void images_record_owners(const struct digest *layer);
void images_record_owner(const struct digest *layer, const char *path, const char *owner);

#define IMAGE_TEXTS(...) {.items = (const char *[]){__VA_ARGS__}, .count = sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)}

#endif
