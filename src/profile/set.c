/* Single keys from the command line. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "profile/apply.h"
#include "profile/node.h"

/* "environment.set.PATH" sets one name of a map with free keys: the map's line, and what follows its name. */
static const struct schema_key *find_pairs(const char *key, const char **ret_rest)
{
	for (const struct schema_key *line = schema_table; line->name; line++) {
		size_t len = strlen(line->name);

		if (line->type == SCHEMA_PAIRS && strncmp(key, line->name, len) == 0 && key[len] == '.') {
			*ret_rest = key + len + 1;
			return line;
		}
	}
	return NULL;
}

/* The last part of an unknown key is the wrong one where its section is known, else the first. */
static int fail_unknown(const struct reading *reading, struct node *node, const char *key)
{
	const char *dot = strchr(key, '.');
	const char *head = dot ? arena_strndup(reading->arena, key, (size_t)(dot - key)) : key;
	const struct schema_key *section = dot ? schema_find_in(NULL, head) : NULL;
	const struct key_path path = {.name = key};

	if (section && section->type == SCHEMA_EXTENDS)
		section = NULL;
	node->key = section ? dot + 1 : head;
	if (schema_find(key)) { /* extends */
		(void)value_fail_key(reading, &path, node, "it cannot be set here"); /* the code is the same below */
		return error_hint(reading->err, "a profile is chosen by its name: @NAME or --profile NAME");
	}
	return apply_fail_unknown(reading, section, &path, node);
}

static int set_node(const struct reading *reading, struct profile *profile, const char *key, struct node *node)
{
	const struct schema_key *line = schema_find(key);
	const char *rest = NULL;

	node->key_at = node->at;
	if (line && line->type != SCHEMA_EXTENDS) {
		const struct key_path path = {.name = line->name};

		return apply_key(reading, line, &path, node, profile);
	}
	line = find_pairs(key, &rest);
	if (!line)
		return fail_unknown(reading, node, key);
	const struct key_path path = {.name = line->name};
	const struct node map = {.kind = NODE_MAP, .at = node->at, .first = node};
	node->key = arena_strdup(reading->arena, rest);
	return value_read(reading, line, &path, &map, profile);
}

/* A command line has no lines: only the label is a place. */
static void forget_lines(struct node *node)
{
	node->at.line = node->at.column = node->key_at.line = node->key_at.column = 0;
	for (struct node *child = node->first; child; child = child->next)
		forget_lines(child);
}

int profile_set(struct profile *profile, const char *key, const char *yaml, const char *label, struct error *err)
{
	const struct reading reading = {.arena = &profile->arena, .subject = arena_strdup(&profile->arena, label), .is_command_line = true, .err = err};
	struct node *node = NULL;
	int r = node_parse(&profile->arena, yaml, strlen(yaml), reading.subject, &node, err);

	if (r < 0) {
		char cause[sizeof(err->cause)] = "";

		/* What is not well-formed most likely was not meant as YAML. The other errors are about a well-formed value. */
		if (err && !err->hint[0] && strstr(err->cause, "while parsing"))
			(void)snprintf(cause, sizeof(cause), "it is not a YAML value");
		else if (err)
			(void)snprintf(cause, sizeof(cause), "%s", err->cause);
		error_set(err, EINVAL, "cannot use '%s: %.120s'", key, yaml);
		error_cause(err, "%s", cause);
		error_hint(err, "quote texts with special characters: %s='\"…\"'", key);
		error_at(err, &(struct origin){reading.subject, 0, 0}, key);
		return r;
	}
	if (!node) {
		node = arena_alloc(&profile->arena, sizeof(*node));
		*node = (struct node){.kind = NODE_TEXT, .plain = true, .text = "", .at = {reading.subject, 0, 0}};
	}
	forget_lines(node);
	return set_node(&reading, profile, key, node);
}

int profile_set_text(struct profile *profile, const char *key, const char *text, const char *label, struct error *err)
{
	const struct reading reading = {.arena = &profile->arena, .subject = arena_strdup(&profile->arena, label), .is_command_line = true, .err = err};
	struct node *node = arena_alloc(&profile->arena, sizeof(*node));

	*node = (struct node){.kind = NODE_TEXT, .text = arena_strdup(&profile->arena, text), .at = {reading.subject, 0, 0}};
	return set_node(&reading, profile, key, node);
}
