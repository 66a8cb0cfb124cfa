/* Image configurations: OCI's config.md and Docker's, whose fields have the same names. */
#include <errno.h>
#include <string.h>

#include "image/document.h"
#include "image/image.h"
#include "image/image_check.h"
#include "image/platform.h"
#include "util/path.h"

enum {
	ITEMS_MAX = 10000, /* of one list */
	RECORD_SPARE = 64 << 10, /* for what is added later: the manifest's and the blobs' digests */
};

/* Text that is not there and text that is empty are the same in all of these fields: Go writes the one for the other. */
static int take_text(struct arena *arena, const struct document_value *object, const char *key, const char **ret, struct error *err)
{
	struct document_value value = document_field(object, key);
	const char *text = NULL;

	if (document_text(arena, &value, &text, err) < 0)
		return -EINVAL;
	*ret = text && *text ? text : NULL;
	return 0;
}

static int take_checked(struct arena *arena, const struct document_value *object, const char *key, bool (*is_valid)(const char *), const char *what, const char **ret, struct error *err)
{
	struct document_value value = document_field(object, key);

	if (take_text(arena, object, key, ret, err) < 0)
		return -EINVAL;
	return !*ret || is_valid(*ret) ? 0 : document_fail(&value, err, EINVAL, "is no %s: '%.60s'", what, *ret);
}

static void add(struct arena *arena, struct image_texts *texts, const char *text)
{
	texts->items = arena_grow(arena, texts->items, texts->count, sizeof(*texts->items));
	texts->items[texts->count++] = text;
}

/* A list of texts; Docker also takes a single text for one (strslice.StrSlice). */
static int take_list(struct arena *arena, const struct document_value *object, const char *key, struct image_texts *ret, struct error *err)
{
	struct document_value value = document_field(object, key);
	size_t count = 0;

	if (document_is_text(&value)) {
		const char *text;

		if (document_text(arena, &value, &text, err) < 0)
			return -EINVAL;
		add(arena, ret, text);
		return 0;
	}
	if (document_array(&value, ITEMS_MAX, &count, err) < 0)
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		struct document_value item = document_item(&value, i);
		const char *text = NULL;

		if (document_require(&item, err) < 0 || document_text(arena, &item, &text, err) < 0)
			return -EINVAL;
		add(arena, ret, text);
	}
	return 0;
}

/* What is no NAME=value sets nothing, as with Docker, which hands it to programs that pass over it. */
static int take_environment(struct arena *arena, const struct document_value *config, struct image_texts *ret, struct error *err)
{
	struct image_texts all = {0};

	if (take_list(arena, config, "Env", &all, err) < 0)
		return -EINVAL;
	for (size_t i = 0; i < all.count; i++)
		if (image_variable_is_valid(all.items[i]))
			add(arena, ret, all.items[i]);
	return 0;
}

/* For people to read: one that is no time is as one that is not said. */
static void take_time(struct arena *arena, const struct document_value *root, const char **ret)
{
	struct document_value value = document_field(root, "created");
	const char *text = NULL;

	if (document_text(arena, &value, &text, NULL) == 0 && text && image_time_is_valid(text))
		*ret = text;
}

/* Sets are written as objects with empty values: {"80/tcp": {}}. */
static int take_keys(struct arena *arena, const struct document_value *config, const char *key, struct image_texts *ret, struct error *err)
{
	struct document_value value = document_field(config, key), field;

	if (document_object(&value, err) < 0)
		return -EINVAL;
	for (void *at = NULL; document_next(&value, &at, &field);) {
		if (ret->count == ITEMS_MAX)
			return document_fail(&value, err, EINVAL, "has more than %d items", ITEMS_MAX);
		if (!*field.key)
			return document_fail(&value, err, EINVAL, "has an item without a name");
		add(arena, ret, arena_strdup(arena, field.key));
	}
	return 0;
}

static int take_volumes(struct arena *arena, const struct document_value *config, struct image_texts *ret, struct error *err)
{
	struct document_value value = document_field(config, "Volumes");

	if (take_keys(arena, config, "Volumes", ret, err) < 0)
		return -EINVAL;
	for (size_t i = 0; i < ret->count; i++) {
		if (ret->items[i][0] != '/')
			return document_fail(&value, err, EINVAL, "has a path that is not absolute: '%.100s'", ret->items[i]);
		ret->items[i] = path_clean(arena, ret->items[i]);
	}
	return 0;
}

static int take_labels(struct arena *arena, const struct document_value *config, struct image_texts *ret, struct error *err)
{
	struct document_value labels = document_field(config, "Labels"), field;

	if (document_object(&labels, err) < 0)
		return -EINVAL;
	for (void *at = NULL; document_next(&labels, &at, &field);) {
		const char *text = "";

		if (document_text(arena, &field, &text, err) < 0)
			return -EINVAL;
		if (ret->count == ITEMS_MAX)
			return document_fail(&labels, err, EINVAL, "has more than %d items", ITEMS_MAX);
		add(arena, ret, arena_printf(arena, "%s=%s", field.key, text));
	}
	return 0;
}

