#include "profile/apply.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "profile/suggest.h"

static const struct schema_key *table_of(const struct reading *reading)
{
	return reading->table ? reading->table : schema_table;
}

int apply_fail_unknown(const struct reading *reading, const struct schema_key *section, const struct key_path *path, const struct node *node)
{
	struct suggestion suggestion = {.wanted = node->key};

	for (const struct schema_key *key = table_of(reading); key->name; key++)
		if (schema_is_in(key, section))
			suggest_offer(&suggestion, schema_leaf(key));
	(void)value_fail_key(reading, path, node, "unknown key"); /* the code is the same below */
	if (suggestion.best) {
		error_hint(reading->err, "did you mean '%s'?", suggestion.best);
		return -EINVAL;
	}
	error_hint(reading->err, "%s", reading->table ? "carrel-policy(5) has every key" : "carrel-profile(5) and  carrel profile schema  have every key");
	/* The right name in the wrong section is the other frequent slip. */
	for (const struct schema_key *key = table_of(reading); key->name; key++)
		if (strcmp(schema_leaf(key), node->key) == 0)
			error_hint(reading->err, "'%s' belongs to '%.*s'", node->key, (int)(schema_leaf(key) - key->name) - (schema_leaf(key) > key->name), key->name);
	return -EINVAL;
}

/* `network: none`: say how it is written in full, where a key of the section has such a word. */
static int fail_section(const struct reading *reading, const struct schema_key *section, const struct key_path *path, const struct node *node)
{
	char cause[80];

	(void)snprintf(cause, sizeof(cause), "expected a map, found %s", node_describe(node));
	(void)value_fail(reading, path, node, cause); /* the code is the same below */
	for (const struct schema_key *key = section + 1; node->kind == NODE_TEXT && key->name && schema_is_in(key, section); key++)
		for (const char *const *word = key->words; word && *word; word++)
			if (strcmp(*word, node->text) == 0)
				error_hint(reading->err, "write  %s: {%s: %s}", section->name, schema_leaf(key), node->text);
	return -EINVAL;
}

static int apply_section(const struct reading *reading, const struct schema_key *section, const struct key_path *path, const struct node *node, void *object)
{
	if (node_is_nothing(node, false) && !*node->text)
		return 0; /* all of its keys are commented out */
	if (node->kind != NODE_MAP)
		return fail_section(reading, section, path, node);
	if (node->replace)
		value_set_default(section, object);
	for (const struct node *child = node->first; child; child = child->next) {
		const struct key_path child_path = {.up = path, .name = child->key};
		const struct schema_key *key = schema_find_in(section, child->key);
		int r = key ? value_read(reading, key, &child_path, child, object) : apply_fail_unknown(reading, section, &child_path, child);

		if (r < 0)
			return r;
	}
	return 0;
}

int apply_key(const struct reading *reading, const struct schema_key *key, const struct key_path *path, const struct node *node, void *object)
{
	if (key->type == SCHEMA_SECTION)
		return apply_section(reading, key, path, node, object);
	return value_read(reading, key, path, node, object);
}

int apply_document(const struct reading *reading, const struct node *root, void *object)
{
	for (const struct node *child = root ? root->first : NULL; child; child = child->next) {
		const struct key_path path = {.name = child->key};
		const struct schema_key *key = schema_find_at_top(table_of(reading), child->key);
		int r = key ? apply_key(reading, key, &path, child, object) : apply_fail_unknown(reading, NULL, &path, child);

		if (r < 0)
			return r;
	}
	return 0;
}
