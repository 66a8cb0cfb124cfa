/* How each type of the schema table is read. A reader gets the place of its member and never looks at the table again. */
#include "profile/value.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "profile/number.h"
#include "profile/suggest.h"
#include "profile/target.h"

static size_t format_path(const struct key_path *path, char *buffer, size_t size)
{
	size_t used = path->up ? format_path(path->up, buffer, size) : 0;
	int n;

	if (used >= size)
		return used;
	if (path->name)
		n = snprintf(buffer + used, size - used, "%s%s", used ? "." : "", path->name);
	else
		n = snprintf(buffer + used, size - used, "[%zu]", path->index);
	return n < 0 ? used : used + (size_t)n;
}

int value_fail(const struct reading *reading, const struct key_path *path, const struct node *node, const char *cause)
{
	char key[sizeof(((struct error *)NULL)->key)] = "";

	(void)format_path(path, key, sizeof(key)); /* a longer one is cut */
	if (node->kind == NODE_TEXT && *node->text)
		error_set(reading->err, EINVAL, "cannot use '%s: %.120s%s'", key, node->text, strlen(node->text) > 120 ? "…" : "");
	else
		error_set(reading->err, EINVAL, "cannot use '%s'", key);
	error_cause(reading->err, "%s", cause);
	error_at(reading->err, &node->at, key);
	return -EINVAL;
}

int value_fail_key(const struct reading *reading, const struct key_path *path, const struct node *node, const char *cause)
{
	char key[sizeof(((struct error *)NULL)->key)] = "";

	(void)format_path(path, key, sizeof(key)); /* a longer one is cut */
	error_set(reading->err, EINVAL, "cannot use '%s'", key);
	error_cause(reading->err, "%s", cause);
	error_at(reading->err, &node->key_at, key);
	return -EINVAL;
}

int target_fail(const struct target *t, const char *cause)
{
	return value_fail(t->reading, t->path, t->node, cause);
}

int target_fail_hint(const struct target *t, const char *cause, const char *hint)
{
	(void)target_fail(t, cause); /* the code is the same below */
	error_hint(t->reading->err, "%s", hint);
	return -EINVAL;
}

/* "expected a list, found a text" */
int target_fail_kind(const struct target *t, const char *wants)
{
	char cause[160];

	(void)snprintf(cause, sizeof(cause), "expected %s, found %s", wants, node_describe(t->node));
	return target_fail(t, cause);
}

static int require_text(const struct target *t, const char *wants)
{
	bool tilde = t->key->accept != NULL && strcmp(t->node->text ? t->node->text : "", "~") == 0;

	if (t->node->kind != NODE_TEXT || node_is_nothing(t->node, !tilde))
		return target_fail_kind(t, wants);
	return 0;
}

static int fail_word(const struct target *t)
{
	struct suggestion suggestion = {.wanted = t->node->text};
	char words[384] = "it is none of ";
	size_t used = strlen(words);

	for (const char *const *word = t->key->words; *word; word++) {
		suggest_offer(&suggestion, *word);
		used += (size_t)snprintf(words + used, sizeof(words) - used, "%s%s", word == t->key->words ? "" : ", ", *word);
		if (used >= sizeof(words))
			break;
	}
	(void)target_fail(t, words);
	if (suggestion.best)
		error_hint(t->reading->err, "did you mean '%s'?", suggestion.best);
	return -EINVAL;
}

static int find_word(const char *const *words, const char *text)
{
	for (int i = 0; words[i]; i++)
		if (strcmp(words[i], text) == 0)
			return i;
	return -1;
}

/* The form of a single text, of a scalar or of a list's item. */
int target_check_text(const struct target *t)
{
	struct complaint complaint = {0};
	const char *text = t->node->text;

	if (t->key->words)
		return find_word(t->key->words, text) < 0 ? fail_word(t) : 0;
	if (!t->key->accept)
		return 0;
	if (!*text)
		return target_fail(t, "it is empty");
	if (!t->key->accept(text, &complaint))
		return target_fail_hint(t, complaint.cause, complaint.hint);
	return 0;
}

static int read_text(const struct target *t)
{
	struct text_value *value = t->member;
	int r = require_text(t, schema_wants(t->key->type));

	if (r == 0)
		r = target_check_text(t);
	if (r < 0)
		return r;
	*value = (struct text_value){t->node->text, t->node->at};
	return 0;
}

static int read_choice(const struct target *t)
{
	struct choice_value *value = t->member;
	int r = require_text(t, schema_wants(t->key->type));

	if (r < 0)
		return r;
	int word = find_word(t->key->words, t->node->text);
	if (word < 0 && t->node->text[0] >= '0' && t->node->text[0] <= '7' && t->key->words[0][0] == 'r') {
		(void)fail_word(t); /* the hint below is better than its own */
		error_hint(t->reading->err, "permission bits are written as file_mode");
		return -EINVAL;
	}
	if (word < 0)
		return fail_word(t);
	*value = (struct choice_value){word, t->node->at};
	return 0;
}

static int set_root(const struct target *t, enum profile_root root, const char *argument)
{
	*(struct choice_value *)t->member = (struct choice_value){(int)root, t->node->at};
	*(struct text_value *)t->extra = argument ? (struct text_value){argument, t->node->at} : (struct text_value){0};
	return 0;
}

