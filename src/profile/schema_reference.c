/* The table as a reference page. */
#include <string.h>

#include "profile/number.h"
#include "profile/schema.h"

static void put_words(struct buf *out, const struct schema_key *key)
{
	for (const char *const *word = key->words; *word; word++)
		buf_printf(out, "%s`%s`", word == key->words ? "" : ", ", *word);
}

static void put_wants(struct buf *out, const struct schema_key *key)
{
	char low[NUMBER_TEXT], high[NUMBER_TEXT];

	if (key->type == SCHEMA_CHOICE || key->type == SCHEMA_TEXT || key->type == SCHEMA_TEXTS) {
		if (key->type == SCHEMA_TEXTS)
			buf_puts(out, key->words ? "a list of: " : "a list of texts");
		if (key->words)
			put_words(out, key);
		else if (key->type == SCHEMA_TEXT)
			buf_puts(out, schema_wants(key->type));
		return;
	}
	buf_puts(out, schema_wants(key->type));
	if (key->type >= SCHEMA_SIZE && key->type < SCHEMA_BITS)
		buf_printf(out, ", %s to %s", number_format(key, key->min, low), number_format(key, key->max, high));
}

static void put_line(struct buf *out, const struct schema_key *key)
{
	static const char *const merges[] = {[MERGE_REPLACE] = "replaces", [MERGE_APPEND] = "appends", [MERGE_BY_KEY] = "merges by key"};

	buf_printf(out, "| `%s` | ", schema_leaf(key));
	put_wants(out, key);
	buf_printf(out, " | %s%s%s | %s | %s |\n", key->fallback ? "`" : "", key->fallback ? key->fallback : "", key->fallback ? "`" : "", merges[schema_merges(key->type)],
		   key->help);
}

static void put_head(struct buf *out, const char *title, const char *help)
{
	buf_printf(out, "\n## %s\n\n%s\n\n| key | value | default | a later profile | meaning |\n| --- | --- | --- | --- | --- |\n", title, help);
}

static void put_fields(struct buf *out, const struct schema_key *section)
{
	for (const struct schema_key *key = section + 1; key->name && schema_is_in(key, section); key++) {
		if (!key->fields)
			continue;
		buf_printf(out, "\nThe keys of one entry of `%s`:\n\n| key | value | default | meaning |\n| --- | --- | --- | --- |\n", key->name);
		for (const struct schema_key *field = key->fields; field->name; field++) {
			buf_printf(out, "| `%s`%s | ", field->name, field->required ? " (must be there)" : "");
			put_wants(out, field);
			buf_printf(out, " | %s%s%s | %s |\n", field->fallback ? "`" : "", field->fallback ? field->fallback : "", field->fallback ? "`" : "", field->help);
		}
	}
}

void schema_put_reference(struct buf *out)
{
	buf_puts(out, "# Profile reference\n\nMade from the table of keys by `carrel profile schema --markdown`.\n");
	put_head(out, "At the top", "Keys that are in no section.");
	for (const struct schema_key *key = schema_table; key->name; key++)
		if (schema_is_in(key, NULL) && key->type != SCHEMA_SECTION)
			put_line(out, key);
	for (const struct schema_key *section = schema_table; section->name; section++) {
		if (section->type != SCHEMA_SECTION)
			continue;
		put_head(out, section->name, section->help);
		for (const struct schema_key *key = section + 1; key->name && schema_is_in(key, section); key++)
			put_line(out, key);
		put_fields(out, section);
	}
}
