/* JSON from strangers, read with jansson: bounded in size, depth and number of values, no key twice, no zero byte in a text, and every complaint names
 * the field: "the manifest is not valid: layers[3].size is negative".
 *
 *	struct document_value root = document_root(&document), layers = document_field(&root, "layers");
 *
 * A value points at its parents for that name: they must stay where they are. A field that is missing and one that is null are the same: as Go's decoder
 * leaves them, which the other programs of this trade use.
 */
#ifndef CARREL_IMAGE_DOCUMENT_H
#define CARREL_IMAGE_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"
#include "util/mem.h"

struct json_t; /* jansson's */

enum {
	DOCUMENT_DEPTH_MAX = 64,       /* what we read needs 6 */
	DOCUMENT_VALUES_MAX = 100000,  /* each costs some hundred bytes of memory */
};

struct document {
	const char *name; /* "the manifest" */
	struct json_t *root;
};

struct document_value {
	const char *document;
	const struct document_value *parent; /* NULL: the whole */
	const char *key;                     /* NULL in an array */
	size_t index;
	struct json_t *json;                 /* NULL: missing or null */
};

/* -EFBIG above `size_max` bytes; -EINVAL for what is no JSON object. `name` is kept. */
int document_parse(const char *name, const char *text, size_t size, size_t size_max, struct document *ret, struct error *err) MUST_CHECK;
/* The same for what is an array at the top. */
int document_parse_list(const char *name, const char *text, size_t size, size_t size_max, struct document *ret, struct error *err) MUST_CHECK;
void document_done(struct document *document);
#define cleanup_document __attribute__((cleanup(document_done)))

struct document_value document_root(const struct document *document);
/* A field of an object; of anything else, also of what is missing: a missing value. */
struct document_value document_field(const struct document_value *object, const char *key);
struct document_value document_item(const struct document_value *array, size_t index);
static inline bool document_is_there(const struct document_value *value)
{
	return value->json != NULL;
}

/* -errnum, and `err`: the format goes on after the field's name: "is negative". */
int document_fail(const struct document_value *value, struct error *err, int errnum, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* -EINVAL: it is missing. */
int document_require(const struct document_value *value, struct error *err) MUST_CHECK;

/* Each accepts a missing value and leaves then *ret as it was; -EINVAL where it is of another kind. */
int document_object(const struct document_value *value, struct error *err) MUST_CHECK;
int document_array(const struct document_value *value, size_t max, size_t *ret_count, struct error *err) MUST_CHECK;
int document_text(struct arena *arena, const struct document_value *value, const char **ret, struct error *err) MUST_CHECK;
int document_bool(const struct document_value *value, bool *ret, struct error *err) MUST_CHECK;
/* A whole number, written as one. */
int document_number(const struct document_value *value, int64_t min, int64_t max, int64_t *ret, struct error *err) MUST_CHECK;
bool document_is_text(const struct document_value *value);

/* An object's fields in the order of the text, also null ones: `for (void *at = NULL; document_next(&object, &at, &field);)`. */
bool document_next(const struct document_value *object, void **at, struct document_value *ret_field);

#endif
