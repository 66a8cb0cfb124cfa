/* Reading what holds several values: lists of texts, maps of free keys, lists of records; and defaults. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "profile/suggest.h"
#include "profile/target.h"

/* `hide: ~/.ssh` can only mean one thing, `inherit: TERM LANG` and `capabilities: none` cannot. */
static bool is_item_of_one(const struct target *t)
{
	static const char *const doubtful[] = {"none", "no", "false", "off", "yes", "true", "on", "all", NULL};

	if (t->node->kind != NODE_TEXT || !*t->node->text)
		return false;
	if (t->reading->is_command_line)
		return true;
	if (node_is_nothing(t->node, false) || strpbrk(t->node->text, " ,\t\n"))
		return false;
	for (int i = 0; doubtful[i]; i++)
		if (strcasecmp(doubtful[i], t->node->text) == 0)
			return false;
	return true;
}

/* A list whose items are all commented out is nothing to YAML and an empty list to people. */
static bool is_empty_list(const struct target *t)
{
	return node_is_nothing(t->node, false) && !*t->node->text;
}

static int read_item(const struct target *list, const struct node *node, size_t index)
{
	const struct key_path path = {.up = list->path, .index = index};
	struct target item = *list;
	struct text_list *ret = list->member;

	item.path = &path;
	item.node = node;
	if (node->kind != NODE_TEXT || node_is_nothing(node, !list->key->accept))
		return target_fail_kind(&item, "a text");
	int r = target_check_text(&item);
	if (r < 0)
		return r;
	ret->items = arena_grow(list->reading->arena, ret->items, ret->count, sizeof(*ret->items));
	ret->items[ret->count++] = (struct text_value){node->text, node->at};
	return 0;
}

int target_read_texts(const struct target *t)
{
	struct text_list *list = t->member;
	size_t index = 0;

	if (is_item_of_one(t)) {
		list->at = t->node->at;
		return read_item(t, t->node, 0);
	}
	if (t->node->kind != NODE_LIST && !is_empty_list(t)) {
		(void)target_fail_kind(t, "a list"); /* the code is the same below */
		if (t->node->kind == NODE_TEXT)
			error_hint(t->reading->err, "write it as a list: [A, B], or [] for an empty one");
		return -EINVAL;
	}
	if (t->node->replace)
		*list = (struct text_list){0};
	list->at = t->node->at;
	for (const struct node *item = t->node->first; item; item = item->next) {
		int r = read_item(t, item, index++);

		if (r < 0)
			return r;
	}
	return 0;
}

static struct text_pair *find_pair(struct text_pair *pairs, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(pairs[i].key.v, key) == 0)
			return &pairs[i];
	return NULL;
}

static int read_pair(const struct target *t, const struct node *node)
{
	const struct key_path path = {.up = t->path, .name = node->key};
	struct text_pair **pairs = t->member;
	size_t *count = t->extra;
	struct complaint complaint = {0};

	if (!*node->key)
		return value_fail_key(t->reading, &path, node, "a name is empty");
	if (!t->key->accept(node->key, &complaint)) {
		(void)value_fail_key(t->reading, &path, node, complaint.cause); /* the code is the same below */
		error_hint(t->reading->err, "%s", complaint.hint);
		return -EINVAL;
	}
	if (node->kind != NODE_TEXT || node_is_nothing(node, false)) {
		struct target value = *t;

		value.path = &path;
		value.node = node;
		(void)target_fail_kind(&value, "a text"); /* the code is the same below */
		error_hint(t->reading->err, "%s", node->kind == NODE_TEXT ? "write \"\" for an empty value" : "");
		return -EINVAL;
	}
	struct text_pair *pair = find_pair(*pairs, *count, node->key);
	if (!pair) {
		*pairs = arena_grow(t->reading->arena, *pairs, *count, sizeof(**pairs));
		pair = &(*pairs)[(*count)++];
	}
	*pair = (struct text_pair){{node->key, node->key_at}, {node->text, node->at}};
	return 0;
}

int target_read_pairs(const struct target *t)
{
	if (t->node->kind != NODE_MAP && !is_empty_list(t))
		return target_fail_kind(t, schema_wants(t->key->type));
	if (t->node->replace) {
		*(struct text_pair **)t->member = NULL;
		*(size_t *)t->extra = 0;
	}
	for (const struct node *node = t->node->first; node; node = node->next) {
		int r = read_pair(t, node);

		if (r < 0)
			return r;
	}
	return 0;
}

