#include "image/layout.h"

#include <errno.h>

#include "image/document.h"
#include "image/reference.h"
#include "util/json.h"

enum { ITEMS_MAX = 10000 };

static int read_texts(struct arena *arena, const struct document_value *list, struct image_texts *ret, struct error *err)
{
	int r = document_array(list, ITEMS_MAX, &ret->count, err);

	if (r < 0 || !document_is_there(list))
		return r;
	ret->items = arena_alloc(arena, (ret->count + 1) * sizeof(*ret->items));
	for (size_t i = 0; r == 0 && i < ret->count; i++) {
		struct document_value item = document_item(list, i);

		r = document_require(&item, err);
		if (r == 0)
			r = document_text(arena, &item, &ret->items[i], err);
	}
	return r;
}

static int read_docker(struct arena *arena, const struct document_value *item, struct layout_docker *ret, struct error *err)
{
	struct document_value config = document_field(item, "Config"), tags = document_field(item, "RepoTags"), layers = document_field(item, "Layers");
	int r = document_object(item, err);

	if (r == 0)
		r = document_require(&config, err);
	if (r == 0)
		r = document_text(arena, &config, &ret->config, err);
	if (r == 0)
		r = read_texts(arena, &tags, &ret->tags, err);
	if (r == 0)
		r = document_require(&layers, err);
	return r < 0 ? r : read_texts(arena, &layers, &ret->layers, err);
}

int layout_parse_docker(struct arena *arena, const char *text, size_t size, struct layout_docker **ret, size_t *ret_count, struct error *err)
{
	cleanup_document struct document document = {0};
	struct layout_docker *items;
	struct document_value root;
	size_t count = 0;
	int r = document_parse_list("manifest.json", text, size, LAYOUT_TEXT_MAX, &document, err);

	if (r < 0)
		return r;
	root = document_root(&document);
	r = document_array(&root, ITEMS_MAX, &count, err);
	items = arena_alloc(arena, (count + 1) * sizeof(*items));
	for (size_t i = 0; r == 0 && i < count; i++) {
		struct document_value item = document_item(&root, i);

		r = read_docker(arena, &item, &items[i], err);
	}
	if (r < 0)
		return r;
	*ret = items;
	*ret_count = count;
	return 0;
}

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
