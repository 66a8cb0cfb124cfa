#include "image/document.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/buf.h"

/* --- parsing --- */

static int invalid(const char *name, struct error *err)
{
	return error_set(err, EINVAL, "%s is not valid", name);
}

/* Before jansson sees it: it would recurse 2,048 levels and make an object of each value before anybody counts them. */
static int check_shape(const char *name, const char *text, size_t size, struct error *err)
{
	size_t depth = 0, values = 0;
	bool quoted = false;

	for (size_t i = 0; i < size; i++) {
		char c = text[i];

		if (quoted) {
			i += c == '\\';
			quoted = c != '"';
			continue;
		}
		quoted = c == '"';
		values += c == ',' || c == '[' || c == '{';
		if (c == '[' || c == '{')
			depth++;
		else if ((c == ']' || c == '}') && depth)
			depth--;
		if (depth > DOCUMENT_DEPTH_MAX || values > DOCUMENT_VALUES_MAX) {
			(void)invalid(name, err);
			(void)(depth > DOCUMENT_DEPTH_MAX ? error_cause(err, "it is nested deeper than %d levels", DOCUMENT_DEPTH_MAX)
							  : error_cause(err, "it has more than %d values", DOCUMENT_VALUES_MAX));
			return -EINVAL;
		}
	}
	return 0;
}

/* The key before a number, for a message: jansson knows only the place behind it. */
static const char *key_before(const char *text, size_t position, int *ret_len)
{
	size_t end, begin;

	while (position && !strchr(":,[", text[position - 1]))
		position--;
	for (end = position ? position - 1 : 0; end && strchr(" \t\r\n", text[end - 1]);)
		end--;
	if (end < 2 || text[end - 1] != '"' || text[position - 1] != ':')
		return NULL;
	for (begin = --end; begin && text[begin - 1] != '"';)
		begin--;
	*ret_len = end - begin > 60 ? 60 : (int)(end - begin);
	return text + begin;
}

static int explain(const char *name, const char *text, size_t size, const json_error_t *error, struct error *err)
{
	size_t position = error->position > 0 && (size_t)error->position <= size ? (size_t)error->position : size;
	const char *key;
	int len;

	(void)invalid(name, err);
	switch (json_error_code(error)) {
	case json_error_out_of_memory:
		(void)error_set(err, ENOMEM, "%s cannot be read", name);
		return -ENOMEM;
	case json_error_null_character:
	case json_error_null_byte_in_key:
		(void)error_cause(err, "line %d, column %d: a text has a zero byte in it", error->line, error->column);
		break;
	case json_error_numeric_overflow:
		key = key_before(text, position, &len);
		(void)error_cause(err, "line %d, column %d: %s%.*s%s is too big a number", error->line, error->column, key ? "'" : "this", key ? len : 0, key ? key : "", key ? "'" : "");
		break;
	case json_error_premature_end_of_input:
		(void)error_cause(err, "it is no JSON: it ends too early, after %zu bytes", size);
		break;
	default:
		(void)error_cause(err, "it is no JSON that can be relied on: line %d, column %d: %s", error->line, error->column, error->text);
	}
	return -EINVAL;
}

static int parse(const char *name, const char *text, size_t size, size_t size_max, bool list, struct document *ret, struct error *err)
{
	json_error_t error;
	json_t *root;
	int r;

	if (size > size_max) {
		(void)error_set(err, EFBIG, "%s is not valid", name);
		(void)error_cause(err, "it has %zu bytes, and %zu are the most", size, size_max);
		return -EFBIG;
	}
	r = check_shape(name, text, size, err);
	if (r < 0)
		return r;
	root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		return explain(name, text, size, &error, err);
	if (list ? !json_is_array(root) : !json_is_object(root)) {
		json_decref(root);
		(void)invalid(name, err);
		(void)error_cause(err, "it is no JSON %s", list ? "array" : "object");
		return -EINVAL;
	}
	*ret = (struct document){.name = name, .root = root};
	return 0;
}

int document_parse(const char *name, const char *text, size_t size, size_t size_max, struct document *ret, struct error *err)
{
	return parse(name, text, size, size_max, false, ret, err);
}

