#include "image/document.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

TestSuite(document);

static const struct {
	const char *name, *text;
	const char *cause; /* a part */
} bad[] = {
	{"nothing", "", "it ends too early, after 0 bytes"},
	{"cut off", "{\"a\": [1, 2", "it ends too early, after 11 bytes"},
	{"no JSON", "hello", "line 1, column"},
	{"an array", "[1]", "no JSON object"},
	{"a text", "\"a\"", "line 1, column"},
	{"junk behind it", "{} x", "line 1, column"},
	{"two documents", "{}{}", "line 1, column"},
	{"a comma too many", "{\"a\": 1,}", "line 1, column"},
	{"a key twice", "{\"a\": 1, \"a\": 2}", "duplicate object key"},
	{"a key twice, once escaped", "{\"a\": 1, \"\\u0061\": 2}", "duplicate object key"},
	{"a zero byte in a text", "{\"a\": \"b\\u0000c\"}", "a text has a zero byte"},
	{"a zero byte in a key", "{\"a\\u0000b\": 1}", "a text has a zero byte"},
	{"no UTF-8", "{\"a\": \"\xff\"}", "line 1, column"},
	{"half a surrogate", "{\"a\": \"\\ud800\"}", "line 1, column"},
	{"a control character", "{\"a\": \"\x01\"}", "line 1, column"},
	{"a big number", "{\"layers\": [{\"size\": 99999999999999999999}]}", "'size' is too big a number"},
	{"a big fraction", "{\n\"x\" : 1e999}", "line 2, column 11: 'x' is too big a number"},
	{"a big number without a key", "{\"a\": [18446744073709551616]}", "this is too big a number"},
};

Test(document, bad)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct document document = {0};
		struct error err = {0};

		cr_expect_eq(document_parse("the test", bad[i].text, strlen(bad[i].text), 1000, &document, &err), -EINVAL, "%s", bad[i].name);
		cr_expect(strstr(err.cause, bad[i].cause), "%s: %s", bad[i].name, err.cause);
		cr_expect_str_eq(err.what, "the test is not valid", "%s", bad[i].name);
		cr_expect_eq(document_parse("the test", bad[i].text, strlen(bad[i].text), 1000, &document, NULL), -EINVAL, "%s without an error to fill", bad[i].name);
		cr_expect_null(document.root, "%s", bad[i].name);
	}
}

/* {"a":OPEN…} with `count` times `piece`. */
static char *repeat(const char *piece, size_t count, size_t *ret_size)
{
	size_t length = strlen(piece);
	char *text = mem_alloc(count * length + 10);

	memcpy(text, "{\"a\":[", 6);
	for (size_t i = 0; i < count; i++)
		memcpy(text + 6 + i * length, piece, length);
	strcpy(text + 6 + count * length, "1]}");
	*ret_size = 6 + count * length + 3;
	return text;
}

static const struct {
	const char *name, *piece;
	size_t count;
	int result;
	const char *cause;
} sizes[] = {
	{"a hundred thousand levels of arrays", "[", 100000, -EINVAL, "nested deeper than 64 levels"},
	{"a hundred thousand levels of objects", "{\"a\":", 100000, -EINVAL, "nested deeper than 64 levels"},
	{"very many numbers", "1,", 200000, -EINVAL, "more than 100000 values"},
	{"very many empty arrays", "[],", 200000, -EINVAL, "more than 100000 values"},
	{"many numbers", "1,", 90000, 0, ""},
	{"brackets in a text are no levels", "\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\",", 10, 0, ""},
	{"too many bytes", "1,", 600000, -EFBIG, "1000000 are the most"},
};

Test(document, sizes)
{
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t size;
		cleanup_free char *text = repeat(sizes[i].piece, sizes[i].count, &size);
		cleanup_document struct document document = {0};
		struct error err = {0};

		cr_expect_eq(document_parse("the test", text, size, 1000000, &document, &err), sizes[i].result, "%s: %s", sizes[i].name, err.cause);
		cr_expect(strstr(err.cause, sizes[i].cause), "%s: %s", sizes[i].name, err.cause);
	}
}

