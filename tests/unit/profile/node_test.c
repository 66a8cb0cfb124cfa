#include "profile/node.h"

#include <criterion/criterion.h>
#include <string.h>

#include "util/mem.h"

Test(node, put_text)
{
	static const struct {
		const char *text, *yaml;
	} cases[] = {
		{"plain", "plain"},
		{"$PWD/x", "$PWD/x"},
		{"~", "\"~\""},
		{"~/x", "~/x"},
		{"0022", "\"0022\""},
		{"No", "\"No\""},
		{"", "\"\""},
		{"null", "\"null\""},
		{"@default", "\"@default\""},
		{"LC_*", "\"LC_*\""},
		{"a: b", "\"a: b\""},
		{"-", "\"-\""},
		{"<<", "\"<<\""},
		{"# no", "\"# no\""},
		{"two\nlines\t", "\"two\\nlines\\t\""},
		{"quote\" and \\", "\"quote\\\" and \\\\\""},
		{"bell\a", "\"bell\\U00000007\""},
		{"Grüße", "\"Grüße\""},
		{"\xe2\x80\xa8", "\"\\U00002028\""},
		{"\xf0\x9f\x93\x9a", "\"\\U0001F4DA\""},
		{"\xff", "\"\\U000000FF\""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf out = {0};

		node_put_text(&out, cases[i].text);
		cr_expect_str_eq(out.text, cases[i].yaml, "%s: %s", cases[i].text, out.text);
		buf_done(&out);
	}
}

/* What is put reads back as the same text, in a list and in a map, for every byte that is a character. */
Test(node, reads_back)
{
	for (unsigned byte = 1; byte < 128; byte++) {
		const char texts[3][6] = {{(char)byte}, {'a', (char)byte, 'b'}, {(char)byte, ' ', 'x'}};

		for (size_t i = 0; i < 3; i++) {
			struct arena arena = {0};
			struct buf out = {0};
			struct node *root = NULL;
			struct error err = {0};

			buf_puts(&out, "{k: ");
			node_put_text(&out, texts[i]);
			buf_puts(&out, ", l: [");
			node_put_text(&out, texts[i]);
			buf_puts(&out, "]}");
			cr_expect_eq(node_parse(&arena, out.text, out.size, "f", &root, &err), 0, "%u: %s: %s", byte, out.text, err.cause);
			cr_expect(root && strcmp(node_get(root, "k")->text, texts[i]) == 0, "%u: %s", byte, out.text);
			cr_expect(root && strcmp(node_get(root, "l")->first->text, texts[i]) == 0, "%u: %s", byte, out.text);
			buf_done(&out);
			arena_done(&arena);
		}
	}
}
