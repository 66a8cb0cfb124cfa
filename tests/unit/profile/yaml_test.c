/* YAML itself: what is no tree of texts, lists and maps, and what is too much. */
#include "profile/node.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "unit/profile/folder.h"

static int parse(struct arena *arena, const char *text, size_t size, struct node **ret, struct error *err)
{
	*ret = NULL;
	*err = (struct error){0};
	return node_parse(arena, text, size, "p.yaml", ret, err);
}

Test(yaml, wrong)
{
	static const struct {
		const char *name, *text;
		size_t size; /* 0: its length */
		const char *cause;
		unsigned line, column;
	} cases[] = {
		{"same key twice", "a: 1\nb: 2\na: 3\n", 0, "the key 'a' stands twice in the same map", 3, 1},
		{"same key inside", "x: {a: 1, a: 2}\n", 0, "the key 'a' stands twice in the same map", 1, 11},
		{"two documents", "a: 1\n---\nb: 2\n", 0, "a second document begins here (---)", 2, 1},
		{"a list as key", "[a]: 1\n", 0, "a key must be a text, and here stands a list or a map", 1, 1},
		{"an alias as key", "a: &x y\n*x : 1\n", 0, "a key must be a text, and here stands an alias", 2, 1},
		{"an anchor on a key", "&x a: 1\n", 0, "an anchor or a tag on a key has no meaning", 1, 1},
		{"no anchor", "a: *x\n", 0, "the alias '*x' has no anchor '&x' before it", 1, 4},
		{"an alias within itself", "a: &x [*x]\n", 0, "an alias stands inside its own anchor", 1, 8},
		{"a tag of YAML's", "a: !!int 3\n", 0, "the tag 'tag:yaml.org,2002:int' has no meaning here", 1, 4},
		{"a tag of somebody", "a: !secret x\n", 0, "the tag '!secret' has no meaning here", 1, 4},
		{"!replace before a text", "a: !replace x\n", 0, "!replace stands before a single value", 1, 4},
		{"merge of a text", "a: {<<: x}\n", 0, "the value of << is neither a map nor a list of maps", 1, 9},
		{"two merges", "m: &m {a: 1}\nb: {<<: *m, <<: *m}\n", 0, "the key '<<' stands twice in the same map", 2, 13},
		{"merge of a list of texts", "a: {<<: [x]}\n", 0, "the value of << is neither a map nor a list of maps", 1, 10},
		{"a tab", "a:\n\tb: 1\n", 0, "found character that cannot start any token, while scanning for the next token", 2, 1},
		{"an unquoted @", "a: [@x]\n", 0, "found character that cannot start any token, while scanning for the next token", 1, 5},
		{"not closed", "a: [1, 2\n", 0, "did not find expected ',' or ']', while parsing a flow sequence", 2, 1},
		{"a zero byte", "a: 1\nb: \0\n", 10, "control characters are not allowed", 2, 4},
		{"a zero byte by escape", "a: \"x\\0y\"\n", 0, "a text holds a zero byte", 1, 4},
		{"a zero byte in a key", "\"x\\0y\": 1\n", 0, "a key holds a zero byte", 1, 1},
		{"not UTF-8", "a: \xff\n", 0, "invalid leading UTF-8 octet", 1, 4},
		{"UTF-16", "\xff\xfe" "a\0", 4, "invalid leading UTF-8 octet", 1, 1},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena arena = {0};
		struct node *root;
		struct error err;

		cr_expect_eq(parse(&arena, cases[i].text, cases[i].size ? cases[i].size : strlen(cases[i].text), &root, &err), -EINVAL, "%s", cases[i].name);
		cr_expect_str_eq(err.cause, cases[i].cause, "%s: %s", cases[i].name, err.cause);
		cr_expect_eq(err.line, cases[i].line, "%s: line %u", cases[i].name, err.line);
		cr_expect_eq(err.column, cases[i].column, "%s: column %u", cases[i].name, err.column);
		cr_expect_null(root, "%s", cases[i].name);
		arena_done(&arena);
	}
}

Test(yaml, empty)
{
	static const char *const cases[] = {"", "# only a comment\n", "\n\n"};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena arena = {0};
		struct node *root;
		struct error err;

		cr_expect_eq(parse(&arena, cases[i], strlen(cases[i]), &root, &err), 0, "%zu: %s", i, err.cause);
		cr_expect_null(root, "%zu", i);
		arena_done(&arena);
	}
}

Test(yaml, merge_keys)
{
	static const char text[] =
		"a: &a {x: 1, y: 2}\n"
		"b: &b {y: 3, z: 4}\n"
		"c: {<<: *a, y: own}\n"
		"d: {y: own, <<: [*b, *a]}\n";
	struct arena arena = {0};
	struct node *root;
	struct error err;

	cr_assert_eq(parse(&arena, text, sizeof(text) - 1, &root, &err), 0, "%s", err.cause);
	const struct node *c = node_get(root, "c"), *d = node_get(root, "d");
	cr_expect_str_eq(node_get(c, "x")->text, "1");
	cr_expect_str_eq(node_get(c, "y")->text, "own");
	cr_expect_null(node_get(c, "<<"));
	cr_expect_eq(node_get(c, "x")->at.line, 1); /* a merged value is where it was written */
	cr_expect_str_eq(node_get(d, "y")->text, "own");
	cr_expect_str_eq(node_get(d, "z")->text, "4");
	cr_expect_str_eq(node_get(d, "x")->text, "1");
	cr_expect_eq(root->size, 1 + 3 + 3 + 3 + 4);
	arena_done(&arena);
}

