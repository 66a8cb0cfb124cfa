#include "image/texts_json.h"

#include <string.h>

#include "util/mem.h"

void texts_json_list(struct json *json, const char *key, const struct image_texts *texts)
{
	json_open_array(json, key);
	for (size_t i = 0; i < texts->count; i++)
		json_string(json, NULL, texts->items[i]);
	json_close_array(json);
}

void texts_json_set(struct json *json, const char *key, const struct image_texts *texts)
{
	json_open_object(json, key);
	for (size_t i = 0; i < texts->count; i++) {
		json_open_object(json, texts->items[i]);
		json_close_object(json);
	}
	json_close_object(json);
}

void texts_json_labels(struct json *json, const char *key, const struct image_texts *texts)
{
	json_open_object(json, key);
	for (size_t i = 0; i < texts->count; i++) {
		const char *equals = strchrnul(texts->items[i], '=');
		cleanup_free char *name = mem_printf("%.*s", (int)(equals - texts->items[i]), texts->items[i]);

		json_string(json, name, *equals ? equals + 1 : "");
	}
	json_close_object(json);
}
