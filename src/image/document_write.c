#include "image/document_write.h"

#include "image/texts_json.h"
#include "util/json.h"

static void put_texts(struct json *json, const char *key, const struct image_texts *texts, texts_json *put)
{
	if (texts->count)
		put(json, key, texts);
}

static void put_optional(struct json *json, const char *key, const char *value)
{
	if (value)
		json_string(json, key, value);
}

static void put_execution(struct json *json, const struct image *image)
{
	json_open_object(json, "config");
	put_optional(json, "User", image->user);
	put_texts(json, "ExposedPorts", &image->ports, texts_json_set);
	put_texts(json, "Env", &image->environment, texts_json_list);
	put_texts(json, "Entrypoint", &image->entrypoint, texts_json_list);
	put_texts(json, "Cmd", &image->command, texts_json_list);
	put_texts(json, "Volumes", &image->volumes, texts_json_set);
	put_optional(json, "WorkingDir", image->workdir);
	put_texts(json, "Labels", &image->labels, texts_json_labels);
	put_optional(json, "StopSignal", image->stop_signal);
	json_close_object(json);
}

void document_write_config(const struct image *image, const char *created_by, const char *comment, struct buf *out)
{
	struct json json = {.out = out, .compact = true};

	json_open_object(&json, NULL);
	put_optional(&json, "created", image->created);
	put_optional(&json, "architecture", image->platform.architecture);
	put_optional(&json, "variant", image->platform.variant);
	put_optional(&json, "os", image->platform.os);
	put_execution(&json, image);
	json_open_object(&json, "rootfs");
	json_string(&json, "type", "layers");
	json_open_array(&json, "diff_ids");
	for (size_t i = 0; i < image->layer_count; i++)
		json_string(&json, NULL, image->layers[i].text);
	json_close_array(&json);
	json_close_object(&json);
	json_open_array(&json, "history");
	json_open_object(&json, NULL);
	put_optional(&json, "created", image->created);
	json_string(&json, "created_by", created_by);
	put_optional(&json, "comment", comment);
	json_close_object(&json);
	json_close_array(&json);
	json_close_object(&json);
}

static void put_descriptor(struct json *json, const char *key, const struct descriptor *descriptor)
{
	json_open_object(json, key);
	json_string(json, "mediaType", descriptor->media_type);
	json_string(json, "digest", descriptor->digest.text);
	json_number(json, "size", (int64_t)descriptor->size);
	json_close_object(json);
}

void document_write_manifest(const struct descriptor *config, const struct descriptor *layers, size_t count, struct buf *out)
{
	struct json json = {.out = out, .compact = true};

	json_open_object(&json, NULL);
	json_number(&json, "schemaVersion", 2);
	json_string(&json, "mediaType", MEDIA_OCI_MANIFEST);
	put_descriptor(&json, "config", config);
	json_open_array(&json, "layers");
	for (size_t i = 0; i < count; i++)
		put_descriptor(&json, NULL, &layers[i]);
	json_close_array(&json);
	json_close_object(&json);
}
