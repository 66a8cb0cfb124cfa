/* From blobs that are in the store to an image that runs: what pull, load and import end with. (install_image is in transfer.h.) */
#ifndef CARREL_IMAGE_INSTALL_H
#define CARREL_IMAGE_INSTALL_H

#include "image/progress.h"
#include "image/store.h"
#include "image/unpack.h"

/* See to it that the layer with this diff id is unpacked, from its blob if it is not. One process does it, others that want the same wait for that one. Both
 * digests must be claimed. Several threads may do this for different layers. -ENOENT: the blob is not there; -EBADMSG: what it holds has another diff id. */
int install_layer(const struct store *store, const struct descriptor *blob, const struct digest *diff_id, const struct unpack_host *unpack, const struct progress *progress,
    struct error *err) MUST_CHECK;

/* The end of it, for who unpacks by himself: what came out is compared with the diff id, gets its final name, and what could not be kept is told. */
int install_tree(struct store_layer *tree, const struct descriptor *blob, const struct digest *diff_id, enum layer_owner owner, const struct unpack_result *result,
    const struct progress *progress, struct error *err) MUST_CHECK;

#endif
