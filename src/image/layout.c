#include "image/layout.h"

#include <errno.h>

#include "image/reference.h"
#include "util/json.h"

static const char *blob_path(struct arena *arena, const struct digest *digest)
{
	return arena_printf(arena, "blobs/sha256/%s", digest_hex(digest));
}

static void put_manifest(struct json *json, const struct layout_image *image)
{
	json_open_object(json, NULL);
	json_string(json, "mediaType", image->manifest.media_type);
	json_string(json, "digest", image->manifest.digest.text);
	json_number(json, "size", (int64_t)image->manifest.size);
	if (image->name) {
		json_open_object(json, "annotations");
		json_string(json, "io.containerd.image.name", image->name);
		json_string(json, "org.opencontainers.image.ref.name", image->name);
		json_close_object(json);
	}
	json_close_object(json);
}

void layout_format_index(const struct layout_image *images, size_t count, struct buf *out)
{
	struct json json = {.out = out, .compact = true};

	json_open_object(&json, NULL);
	json_number(&json, "schemaVersion", 2);
	json_string(&json, "mediaType", MEDIA_OCI_INDEX);
	json_open_array(&json, "manifests");
	for (size_t i = 0; i < count; i++)
		put_manifest(&json, &images[i]);
	json_close_array(&json);
	json_close_object(&json);
}

/* Docker writes its own short names there, and reads any. */
static int put_tag(struct json *json, struct arena *arena, const struct layout_image *image, struct error *err)
{
	struct reference reference;
	int r = image->name ? reference_parse(arena, image->name, &reference, err) : 0;

	if (r < 0)
		return r;
	json_open_array(json, "RepoTags");
	if (image->name && reference.tag)
		json_string(json, NULL, reference_familiar(arena, &reference));
	json_close_array(json);
	return 0;
}

int layout_format_docker(const struct layout_image *images, size_t count, struct buf *out, struct error *err)
{
	struct json json = {.out = out, .compact = true};
	struct arena arena = {0};
	int r = 0;

	json_open_array(&json, NULL);
	for (size_t i = 0; i < count && r == 0; i++) {
		json_open_object(&json, NULL);
		json_string(&json, "Config", blob_path(&arena, &images[i].config.digest));
		r = put_tag(&json, &arena, &images[i], err);
		json_open_array(&json, "Layers");
		for (size_t n = 0; n < images[i].layer_count; n++)
			json_string(&json, NULL, blob_path(&arena, &images[i].layers[n].digest));
		json_close_array(&json);
		json_close_object(&json);
	}
	json_close_array(&json);
	arena_done(&arena);
	return r;
}
