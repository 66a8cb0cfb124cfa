/* Layers seen as the one tree that an overlay of them shows, without mounting anything: for export and pack. Runs inside a user namespace with the layers' ids mapped. */
#ifndef CARREL_IMAGE_MERGE_H
#define CARREL_IMAGE_MERGE_H

#include <stddef.h>

#include "image/store.h"
#include "util/error.h"

struct merge_layer {
	int dir; /* O_PATH or readable; topmost first in an array */
	enum layer_owner owner; /* LAYER_SINGLE: owners and modes come from user.containers.override_stat */
};

/* Write a tar stream (pax) of the merged tree to `out`: whiteouts and opaque directories applied, hard links within a layer kept, sparse files, xattrs, recorded
 * owners. Names are relative, sorted, so that equal trees give equal bytes. */
int merge_write_tar(const struct merge_layer *layers, size_t count, int out, struct error *err) MUST_CHECK;

#endif
