/* The lists of an image's configuration as members of a JSON object, in the shapes of config.md, which Docker's inspect has too. */
#ifndef CARREL_IMAGE_TEXTS_JSON_H
#define CARREL_IMAGE_TEXTS_JSON_H

#include "image/image.h"
#include "util/json.h"

typedef void texts_json(struct json *json, const char *key, const struct image_texts *texts);

texts_json texts_json_list;   /* ["a", "b"] */
texts_json texts_json_set;    /* {"a": {}, "b": {}}, since Go has no sets */
texts_json texts_json_labels; /* of "a=1" and "b": {"a": "1", "b": ""} */

#endif
