#include "cli/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "profile/suggest.h"
#include "util/mem.h"

struct parser {
	const struct cli_option *table;
	int argc, at; /* argv[at] is the word being read */
	char *const *argv;
	void *context;
};

const struct cli_option *options_find(const struct cli_option *table, const char *name, size_t len)
{
	for (; table->name; table++)
		if (strlen(table->name) == len && !memcmp(table->name, name, len))
			return table;
	return NULL;
}

static const struct cli_option *find_letter(const struct cli_option *table, char letter)
{
	for (; table->name; table++)
		if (table->letter == letter)
			return table;
	return NULL;
}

static int unknown_option(const struct parser *parser, const char *text, size_t len, struct error *err)
{
	cleanup_free char *wanted = len > 3 ? mem_printf("%.*s", (int)len - 2, text + 2) : NULL;
	struct suggestion suggestion = {.wanted = wanted};

	for (const struct cli_option *row = parser->table; wanted && row->name; row++) {
		if (row->hidden)
			continue;
		/* A beginning that was left unfinished, --mem, is near whatever is missing. */
		if (!suggestion.best && len > 4 && strncmp(row->name, wanted, len - 2) == 0)
			suggestion = (struct suggestion){.wanted = wanted, .best = row->name, .distance = 1};
		suggest_offer(&suggestion, row->name);
	}
	(void)error_set(err, EINVAL, "unknown option '%.*s'", (int)len, text);
	(void)error_cause(err, "no such option");
	return suggestion.best ? error_hint(err, "did you mean --%s?", suggestion.best) : error_hint(err, "--help lists the options; words for the command go behind  --");
}

static int apply(const struct parser *parser, const struct cli_option *option, const char *value, bool on, struct error *err)
{
	char label[64];
	struct option_use use = {.option = option, .value = value, .on = on, .label = label};

	(void)snprintf(label, sizeof(label), "command line --%s", option->name);
	return option->apply ? option->apply(parser->context, &use, err) : 0;
}

static int value_missing(const struct cli_option *option, struct error *err)
{
	(void)error_set(err, EINVAL, "--%s needs a value", option->name);
	(void)error_cause(err, "nothing stands behind it");
	return error_hint(err, "write  --%s %s", option->name, option->argument);
}

/* The word behind the option. Never "--": a forgotten value must not turn the command's words into options. */
static const char *next_value(struct parser *parser)
{
	if (parser->at >= parser->argc || !strcmp(parser->argv[parser->at], "--"))
		return NULL;
	return parser->argv[parser->at++];
}

static int parse_switch(const struct cli_option *option, const char *value, bool *ret_on, struct error *err)
{
	static const char *const yes[] = {"true", "1", "yes", "on"}, *const no[] = {"false", "0", "no", "off"};

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (strcmp(value, yes[i]) != 0 && strcmp(value, no[i]) != 0)
			continue;
		*ret_on = !strcmp(value, yes[i]);
		return 0;
	}
	(void)error_set(err, EINVAL, "bad value '%s' for --%s", value, option->name);
	(void)error_cause(err, "the option is a switch");
	return error_hint(err, "write  --%s  or  --%s=false", option->name, option->name);
}

static int parse_long(struct parser *parser, bool *ret_help, struct error *err)
{
	const char *text = parser->argv[parser->at++];
	size_t len = strcspn(text, "=");
	const char *value = text[len] ? text + len + 1 : NULL;
	const struct cli_option *option = options_find(parser->table, text + 2, len - 2);
	bool on = true;

	if (!option && len == 6 && !memcmp(text, "--help", 6)) {
		*ret_help = true;
		return 0;
	}
	if (!option)
		return unknown_option(parser, text, len, err);
	if (!option->argument) {
		int r = value ? parse_switch(option, value, &on, err) : 0;

		return r < 0 ? r : apply(parser, option, NULL, on, err);
	}
	if (!value && !(value = next_value(parser)))
		return value_missing(option, err);
	return apply(parser, option, value, true, err);
}

static int parse_letters(struct parser *parser, struct error *err)
{
	const char *text = parser->argv[parser->at++] + 1;

	for (; *text; text++) {
		const struct cli_option *option = find_letter(parser->table, *text);
		int r;

		if (!option)
			return unknown_option(parser, (const char[]){'-', *text, 0}, 2, err);
		if (!option->argument) {
			r = apply(parser, option, NULL, true, err);
			if (r < 0)
				return r;
			continue;
		}
		/* -m4G and -m=4G, as Docker's option parser (spf13/pflag) has them. */
		const char *value = text[1] ? text + 1 + (text[1] == '=') : next_value(parser);
		return value ? apply(parser, option, value, true, err) : value_missing(option, err);
	}
	return 0;
}

int options_parse(const struct cli_option *table, int argc, char *const argv[], int (*word)(void *context, const char *text, struct error *err), void *context,
    struct options_result *ret, struct error *err)
{
	struct parser parser = {.table = table, .argc = argc, .argv = argv, .context = context};
	struct options_result result = {0};

	while (parser.at < argc && !result.help && !result.dashes) {
		const char *text = argv[parser.at];
		int r;

		if (!strcmp(text, "--")) {
			result.dashes = true;
			parser.at++;
			break;
		}
		if (text[0] != '-' || !text[1]) {
			r = word ? word(context, text, err) : 0;
			if (r == 0)
				break;
			parser.at++;
		} else if (text[1] == '-') {
			r = parse_long(&parser, &result.help, err);
		} else {
			r = parse_letters(&parser, err);
		}
		if (r < 0)
			return r;
	}
	result.count = parser.at;
	*ret = result;
	return 0;
}
