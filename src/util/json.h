/* A JSON writer (RFC 8259): objects and arrays are opened and closed, commas and indentation are its own affair.
 * Strings are escaped; bytes that are not UTF-8 become U+FFFD, so that the output always parses.
 * `struct json j = {.out = &buf}`; a closed top-level value is followed by a new line unless `compact`. */
#ifndef CARREL_UTIL_JSON_H
#define CARREL_UTIL_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"

struct json {
	struct buf *out;
	unsigned depth;
	bool has_items, compact;
};

/* `key` is NULL inside an array and at the top. */
void json_open_object(struct json *json, const char *key);
void json_open_array(struct json *json, const char *key);
void json_close_object(struct json *json);
void json_close_array(struct json *json);
void json_string(struct json *json, const char *key, const char *value); /* NULL value: null */
void json_number(struct json *json, const char *key, int64_t value);
void json_bool(struct json *json, const char *key, bool value);

#endif