static int fail_field(const struct target *t, const struct key_path *path, const struct node *node)
{
	struct suggestion suggestion = {.wanted = node->key};

	for (const struct schema_key *field = t->key->fields; field->name; field++)
		suggest_offer(&suggestion, field->name);
	(void)value_fail_key(t->reading, path, node, "unknown key"); /* the code is the same below */
	if (suggestion.best)
		error_hint(t->reading->err, "did you mean '%s'?", suggestion.best);
	return -EINVAL;
}

static int read_fields(const struct target *t, const struct key_path *path, const struct node *map, void *record)
{
	for (const struct node *node = map->first; node; node = node->next) {
		const struct key_path field_path = {.up = path, .name = node->key};
		const struct schema_key *field = t->key->fields;

		while (field->name && strcmp(field->name, node->key) != 0)
			field++;
		if (!field->name)
			return fail_field(t, &field_path, node);
		int r = value_read(t->reading, field, &field_path, node, record);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_record(const struct target *t, const struct node *node, size_t index)
{
	const struct key_path path = {.up = t->path, .index = index};
	size_t *count = t->extra;
	void **records = t->member;

	if (node->kind != NODE_MAP) {
		struct target item = *t;

		item.path = &path;
		item.node = node;
		return target_fail_kind(&item, "a map such as {path: /tmp, …}");
	}
	for (const struct schema_key *field = t->key->fields; field->name; field++) {
		if (field->required && !node_get(node, field->name)) {
			char cause[80];

			(void)snprintf(cause, sizeof(cause), "the key '%s' is missing", field->name);
			return value_fail(t->reading, &path, node, cause);
		}
	}
	*records = arena_grow(t->reading->arena, *records, *count, t->key->record_size);
	char *record = (char *)*records + *count * t->key->record_size;
	memset(record, 0, t->key->record_size);
	value_set_defaults(t->key->fields, record);
	/* The record's own place is its last member, in every record type. */
	memcpy(record + t->key->record_size - sizeof(struct origin), &node->at, sizeof(node->at));
	int r = read_fields(t, &path, node, record);
	*count += r == 0;
	return r;
}

int target_read_records(const struct target *t)
{
	struct target list = *t;
	size_t index = 0;

	if (t->node->kind == NODE_MAP && t->reading->is_command_line)
		return read_record(t, t->node, 0);
	if (t->node->kind != NODE_LIST && !is_empty_list(t))
		return target_fail_kind(t, schema_wants(t->key->type));
	if (t->node->replace) {
		*(void **)list.member = NULL;
		*(size_t *)list.extra = 0;
	}
	for (const struct node *node = t->node->first; node; node = node->next) {
		int r = read_record(&list, node, index++);

		if (r < 0)
			return r;
	}
	return 0;
}

/* The table's own texts are read by the same readers; a wrong one is a mistake in the table, which a test of all keys finds. */
static void read_default(const struct schema_key *key, void *object)
{
	const struct key_path path = {.name = key->name};
	const struct node node = {.kind = NODE_TEXT, .plain = true, .text = key->fallback};
	const struct reading reading = {.subject = "the schema"};

	if (value_read(&reading, key, &path, &node, object) < 0)
		abort();
}

void value_set_default(const struct schema_key *key, void *object)
{
	char *member = (char *)object + key->offset, *extra = (char *)object + key->extra;

	if (key->type == SCHEMA_SECTION) {
		for (const struct schema_key *inner = key + 1; inner->name && schema_is_in(inner, key); inner++)
			value_set_default(inner, object);
	} else if (key->type == SCHEMA_TEXTS) {
		memset(member, 0, sizeof(struct text_list));
	} else if (key->type == SCHEMA_PAIRS || key->type == SCHEMA_RECORDS) {
		*(void **)(void *)member = NULL;
		*(size_t *)(void *)extra = 0;
	} else if (key->fallback) {
		read_default(key, object);
	} else if (key->type == SCHEMA_TEXT) {
		memset(member, 0, sizeof(struct text_value));
	} else if (key->type >= SCHEMA_SIZE && key->type <= SCHEMA_BITS) {
		*(struct number_value *)(void *)member = (struct number_value){-1, {0}};
	}
}

void value_set_defaults(const struct schema_key *keys, void *object)
{
	for (const struct schema_key *key = keys; key->name; key++)
		if (key->type != SCHEMA_SECTION)
			value_set_default(key, object);
}
