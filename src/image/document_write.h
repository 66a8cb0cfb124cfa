/* Composing an OCI configuration and manifest, as JSON, for images that are made here (import, and what builds). */
#ifndef CARREL_IMAGE_DOCUMENT_WRITE_H
#define CARREL_IMAGE_DOCUMENT_WRITE_H

#include "image/image.h"
#include "image/manifest.h"
#include "util/buf.h"

/* The configuration (config.md) that image_parse_config reads back as the same `image`, with one line of history. `created_by` is what made it,
 * `comment` may be NULL. */
void document_write_config(const struct image *image, const char *created_by, const char *comment, struct buf *out);
/* The manifest (manifest.md), layers bottom first. */
void document_write_manifest(const struct descriptor *config, const struct descriptor *layers, size_t count, struct buf *out);

#endif