static int read_root(const struct target *t)
{
	static const char dir_hint[] = "write dir:/path/to/the/root";
	struct complaint complaint = {0};
	const char *text = t->node->text;
	int r = require_text(t, schema_wants(t->key->type));

	if (r < 0)
		return r;
	if (strncmp(text, "dir:", 4) == 0) {
		if (!text[4])
			return target_fail_hint(t, "the directory is missing", dir_hint);
		if (!t->key->accept(text + 4, &complaint))
			return target_fail_hint(t, complaint.cause, complaint.hint);
		return set_root(t, ROOT_DIR, text + 4);
	}
	if (strncmp(text, "image:", 6) == 0) {
		if (!text[6] || strpbrk(text, " \t\n"))
			return target_fail_hint(t, "the image's reference is missing or has a space in it", "write image:debian:12");
		return set_root(t, ROOT_IMAGE, text + 6);
	}
	int word = find_word(t->key->words, text);
	if (word == ROOT_DIR)
		return target_fail_hint(t, "the directory is missing", dir_hint);
	if (word < 0 && strchr("/~$", *text))
		return target_fail_hint(t, "a directory is written with dir: before it", dir_hint);
	return word < 0 ? fail_word(t) : set_root(t, (enum profile_root)word, NULL);
}

static int read_bool(const struct target *t)
{
	/* The words of YAML 1.1; which type is wanted is known here, so that a country's code "no" is never at risk. */
	static const char *const words[] = {"false", "true", "no", "yes", "off", "on", NULL};
	int r = require_text(t, schema_wants(t->key->type));

	if (r < 0)
		return r;
	for (int i = 0; words[i]; i++) {
		if (strcasecmp(words[i], t->node->text) == 0) {
			*(struct bool_value *)t->member = (struct bool_value){i % 2 == 1, t->node->at};
			return 0;
		}
	}
	return target_fail_kind(t, schema_wants(t->key->type));
}

static int fail_number(const struct target *t, int code, int64_t value)
{
	const struct schema_key *key = t->key;
	const char *text = t->node->text;
	char cause[160], bound[NUMBER_TEXT];

	if (code == 0) {
		bool is_low = value < key->min;

		(void)snprintf(cause, sizeof(cause), "it is %s %s", is_low ? "below the least," : "above the most,",
			       number_format(key, is_low ? key->min : key->max, bound));
		(void)target_fail(t, cause); /* the code is the same below */
		if (is_low && schema_may_be_none(key) && value == 0)
			error_hint(t->reading->err, "leave the key out, or write none, for no limit");
		return -EINVAL;
	}
	if (*text == '-')
		return target_fail(t, "it is negative");
	if (*text && text[strlen(text) - 1] == '%' && code == -ERANGE)
		return target_fail(t, "it is more than 100%");
	if (*text && text[strlen(text) - 1] == '%' && !key->of_memory)
		return target_fail_hint(t, "a percentage of what is not known", "percentages are for memory, memory_high, swap, scratch and cpus");
	if (code == -ERANGE)
		return target_fail_hint(t, "the number is too large or has too many digits", "");
	if (key->type == SCHEMA_DURATION && strchr(text, ':'))
		return target_fail_hint(t, "a duration is not written with colons", "write 1m30s for a minute and a half, 2h30m for two and a half hours");
	if (key->type == SCHEMA_MODE)
		return target_fail_hint(t, "expected an octal number such as 0755", "digits from 0 to 7 only");
	return target_fail_kind(t, schema_wants(key->type));
}

static int read_number(const struct target *t)
{
	struct number_value *value = t->member;
	int64_t number = -1;
	int r = require_text(t, schema_wants(t->key->type));

	if (r < 0)
		return r;
	if (schema_may_be_none(t->key) && strcmp(t->node->text, "none") == 0) {
		*value = (struct number_value){-1, t->node->at};
		return 0;
	}
	r = number_parse(t->key, t->node->text, &number);
	/* 64 bits of a mask have no order: any will do. */
	if (r < 0 || (t->key->type != SCHEMA_BITS && (number < t->key->min || number > t->key->max)))
		return fail_number(t, r, number);
	*value = (struct number_value){number, t->node->at};
	return 0;
}

static int refuse(const struct target *t)
{
	return target_fail(t, "it cannot be set here");
}

static int accept_extends(const struct target *t)
{
	return require_text(t, schema_wants(t->key->type)); /* the loader has followed it already */
}

static int (*const readers[SCHEMA_TYPE_MAX])(const struct target *t) = {
	[SCHEMA_SECTION] = refuse,
	[SCHEMA_EXTENDS] = accept_extends,
	[SCHEMA_TEXT] = read_text,
	[SCHEMA_CHOICE] = read_choice,
	[SCHEMA_ROOT] = read_root,
	[SCHEMA_BOOL] = read_bool,
	[SCHEMA_SIZE] = read_number,
	[SCHEMA_DURATION] = read_number,
	[SCHEMA_NUMBER] = read_number,
	[SCHEMA_THOUSANDTHS] = read_number,
	[SCHEMA_MODE] = read_number,
	[SCHEMA_BITS] = read_number,
	[SCHEMA_TEXTS] = target_read_texts,
	[SCHEMA_PAIRS] = target_read_pairs,
	[SCHEMA_RECORDS] = target_read_records,
};

int value_read(const struct reading *reading, const struct schema_key *key, const struct key_path *path, const struct node *node, void *object)
{
	const struct target target = {reading, key, path, node, (char *)object + key->offset, (char *)object + key->extra};

	return readers[key->type](&target);
}
