#include "image/change.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

struct change {
	struct arena *arena;
	const char *text; /* the whole, for messages */
	struct image *config;
	struct error *err;
};

static int fail(const struct change *change, const char *cause, const char *hint)
{
	(void)error_set(change->err, EINVAL, "bad change '%s'", change->text);
	(void)error_cause(change->err, "%s", cause);
	return error_hint(change->err, "%s", hint);
}

static void add(struct arena *arena, struct image_texts *texts, const char *text)
{
	texts->items = arena_grow(arena, texts->items, texts->count, sizeof(*texts->items));
	texts->items[texts->count++] = text;
}

/* "NAME=value" in the place of another "NAME=…". */
static void put_pair(struct arena *arena, struct image_texts *texts, const char *pair)
{
	size_t len = (size_t)(strchrnul(pair, '=') - pair) + 1;

	for (size_t i = 0; i < texts->count; i++) {
		if (strncmp(texts->items[i], pair, len) != 0)
			continue;
		texts->items[i] = pair;
		return;
	}
	add(arena, texts, pair);
}

/* The next word, with quotes and backslashes taken away as a Dockerfile's are; NULL at the end. */
static const char *next_word(struct arena *arena, const char **at)
{
	const char *p = *at + strspn(*at, " \t");
	char *word = arena_alloc(arena, strlen(p) + 1), *out = word;
	char quote = 0;

	if (!*p)
		return NULL;
	for (; *p && (quote || !isspace((unsigned char)*p)); p++) {
		if (*p == quote)
			quote = 0;
		else if (!quote && (*p == '"' || *p == '\''))
			quote = *p;
		else if (*p == '\\' && p[1] && quote != '\'')
			*out++ = *++p;
		else
			*out++ = *p;
	}
	*at = p;
	return word;
}

/* ["a", "b"]; false: it is no JSON array of strings, and so a line for the shell. */
static bool parse_array(struct arena *arena, const char *text, struct image_texts *ret)
{
	json_t *array = json_loads(text, 0, NULL), *item;
	struct image_texts texts = {0};
	bool good = json_is_array(array);
	size_t i;

	json_array_foreach(array, i, item) {
		good = good && json_is_string(item);
		if (good)
			add(arena, &texts, arena_strdup(arena, json_string_value(item)));
	}
	json_decref(array);
	if (good)
		*ret = texts;
	return good;
}

static int set_line(struct change *change, const char *value, struct image_texts *ret)
{
	*ret = (struct image_texts){0};
	if (parse_array(change->arena, value, ret))
		return 0;
	add(change->arena, ret, "/bin/sh");
	add(change->arena, ret, "-c");
	add(change->arena, ret, arena_strdup(change->arena, value));
	return 0;
}

static int set_command(struct change *change, const char *value)
{
	return set_line(change, value, &change->config->command);
}

static int set_entrypoint(struct change *change, const char *value)
{
	return set_line(change, value, &change->config->entrypoint);
}

static int add_pairs(struct change *change, const char *value, struct image_texts *texts)
{
	const char *rest = value, *word = next_word(change->arena, &rest);

	/* ENV NAME the rest of the line */
	if (word && !strchr(word, '=')) {
		rest += strspn(rest, " \t");
		if (!*rest)
			return fail(change, "the value is missing", "write  NAME=value");
		put_pair(change->arena, texts, arena_printf(change->arena, "%s=%s", word, rest));
		return 0;
	}
	for (; word; word = next_word(change->arena, &rest)) {
		if (!strchr(word, '=') || word[0] == '=')
			return fail(change, "a name or a value is missing", "write  NAME=value, in quotes where it has blanks");
		put_pair(change->arena, texts, word);
	}
	return 0;
}

static int add_environment(struct change *change, const char *value)
{
	return add_pairs(change, value, &change->config->environment);
}

static int add_label(struct change *change, const char *value)
{
	return add_pairs(change, value, &change->config->labels);
}

static int add_ports(struct change *change, const char *value)
{
	const char *word;

	while ((word = next_word(change->arena, &value))) {
		size_t digits = strspn(word, "0123456789-");

		if (!digits || (word[digits] && strcmp(word + digits, "/tcp") != 0 && strcmp(word + digits, "/udp") != 0))
			return fail(change, "a port is a number, with /tcp or /udp behind it", "write  EXPOSE 80/tcp");
		put_pair(change->arena, &change->config->ports, word[digits] ? word : arena_printf(change->arena, "%s/tcp", word));
	}
	return 0;
}

static int add_volumes(struct change *change, const char *value)
{
	struct image_texts paths = {0};
	const char *word;

	if (!parse_array(change->arena, value, &paths))
		while ((word = next_word(change->arena, &value)))
			add(change->arena, &paths, word);
	for (size_t i = 0; i < paths.count; i++) {
		if (paths.items[i][0] != '/')
			return fail(change, "a volume is an absolute path", "write  VOLUME /data");
		put_pair(change->arena, &change->config->volumes, paths.items[i]);
	}
	return 0;
}

static int set_one(struct change *change, const char *value, const char **ret)
{
	const char *word = next_word(change->arena, &value);

	if (!word || next_word(change->arena, &value))
		return fail(change, "it takes one word", "a word with blanks stands in quotes");
	*ret = word;
	return 0;
}

static int set_user(struct change *change, const char *value)
{
	return set_one(change, value, &change->config->user);
}

static int set_workdir(struct change *change, const char *value)
{
	int r = set_one(change, value, &change->config->workdir);

	return r == 0 && change->config->workdir[0] != '/' ? fail(change, "the path is not absolute", "write  WORKDIR /srv") : r;
}

static int set_stop_signal(struct change *change, const char *value)
{
	return set_one(change, value, &change->config->stop_signal);
}

static const struct {
	const char *name;
	int (*apply)(struct change *change, const char *value);
} instructions[] = {
	{"CMD", set_command},
	{"ENTRYPOINT", set_entrypoint},
	{"ENV", add_environment},
	{"EXPOSE", add_ports},
	{"LABEL", add_label},
	{"STOPSIGNAL", set_stop_signal},
	{"USER", set_user},
	{"VOLUME", add_volumes},
	{"WORKDIR", set_workdir},
};

int change_apply(struct arena *arena, const char *text, struct image *config, struct error *err)
{
	struct change change = {.arena = arena, .text = text, .config = config, .err = err};
	size_t len;

	text += strspn(text, " \t");
	len = strcspn(text, " \t");
	for (size_t i = 0; i < ARRAY_SIZE(instructions); i++) {
		if (strlen(instructions[i].name) != len || strncasecmp(instructions[i].name, text, len) != 0)
			continue;
		text += len + strspn(text + len, " \t");
		return *text ? instructions[i].apply(&change, text) : fail(&change, "nothing stands behind the instruction", "write  CMD bash");
	}
	return fail(&change, "no instruction of this name can be changed", "there are CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME, WORKDIR");
}
