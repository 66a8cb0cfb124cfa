/* The table as a JSON schema (draft 7), for editors. Patterns are only what an editor can help with; `carrel profile check` decides. */
#include "profile/schema.h"

#include "util/json.h"

static void put_texts(struct json *json, const char *key, const char *const *words)
{
	json_open_array(json, key);
	for (; *words; words++)
		json_string(json, NULL, *words);
	json_close_array(json);
}

/* YAML gives an editor `4096` as a number and `512M` as a text: both are right. */
static void put_number(struct json *json, const char *pattern)
{
	static const char *const types[] = {"integer", "number", "string", NULL};

	put_texts(json, "type", types);
	json_string(json, "pattern", pattern);
}

static void put_value(struct json *json, const struct schema_key *key);

static void put_object(struct json *json, const struct schema_key *fields)
{
	json_string(json, "type", "object");
	json_bool(json, "additionalProperties", false);
	json_open_array(json, "required");
	for (const struct schema_key *field = fields; field->name; field++)
		if (field->required)
			json_string(json, NULL, field->name);
	json_close_array(json);
	json_open_object(json, "properties");
	for (const struct schema_key *field = fields; field->name; field++) {
		json_open_object(json, field->name);
		put_value(json, field);
		json_close_object(json);
	}
	json_close_object(json);
}

static void put_section(struct json *json, const struct schema_key *section)
{
	static const char *const types[] = {"object", "null", NULL}; /* null: all keys are commented out */

	put_texts(json, "type", types);
	json_bool(json, "additionalProperties", false);
	json_open_object(json, "properties");
	for (const struct schema_key *key = section + 1; key->name && schema_is_in(key, section); key++) {
		json_open_object(json, schema_leaf(key));
		put_value(json, key);
		json_close_object(json);
	}
	json_close_object(json);
}

static void put_list(struct json *json, const struct schema_key *key)
{
	json_string(json, "type", "array");
	json_open_object(json, "items");
	if (key->type == SCHEMA_RECORDS)
		put_object(json, key->fields);
	else if (key->words)
		put_texts(json, "enum", key->words);
	else
		json_string(json, "type", "string");
	json_close_object(json);
}

static void put_pairs(struct json *json)
{
	static const char *const types[] = {"string", "number", "boolean", NULL};

	json_string(json, "type", "object");
	json_open_object(json, "additionalProperties");
	put_texts(json, "type", types);
	json_close_object(json);
}

static void put_type(struct json *json, const struct schema_key *key)
{
	static const char *const patterns[SCHEMA_TYPE_MAX] = {
		[SCHEMA_SIZE] = "^([0-9]+(\\.[0-9]+)?([KMGTPkmgtp]?[iI]?[bB]?)|none)$",
		[SCHEMA_DURATION] = "^(([0-9]+(ms|s|m|h|d)?)+|none)$",
		[SCHEMA_NUMBER] = "^([0-9]+|none)$",
		[SCHEMA_THOUSANDTHS] = "^([0-9]+(\\.[0-9]+)?%?|none)$",
		[SCHEMA_MODE] = "^(0o?)?[0-7]+$",
		[SCHEMA_BITS] = "^(0[xX][0-9a-fA-F]+|[0-9]+|[A-Z][A-Z0-9_]+)$",
	};

	if (key->type == SCHEMA_SECTION)
		put_section(json, key);
	else if (key->type == SCHEMA_TEXTS || key->type == SCHEMA_RECORDS)
		put_list(json, key);
	else if (key->type == SCHEMA_PAIRS)
		put_pairs(json);
	else if (key->type == SCHEMA_BOOL)
		json_string(json, "type", "boolean");
	else if (key->type == SCHEMA_ROOT)
		json_string(json, "pattern", "^(host|image|none|dir:.+|image:.+)$");
	else if (key->of_memory)
		put_number(json, "^([0-9]+(\\.[0-9]+)?([KMGTPkmgtp]?[iI]?[bB]?|%)|none)$");
	else if (patterns[key->type])
		put_number(json, patterns[key->type]);
	else if (key->words)
		put_texts(json, "enum", key->words);
	else
		json_string(json, "type", "string");
}

static void put_value(struct json *json, const struct schema_key *key)
{
	json_string(json, "description", key->help);
	if (key->fallback)
		json_string(json, "default", key->fallback);
	put_type(json, key);
}

void schema_put_json(struct buf *out)
{
	struct json json = {.out = out};

	json_open_object(&json, NULL);
	json_string(&json, "$schema", "http://json-schema.org/draft-07/schema#");
	json_string(&json, "title", "carrel profile");
	json_string(&json, "type", "object");
	json_bool(&json, "additionalProperties", false);
	json_open_object(&json, "properties");
	for (const struct schema_key *key = schema_table; key->name; key++) {
		if (!schema_is_in(key, NULL))
			continue;
		json_open_object(&json, key->name);
		put_value(&json, key);
		json_close_object(&json);
	}
	json_close_object(&json);
	json_close_object(&json);
	buf_puts(out, "\n");
}