/* The part that says how to run it. */
static int take_config(struct arena *arena, const struct document_value *root, struct image *image, struct error *err)
{
	struct document_value config = document_field(root, "config");

	if (document_object(&config, err) < 0 || take_list(arena, &config, "Entrypoint", &image->entrypoint, err) < 0 ||
	    take_list(arena, &config, "Cmd", &image->command, err) < 0 || take_environment(arena, &config, &image->environment, err) < 0 ||
	    take_volumes(arena, &config, &image->volumes, err) < 0 || take_keys(arena, &config, "ExposedPorts", &image->ports, err) < 0 ||
	    take_labels(arena, &config, &image->labels, err) < 0 || take_text(arena, &config, "User", &image->user, err) < 0 ||
	    take_text(arena, &config, "WorkingDir", &image->workdir, err) < 0 ||
	    take_checked(arena, &config, "StopSignal", image_signal_is_valid, "signal", &image->stop_signal, err) < 0)
		return -EINVAL;
	if (image->workdir)
		image->workdir = path_join(arena, "/", image->workdir); /* old builders wrote relative ones, which begin at the root */
	return 0;
}

static int take_layers(struct arena *arena, const struct document_value *root, size_t layer_count, struct image *image, struct error *err)
{
	struct document_value rootfs = document_field(root, "rootfs"), type = document_field(&rootfs, "type"), ids = document_field(&rootfs, "diff_ids");
	const char *text = "layers";

	if (document_require(&rootfs, err) < 0 || document_object(&rootfs, err) < 0 || document_text(arena, &type, &text, err) < 0)
		return -EINVAL;
	if (strcmp(text, "layers") != 0)
		return document_fail(&type, err, EINVAL, "is not 'layers'");
	if ((layer_count && document_require(&ids, err) < 0) || document_array(&ids, MANIFEST_LAYERS_MAX, &image->layer_count, err) < 0)
		return -EINVAL;
	if (image->layer_count != layer_count)
		return document_fail(&ids, err, EINVAL, "has %zu items, and the manifest has %zu layers", image->layer_count, layer_count);
	image->layers = arena_alloc(arena, layer_count * sizeof(*image->layers));
	for (size_t i = 0; i < layer_count; i++) {
		struct document_value item = document_item(&ids, i);
		struct error inner = {0};
		int r;

		if (document_require(&item, err) < 0 || document_text(arena, &item, &text, err) < 0)
			return -EINVAL;
		r = digest_parse(text, &image->layers[i], &inner);
		if (r < 0)
			return document_fail(&item, err, -r, "is no digest that can be relied on: %s", inner.cause);
	}
	return 0;
}

static int take_platform(struct arena *arena, const struct document_value *root, struct platform *platform, struct error *err)
{
	static const char word[] = "word of letters and digits";

	if (take_checked(arena, root, "os", platform_word_is_valid, word, &platform->os, err) < 0 ||
	    take_checked(arena, root, "architecture", platform_word_is_valid, word, &platform->architecture, err) < 0 ||
	    take_checked(arena, root, "variant", platform_word_is_valid, word, &platform->variant, err) < 0)
		return -EINVAL;
	return 0;
}

/* Whatever is taken in must be readable as a record later. */
static int check_size(const struct image *image, const struct document_value *root, struct error *err)
{
	cleanup_buf struct buf record = {0};

	image_record_format(image, &record);
	if (record.size > IMAGE_RECORD_MAX - RECORD_SPARE)
		return document_fail(root, err, EINVAL, "says more than %d KiB about how to run it", IMAGE_RECORD_MAX / 1024);
	return 0;
}

int image_parse_config(struct arena *arena, const char *text, size_t size, size_t layer_count, struct image *ret, struct error *err)
{
	cleanup_document struct document document = {0};
	struct document_value root;
	struct image image = {.manifest = ret->manifest, .config = ret->config, .media_type = ret->media_type, .size = ret->size, .blobs = ret->blobs, .blob_count = ret->blob_count};
	int r = document_parse("the image's configuration", text, size, CONFIG_SIZE_MAX, &document, err);

	if (r < 0)
		return r;
	root = document_root(&document);
	take_time(arena, &root, &image.created);
	r = take_platform(arena, &root, &image.platform, err);
	if (r == 0)
		r = take_layers(arena, &root, layer_count, &image, err);
	if (r == 0)
		r = take_config(arena, &root, &image, err);
	if (r == 0)
		r = check_size(&image, &root, err);
	if (r < 0)
		return r;
	*ret = image;
	return 0;
}
