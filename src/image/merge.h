/* Layers seen as the one tree that an overlay of them shows, without mounting anything: for export and pack. Runs inside a user namespace with the layers' ids mapped.
 *
 * Whiteouts are character devices 0:0 or files `.wh.NAME`; a directory that hides what is below it has user.overlay.opaque (trusted.overlay.opaque,
 * as root wrote it) or holds `.wh..wh..opq`. So the upper directory of a kept sandbox is a layer like any other, whichever overlay wrote it. */
#ifndef CARREL_IMAGE_MERGE_H
#define CARREL_IMAGE_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "image/store.h"
#include "util/error.h"

struct merge_layer {
	int dir; /* O_PATH or readable; topmost first in an array */
	enum layer_owner owner; /* LAYER_SINGLE: owners and modes come from user.containers.override_stat */
};

struct merge_spec {
	const struct merge_layer *layers;
	size_t count;      /* 1 to MERGE_LAYERS_MAX */
	bool without_root; /* no entry for the root itself: mksquashfs takes none */
	char *first_acl;   /* MERGE_NAME bytes, "" at first: becomes the name of the first file that has an ACL, cut where it is too long; NULL: nobody asks */
};

enum { MERGE_LAYERS_MAX = 1024, MERGE_NAME = 256 };

/* Write a tar stream (pax) of the merged tree to `out`: whiteouts and opaque directories applied, hard links within a layer kept, sparse files, xattrs, ACLs, recorded
 * owners. Names are relative, sorted by their bytes in each directory, times in whole seconds, so that equal trees give equal bytes. Sockets are left out. Memory grows
 * with the largest directories of one path and with the number of hard links; of directories at most 64 are open at once, whatever the number of layers. SIGPIPE must be
 * ignored or blocked: a reader who is gone is -EPIPE. */
int merge_write_tar(const struct merge_spec *spec, int out, struct error *err) MUST_CHECK;

/* Owner and mode of the merged root, by the topmost layer. */
struct merge_root {
	uid_t uid;
	gid_t gid;
	mode_t mode;
};
int merge_read_root(const struct merge_spec *spec, struct merge_root *ret, struct error *err) MUST_CHECK;

#endif
