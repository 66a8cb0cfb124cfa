/* Everything comes from the record, which was checked when the image came in: no foreign JSON is read here. */
#include <errno.h>
#include <string.h>

#include "cli/image_context.h"
#include "cli/report.h"
#include "image/texts_json.h"
#include "util/json.h"

static void put_texts(struct json *json, const char *key, const struct image_texts *texts, texts_json *put)
{
	if (texts->count)
		put(json, key, texts);
	else
		json_string(json, key, NULL);
}

static void put_config(struct json *json, const struct image *image)
{
	json_open_object(json, "Config");
	json_string(json, "User", image->user ? image->user : "");
	if (image->ports.count)
		texts_json_set(json, "ExposedPorts", &image->ports);
	put_texts(json, "Env", &image->environment, texts_json_list);
	put_texts(json, "Cmd", &image->command, texts_json_list);
	put_texts(json, "Volumes", &image->volumes, texts_json_set);
	json_string(json, "WorkingDir", image->workdir ? image->workdir : "");
	put_texts(json, "Entrypoint", &image->entrypoint, texts_json_list);
	put_texts(json, "Labels", &image->labels, texts_json_labels);
	if (image->stop_signal)
		json_string(json, "StopSignal", image->stop_signal);
	json_close_object(json);
}

static void put_names(struct json *json, struct arena *arena, const struct image *image, const struct store_ref *refs, size_t count)
{
	json_open_array(json, "RepoTags");
	for (size_t i = 0; i < count; i++) {
		struct reference reference;

		if (digest_equal(&refs[i].manifest, &image->manifest) && reference_parse(arena, refs[i].name, &reference, NULL) == 0 && !digest_is_set(&reference.digest))
			json_string(json, NULL, reference_familiar(arena, &reference));
	}
	json_close_array(json);
	json_open_array(json, "RepoDigests");
	const char *last = "";
	for (size_t i = 0; i < count; i++) {
		struct reference reference;

		if (!digest_equal(&refs[i].manifest, &image->manifest) || reference_parse(arena, refs[i].name, &reference, NULL) < 0)
			continue;
		reference.tag = NULL;
		if (!digest_is_set(&reference.digest))
			reference.digest = image->manifest;
		const char *name = reference_familiar(arena, &reference);
		if (strcmp(name, last) != 0) /* they are sorted */
			json_string(json, NULL, name);
		last = name;
	}
	json_close_array(json);
}

static void put_image(struct json *json, struct arena *arena, const struct image *image, const struct store_ref *refs, size_t count)
{
	json_open_object(json, NULL);
	json_string(json, "Id", image->config.text);
	put_names(json, arena, image, refs, count);
	json_string(json, "Digest", image->manifest.text);
	json_string(json, "Created", image->created ? image->created : "");
	json_string(json, "Architecture", image->platform.architecture ? image->platform.architecture : "");
	if (image->platform.variant)
		json_string(json, "Variant", image->platform.variant);
	json_string(json, "Os", image->platform.os ? image->platform.os : "");
	json_number(json, "Size", (int64_t)image->size);
	put_config(json, image);
	json_open_object(json, "RootFS");
	json_string(json, "Type", "layers");
	json_open_array(json, "Layers");
	for (size_t i = 0; i < image->layer_count; i++)
		json_string(json, NULL, image->layers[i].text);
	json_close_array(json);
	json_close_object(json);
	json_close_object(json);
}

static int inspect(struct image_context *context, int argc, char **argv, struct buf *out, int *ret_status, struct error *err)
{
	struct json json = {.out = out};
	struct store_ref *refs;
	size_t count;
	int r = image_context_read(context, true, err);

	if (r == 0)
		r = store_refs(&context->store, &context->arena, &refs, &count, err);
	if (r < 0)
		return r;
	json_open_array(&json, NULL);
	for (int i = 0; i < argc; i++) {
		struct error why = {0};
		struct image image;

		if (store_find(&context->store, &context->arena, argv[i], &image, NULL, &why) == 0)
			put_image(&json, &context->arena, &image, refs, count);
		else
			*ret_status = image_fail(&why);
	}
	json_close_array(&json);
	return 0;
}

int image_inspect(const struct image_use *use, int argc, char **argv)
{
	cleanup_buf struct buf out = {0};
	struct image_context context;
	struct error err = {0};
	int r, status = 0;

	if (argc < 1)
		return image_usage("inspect", "no image was named");
	r = image_context_init(&context, use, &err);
	if (r == 0)
		r = inspect(&context, argc, argv, &out, &status, &err);
	image_context_done(&context);
	if (r < 0)
		return image_fail(&err);
	r = report_print(&out);
	return r ? r : status;
}
