/* The files of an OCI image layout and of docker save's archive, as text (image-layout.md; moby image/tarexport). */
#ifndef CARREL_IMAGE_LAYOUT_H
#define CARREL_IMAGE_LAYOUT_H

#include "image/image.h"
#include "image/manifest.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/mem.h"

#define LAYOUT_MARKER "{\"imageLayoutVersion\":\"1.0.0\"}"
enum { LAYOUT_TEXT_MAX = 4 << 20 }; /* of index.json and manifest.json */

/* One image of a docker-archive's manifest.json: names of files in the archive. */
struct layout_docker {
	const char *config;
	struct image_texts tags, layers;
};

/* manifest.json. An entry without Config or Layers, or a text that is no such list: -EINVAL. */
int layout_parse_docker(struct arena *arena, const char *text, size_t size, struct layout_docker **ret, size_t *ret_count, struct error *err) MUST_CHECK;

struct layout_image {
	const char *name;   /* the reference in full; NULL: none */
	struct descriptor manifest;
	struct descriptor config;
	const struct descriptor *layers;
	size_t layer_count;
};
/* index.json: the manifests, with their names as Docker (io.containerd.image.name) and containers-image (ref.name) look for them. */
void layout_format_index(const struct layout_image *images, size_t count, struct buf *out);
/* manifest.json, whose paths are those of the layout's blobs, as docker save writes it since version 25. */
int layout_format_docker(const struct layout_image *images, size_t count, struct buf *out, struct error *err) MUST_CHECK;

#endif
