#include "image/history.h"

#include <errno.h>

#include "image/document.h"
#include "image/image_check.h"
#include "image/manifest.h"

enum { HISTORY_MAX = 10000 };

static int take_text(struct arena *arena, const struct document_value *item, const char *key, const char **ret, struct error *err)
{
	struct document_value value = document_field(item, key);

	if (document_text(arena, &value, ret, err) < 0)
		return -EINVAL;
	if (*ret && !**ret)
		*ret = NULL;
	return 0;
}

static int take_item(struct arena *arena, const struct document_value *item, struct image_history *ret, struct error *err)
{
	struct document_value created = document_field(item, "created"), empty = document_field(item, "empty_layer");
	const char *time = NULL;

	if (document_require(item, err) < 0 || document_object(item, err) < 0 ||
	    take_text(arena, item, "created_by", &ret->created_by, err) < 0 || take_text(arena, item, "comment", &ret->comment, err) < 0 ||
	    document_bool(&empty, &ret->empty_layer, err) < 0)
		return -EINVAL;
	/* As config.c has it: what is no time is as what is not said. */
	if (document_text(arena, &created, &time, NULL) == 0 && time && image_time_is_valid(time))
		ret->created = time;
	return 0;
}

int image_parse_history(struct arena *arena, const char *text, size_t size, struct image_history **ret, size_t *ret_count, struct error *err)
{
	cleanup_document struct document document = {0};
	struct document_value root, list;
	struct image_history *items;
	size_t count = 0;
	int r = document_parse("the image's configuration", text, size, CONFIG_SIZE_MAX, &document, err);

	if (r < 0)
		return r;
	root = document_root(&document);
	list = document_field(&root, "history");
	r = document_array(&list, HISTORY_MAX, &count, err);
	if (r < 0)
		return r;
	items = arena_alloc(arena, count * sizeof(*items));
	for (size_t i = 0; i < count && r == 0; i++) {
		struct document_value item = document_item(&list, i);

		r = take_item(arena, &item, &items[i], err);
	}
	if (r < 0)
		return r;
	*ret = items;
	*ret_count = count;
	return 0;
}
