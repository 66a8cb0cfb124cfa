/* An image as `carrel run` wants it: what its configuration says, in plain data.
 *
 * The configuration is JSON from somebody else. It is parsed once, in a cage, when the image comes in; what a start needs is then kept beside it as a
 * record: lines of "key value" that this file writes and reads (image_record_*), with limits and checks of its own, since a .sqfs file brings a
 * record from somebody else too. So the launcher has no JSON parser, and a start reads one small file.
 */
#ifndef CARREL_IMAGE_IMAGE_H
#define CARREL_IMAGE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "image/digest.h"
#include "image/manifest.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/mem.h"

struct image_texts {
	const char **items;
	size_t count;
};

struct image {
	struct digest manifest, config; /* unset in a file made by `pack` from something else */
	const char *media_type;         /* of the manifest, for the store's index.json; NULL: MEDIA_OCI_MANIFEST */
	uint64_t size;                  /* bytes of all blobs */
	const char *created;            /* RFC 3339; NULL: not said, or not in a form that is one */
	struct platform platform;
	struct digest *layers;          /* diff ids, bottom first */
	size_t layer_count;
	struct digest *blobs;           /* the layers as they are stored, bottom first: what the store must keep for this image, without parsing its manifest */
	size_t blob_count;              /* layer_count, or 0 where there is no manifest */
	struct image_texts entrypoint, command, environment /* "NAME=value" */, volumes /* absolute paths */, ports /* "80/tcp" */, labels /* "key=value" */;
	const char *user;               /* "NAME|UID[:GROUP|GID]"; NULL: root */
	const char *workdir;            /* absolute; NULL: "/" */
	const char *stop_signal;        /* "SIGTERM", or a number; NULL */
};

/* config.c (jansson): an OCI image configuration (config.md) or Docker's. Fills in all but manifest, config, media_type, size and blobs, which install_image takes
 * from the manifest and which stay as they are. rootfs.diff_ids must be there, as many
 * as `layer_count`. NUL in a text, a relative volume: -EINVAL. A variable without '=' or a name, and a `created` that is no date, are left out. */
int image_parse_config(struct arena *arena, const char *text, size_t size, size_t layer_count, struct image *ret, struct error *err) MUST_CHECK;

enum { IMAGE_RECORD_MAX = 1 << 20 };
/* As a record, whose first line is "carrel-image 1"; values are escaped so that each is one line. Unknown keys are passed over when it is read. */
void image_record_format(const struct image *image, struct buf *out);
int image_record_parse(struct arena *arena, const char *text, size_t size, struct image *ret, struct error *err) MUST_CHECK;

#endif