static const char sample[] = "{\"text\": \"x\", \"number\": 7, \"real\": 7.0, \"yes\": true, \"null\": null, \"list\": [1, {\"deep\": \"\"}, null], \"object\": {\"b\": 1, \"a\": null}}";

#define EXPECT_CAUSE(call, text) \
	do { \
		err = (struct error){0}; \
		cr_expect_eq((call), -EINVAL, "%s", #call); \
		cr_expect_str_eq(err.cause, text, "%s", #call); \
	} while (0)

Test(document, values_and_their_names)
{
	struct document document = {0};
	struct document_value root, list, item, deep, none, deeper, field;
	struct arena arena = {0};
	struct error err = {0};
	const char *text = "as before";
	size_t count = 77;
	int64_t number = 77;
	bool yes = false;

	cr_assert_eq(document_parse("it", sample, strlen(sample), 1000, &document, &err), 0, "%s", err.cause);
	root = document_root(&document);
	list = document_field(&root, "list");
	item = document_item(&list, 1);
	deep = document_field(&item, "deep");
	none = document_field(&item, "none");
	deeper = document_field(&none, "deeper");
	cr_expect_eq(document_array(&list, 3, &count, &err), 0);
	cr_expect_eq(count, 3);
	cr_expect_eq(document_text(&arena, &deep, &text, &err), 0);
	cr_expect_str_eq(text, "");
	cr_expect(document_is_there(&deep) && document_is_text(&deep) && !document_is_there(&none) && !document_is_there(&deeper) && !document_is_text(&none));

	text = "as before";
	cr_expect_eq(document_text(&arena, &none, &text, &err), 0);
	cr_expect_eq(document_number(&none, 0, 1, &number, &err), 0);
	cr_expect_eq(document_object(&none, &err), 0);
	cr_expect_str_eq(text, "as before");
	cr_expect_eq(number, 77);

	EXPECT_CAUSE(document_require(&deeper, &err), "list[1].none.deeper is missing");
	EXPECT_CAUSE(document_array(&list, 2, &count, &err), "list has 3 items, and 2 are the most");
	EXPECT_CAUSE(document_array(&deep, 2, &count, &err), "list[1].deep is no array");
	EXPECT_CAUSE(document_text(&arena, &item, &text, &err), "list[1] is no text");
	EXPECT_CAUSE(document_object(&list, &err), "list is no object");
	EXPECT_CAUSE(document_bool(&list, &yes, &err), "list is no true or false");
	EXPECT_CAUSE(document_fail(&root, &err, EINVAL, "is %s", "odd"), "it is odd");
	item = document_item(&list, 2);
	EXPECT_CAUSE(document_require(&item, &err), "list[2] is missing");

	field = document_field(&root, "yes");
	cr_expect(document_bool(&field, &yes, &err) == 0 && yes);
	field = document_field(&root, "number");
	cr_expect(document_number(&field, 0, 7, &number, &err) == 0 && number == 7);
	EXPECT_CAUSE(document_number(&field, 0, 6, &number, &err), "number is 7, which is not from 0 to 6");
	field = document_field(&root, "real");
	EXPECT_CAUSE(document_number(&field, 0, 7, &number, &err), "real is no whole number");
	document_done(&document);
	arena_done(&arena);
}

Test(document, next)
{
	cleanup_document struct document document = {0};
	struct document_value root, object, field;
	struct error err = {0};
	char seen[20] = "";

	cr_assert_eq(document_parse("it", sample, strlen(sample), 1000, &document, &err), 0, "%s", err.cause);
	root = document_root(&document);
	object = document_field(&root, "object");
	for (void *at = NULL; document_next(&object, &at, &field);) {
		strcat(seen, field.key);
		strcat(seen, document_is_there(&field) ? "+" : "-");
	}
	cr_expect_str_eq(seen, "b+a-");
	object = document_field(&root, "number");
	for (void *at = NULL; document_next(&object, &at, &field);)
		cr_expect_fail("a number has no fields");
}
