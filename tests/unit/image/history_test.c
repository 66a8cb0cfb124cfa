#include "image/history.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

TestSuite(history);

Test(history, parse)
{
	static const char text[] = "{\"history\":[{\"created\":\"2024-05-06T07:08:09Z\",\"created_by\":\"/bin/sh -c #(nop) ADD x\",\"comment\":\"\"},"
				   "{\"created\":\"now\",\"created_by\":\"CMD [\\\"sh\\\"]\",\"comment\":\"buildkit\",\"empty_layer\":true,\"author\":7},{}]}";
	struct arena arena = {0};
	struct image_history *list;
	struct error err = {0};
	size_t count;

	cr_assert_eq(image_parse_history(&arena, text, strlen(text), &list, &count, &err), 0, "%s", err.cause);
	cr_assert_eq(count, 3);
	cr_expect_str_eq(list[0].created, "2024-05-06T07:08:09Z");
	cr_expect_str_eq(list[0].created_by, "/bin/sh -c #(nop) ADD x");
	cr_expect(!list[0].comment && !list[0].empty_layer);
	cr_expect_str_eq(list[1].comment, "buildkit");
	cr_expect(list[1].empty_layer && !list[1].created);
	cr_expect(!list[2].created_by && !list[2].empty_layer);
	arena_done(&arena);
}

static const struct {
	const char *name, *text, *cause; /* NULL: good, none */
} cases[] = {
	{"missing", "{}", NULL},
	{"null", "{\"history\":null}", NULL},
	{"empty", "{\"history\":[]}", NULL},
	{"no JSON", "", "no JSON"},
	{"an object", "{\"history\":{}}", "history is no array"},
	{"a text", "{\"history\":[\"x\"]}", "history[0] is no object"},
	{"a null", "{\"history\":[null]}", "history[0] is missing"},
	{"a number", "{\"history\":[{\"created_by\":7}]}", "history[0].created_by is no text"},
	{"yes", "{\"history\":[{\"empty_layer\":\"yes\"}]}", "history[0].empty_layer is no true or false"},
};

Test(history, cases)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena arena = {0};
		struct image_history *list;
		struct error err = {0};
		size_t count = 77;

		cr_expect_eq(image_parse_history(&arena, cases[i].text, strlen(cases[i].text), &list, &count, &err), cases[i].cause ? -EINVAL : 0, "%s", cases[i].name);
		cr_expect_eq(count, cases[i].cause ? 77 : 0, "%s", cases[i].name);
		cr_expect(!cases[i].cause || strstr(err.cause, cases[i].cause), "%s: %s", cases[i].name, err.cause);
		arena_done(&arena);
	}
}