int document_parse_list(const char *name, const char *text, size_t size, size_t size_max, struct document *ret, struct error *err)
{
	return parse(name, text, size, size_max, true, ret, err);
}

void document_done(struct document *document)
{
	json_decref(document->root); /* NULL is accepted */
	document->root = NULL;
}

/* --- the way to a value --- */

static struct document_value child(const struct document_value *parent, const char *key, size_t index, json_t *json)
{
	return (struct document_value){.document = parent->document, .parent = parent, .key = key, .index = index, .json = json_is_null(json) ? NULL : json};
}

struct document_value document_root(const struct document *document)
{
	return (struct document_value){.document = document->name, .json = document->root};
}

struct document_value document_field(const struct document_value *object, const char *key)
{
	return child(object, key, 0, json_object_get(object->json, key));
}

struct document_value document_item(const struct document_value *array, size_t index)
{
	return child(array, NULL, index, json_array_get(array->json, index));
}

bool document_next(const struct document_value *object, void **at, struct document_value *ret_field)
{
	*at = *at ? json_object_iter_next(object->json, *at) : json_object_iter(object->json);
	if (!*at)
		return false;
	*ret_field = child(object, json_object_iter_key(*at), 0, json_object_iter_value(*at));
	return true;
}

static void put_way(const struct document_value *value, struct buf *out)
{
	if (!value->parent)
		return;
	put_way(value->parent, out);
	if (value->key)
		buf_printf(out, "%s%.100s", value->parent->parent ? "." : "", value->key);
	else
		buf_printf(out, "[%zu]", value->index);
}

/* --- checking --- */

int document_fail(const struct document_value *value, struct error *err, int errnum, const char *fmt, ...)
{
	cleanup_buf struct buf way = {0};
	char text[256];
	va_list args;

	put_way(value, &way);
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args); /* cut where it is too long for a message */
	va_end(args);
	(void)error_set(err, errnum, "%s is not valid", value->document);
	(void)error_cause(err, "%s %s", way.size ? way.text : "it", text);
	return -errnum;
}

int document_require(const struct document_value *value, struct error *err)
{
	return value->json ? 0 : document_fail(value, err, EINVAL, "is missing");
}

static int wrong_kind(const struct document_value *value, const char *kind, struct error *err)
{
	return document_fail(value, err, EINVAL, "is no %s", kind);
}

int document_object(const struct document_value *value, struct error *err)
{
	return !value->json || json_is_object(value->json) ? 0 : wrong_kind(value, "object", err);
}

int document_array(const struct document_value *value, size_t max, size_t *ret_count, struct error *err)
{
	size_t count;

	if (!value->json)
		return 0;
	if (!json_is_array(value->json))
		return wrong_kind(value, "array", err);
	count = json_array_size(value->json);
	if (count > max)
		return document_fail(value, err, EINVAL, "has %zu items, and %zu are the most", count, max);
	*ret_count = count;
	return 0;
}

bool document_is_text(const struct document_value *value)
{
	return json_is_string(value->json);
}

int document_text(struct arena *arena, const struct document_value *value, const char **ret, struct error *err)
{
	if (!value->json)
		return 0;
	if (!json_is_string(value->json))
		return wrong_kind(value, "text", err);
	*ret = arena_strndup(arena, json_string_value(value->json), json_string_length(value->json));
	return 0;
}

int document_bool(const struct document_value *value, bool *ret, struct error *err)
{
	if (!value->json)
		return 0;
	if (!json_is_boolean(value->json))
		return wrong_kind(value, "true or false", err);
	*ret = json_is_true(value->json);
	return 0;
}

int document_number(const struct document_value *value, int64_t min, int64_t max, int64_t *ret, struct error *err)
{
	int64_t number;

	if (!value->json)
		return 0;
	if (!json_is_integer(value->json))
		return wrong_kind(value, "whole number", err);
	number = json_integer_value(value->json);
	if (number < 0 && min >= 0)
		return document_fail(value, err, EINVAL, "is negative (%" PRId64 ")", number);
	if (number < min || number > max)
		return document_fail(value, err, EINVAL, "is %" PRId64 ", which is not from %" PRId64 " to %" PRId64, number, min, max);
	*ret = number;
	return 0;
}
