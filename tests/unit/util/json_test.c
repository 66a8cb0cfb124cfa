#include "util/json.h"

#include <criterion/criterion.h>

#include "util/mem.h"

TestSuite(json);

static const struct {
	const char *name, *value, *text;
} strings[] = {
	{"plain", "abc", "\"abc\"\n"},
	{"empty", "", "\"\"\n"},
	{"null", NULL, "null\n"},
	{"quotes", "a\"b\\c", "\"a\\\"b\\\\c\"\n"},
	{"short escapes", "\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"\n"},
	{"controls", "\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\"\n"},
	{"controls of two bytes", "\xc2\x80\xc2\x9b\xc2\xa0", "\"\\u0080\\u009b\xc2\xa0\"\n"},
	{"utf-8", "caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80", "\"caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80\"\n"},
	{"stray byte", "a\xFFz", "\"a\xEF\xBF\xBDz\"\n"},
	{"cut sequence", "a\xE2\x82", "\"a\xEF\xBF\xBD\xEF\xBF\xBD\"\n"},
	{"overlong slash", "\xC0\xAF", "\"\xEF\xBF\xBD\xEF\xBF\xBD\"\n"},
	{"surrogate", "\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"\n"},
	{"above U+10FFFF", "\xF4\x90\x80\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"\n"},
};

Test(json, strings)
{
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		cleanup_buf struct buf out = {0};
		struct json json = {.out = &out};

		json_string(&json, NULL, strings[i].value);
		buf_puts(&out, "\n");
		cr_expect_str_eq(out.text, strings[i].text, "%s: %s", strings[i].name, out.text);
	}
}

static void write_document(struct json *json)
{
	json_open_object(json, NULL);
	json_string(json, "name", "web");
	json_open_array(json, "list");
	json_number(json, NULL, -1);
	json_open_object(json, NULL);
	json_close_object(json);
	json_open_array(json, NULL);
	json_close_array(json);
	json_close_array(json);
	json_number(json, "big", INT64_MAX);
	json_bool(json, "yes", true);
	json_bool(json, "no", false);
	json_close_object(json);
}

Test(json, indented)
{
	cleanup_buf struct buf out = {0};
	struct json json = {.out = &out};

	write_document(&json);
	cr_expect_str_eq(out.text, "{\n  \"name\": \"web\",\n  \"list\": [\n    -1,\n    {},\n    []\n  ],\n"
				   "  \"big\": 9223372036854775807,\n  \"yes\": true,\n  \"no\": false\n}\n");
}

Test(json, compact_documents_one_after_the_other)
{
	cleanup_buf struct buf out = {0};
	struct json json = {.out = &out, .compact = true};

	write_document(&json);
	buf_puts(&out, "\n");
	json_open_array(&json, NULL);
	json_close_array(&json);
	cr_expect_str_eq(out.text, "{\"name\":\"web\",\"list\":[-1,{},[]],\"big\":9223372036854775807,\"yes\":true,\"no\":false}\n[]");
}
