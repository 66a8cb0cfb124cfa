/* The table against itself and against what is made of it. */
#include "profile/schema.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>

#include "profile/number.h"
#include "util/fd.h"

static void check_key(const struct schema_key *key, size_t size)
{
	bool is_number = key->type >= SCHEMA_SIZE && key->type <= SCHEMA_BITS;
	int64_t value;

	cr_expect(key->help && strlen(key->help) > 8 && key->help[strlen(key->help) - 1] == '.', "%s: help is a sentence", key->name);
	cr_expect_lt(key->offset, size, "%s", key->name);
	cr_expect_not_null(schema_wants(key->type), "%s", key->name);
	if (is_number && key->type != SCHEMA_BITS)
		cr_expect_lt(key->min, key->max, "%s", key->name);
	if (is_number && key->fallback) {
		cr_expect_eq(number_parse(key, key->fallback, &value), 0, "%s: default", key->name);
		cr_expect(key->type == SCHEMA_BITS || (value >= key->min && value <= key->max), "%s: default in range", key->name);
	}
	if (key->type == SCHEMA_CHOICE || key->type == SCHEMA_BOOL)
		cr_expect_not_null(key->fallback, "%s: a choice has a default", key->name);
	if (key->type == SCHEMA_PAIRS)
		cr_expect_not_null(key->accept, "%s", key->name);
	if (key->type == SCHEMA_RECORDS)
		for (const struct schema_key *field = key->fields; field->name; field++)
			check_key(field, key->record_size);
}

Test(schema, consistent)
{
	const struct schema_key *section = NULL;

	for (const struct schema_key *key = schema_table; key->name; key++) {
		check_key(key, sizeof(struct profile));
		if (key->type == SCHEMA_SECTION)
			section = key;
		if (strchr(key->name, '.'))
			cr_expect(section && schema_is_in(key, section), "%s follows its section", key->name);
		cr_expect_eq(schema_find(key->name), key, "%s stands once", key->name);
		for (const struct schema_key *other = key + 1; other->name; other++)
			if (key->type != SCHEMA_SECTION && key->type != SCHEMA_EXTENDS && other->type != SCHEMA_SECTION && other->type != SCHEMA_EXTENDS)
				cr_expect_neq(other->offset, key->offset, "%s and %s have one member", key->name, other->name);
	}
}

Test(schema, find)
{
	const struct schema_key *resources = schema_find_in(NULL, "resources");

	cr_assert_not_null(resources);
	cr_expect_not_null(schema_find_in(resources, "memory"));
	cr_expect_null(schema_find_in(resources, "mounts"));
	cr_expect_null(schema_find_in(resources, "resources.memory"));
	cr_expect_null(schema_find_in(NULL, "resources.memory"));
	cr_expect_null(schema_find_in(NULL, ""));
	cr_expect_str_eq(schema_leaf(schema_find("resources.memory")), "memory");
	cr_expect(schema_may_be_none(schema_find("resources.memory")));
	cr_expect_not(schema_may_be_none(schema_find("resources.grace")));
	cr_expect_not(schema_may_be_none(schema_find("process.hostname")));
}

/* Two files are made from the table; a new key must not be forgotten there. */
Test(schema, made_files_are_up_to_date)
{
	static const struct {
		const char *file, *option;
		void (*put)(struct buf *out);
	} cases[] = {
		{"contrib/carrel.schema.json", "", schema_put_json},
		{"profiles/REFERENCE.md", "--markdown ", schema_put_reference},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_free char *text = NULL;
		struct buf out = {0};

		cases[i].put(&out);
		cr_assert_eq(fd_slurp_at(AT_FDCWD, cases[i].file, 1 << 20, &text, NULL), 0, "%s", cases[i].file);
		cr_expect_str_eq(text, out.text, "run  build/carrel profile schema %s> %s", cases[i].option, cases[i].file);
		buf_done(&out);
	}
}

Test(schema, reference_has_every_key)
{
	struct buf out = {0};

	schema_put_reference(&out);
	for (const struct schema_key *key = schema_table; key->name; key++) {
		cr_expect_not_null(strstr(out.text, schema_leaf(key)), "%s", key->name);
		cr_expect_not_null(strstr(out.text, key->help), "%s", key->name);
	}
	buf_done(&out);
}