/* Each level names the one before nine times: 9^n values from n lines. */
static void put_bomb(struct buf *out, unsigned levels, bool by_merge)
{
	buf_puts(out, by_merge ? "a0: &a0 {k: v}\n" : "a0: &a0 [v]\n");
	for (unsigned i = 1; i <= levels; i++) {
		buf_printf(out, by_merge ? "a%u: &a%u {" : "a%u: &a%u [", i, i);
		for (unsigned k = 0; k < 9; k++)
			by_merge ? buf_printf(out, "%sk%u: *a%u", k ? ", " : "", k, i - 1) : buf_printf(out, "%s*a%u", k ? ", " : "", i - 1);
		buf_puts(out, by_merge ? "}\n" : "]\n");
	}
	if (by_merge)
		buf_printf(out, "z: {<<: *a%u}\n", levels);
}

Test(yaml, bounds)
{
	static const struct {
		const char *name;
		unsigned levels; /* of a bomb */
		bool by_merge;
		unsigned items, depth, anchors;
		const char *cause; /* NULL: it is good */
	} cases[] = {
		{"aliases, 9^3", 3, false, 0, 0, 0, NULL},
		{"aliases, 9^5", 5, false, 0, 0, 0, "it has more than 10,000 values once its aliases are expanded"},
		{"aliases, 9^30", 30, false, 0, 0, 0, "it has more than 10,000 values once its aliases are expanded"},
		{"maps, 9^30", 30, true, 0, 0, 0, "it has more than 10,000 values once its aliases are expanded"},
		{"10,000 values", 0, false, 9000, 0, 0, NULL},
		{"more than 10,000 values", 0, false, 10001, 0, 0, "it has more than 10,000 values once its aliases are expanded"},
		{"63 levels of lists in a map", 0, false, 0, 63, 0, NULL},
		{"64 levels of lists in a map", 0, false, 0, 64, 0, "it is nested more than 64 levels deep"},
		{"100,000 levels", 0, false, 0, 100000, 0, "it is nested more than 64 levels deep"},
		{"1,000 anchors", 0, false, 0, 0, 999, NULL},
		{"more anchors", 0, false, 0, 0, 1001, "it has more than 1,000 anchors"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena arena = {0};
		struct buf text = {0};
		struct node *root;
		struct error err;

		put_bomb(&text, cases[i].levels, cases[i].by_merge);
		if (cases[i].levels == 0)
			text.size = 0;
		buf_puts(&text, "w: [");
		for (unsigned k = 0; k < cases[i].items; k++)
			buf_puts(&text, "1, ");
		for (unsigned k = 0; k < cases[i].anchors; k++)
			buf_printf(&text, "&n%u 1, ", k);
		buf_puts(&text, "]\nv: ");
		for (unsigned k = 0; k < cases[i].depth; k++)
			buf_puts(&text, "[");
		for (unsigned k = 0; k < cases[i].depth; k++)
			buf_puts(&text, "]");
		int r = parse(&arena, text.text, text.size, &root, &err);
		if (cases[i].cause) {
			cr_expect_eq(r, -EINVAL, "%s: it is good", cases[i].name);
			cr_expect_str_eq(err.cause, cases[i].cause, "%s: %s", cases[i].name, err.cause);
		} else {
			cr_expect_eq(r, 0, "%s: %s", cases[i].name, err.cause);
			cr_expect(root && root->size <= NODE_COUNT_MAX, "%s", cases[i].name);
		}
		buf_done(&text);
		arena_done(&arena);
	}
}

/* Depth that comes from aliases of aliases instead of brackets. */
Test(yaml, depth_by_aliases)
{
	struct arena arena = {0};
	struct buf text = {0};
	struct node *root;
	struct error err;

	buf_puts(&text, "a0: &a0 [v]\n");
	for (unsigned i = 1; i < 80; i++)
		buf_printf(&text, "a%u: &a%u [*a%u]\n", i, i, i - 1);
	cr_expect_eq(parse(&arena, text.text, text.size, &root, &err), -EINVAL);
	cr_expect_str_eq(err.cause, "it is nested more than 64 levels deep");
	buf_done(&text);
	arena_done(&arena);
}

Test(yaml, size)
{
	struct arena arena = {0};
	size_t size = NODE_FILE_MAX;
	char *text = mem_alloc(size + 1);
	struct node *root;
	struct error err;

	memset(text, '#', size + 1);
	memcpy(text, "a: 1\n", 5);
	cr_expect_eq(parse(&arena, text, size, &root, &err), 0, "%s", err.cause);
	cr_expect_eq(parse(&arena, text, size + 1, &root, &err), -EINVAL);
	cr_expect_str_eq(err.cause, "it is larger than 1 MiB");
	free(text);
	arena_done(&arena);
}
