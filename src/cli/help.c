#include <string.h>

#include "cli/command.h"
#include "cli/report.h"
#include "util/mem.h"

enum { WIDTH = 80, OPTION_COLUMN = 31 };

/* Columns on a terminal: bytes that continue a UTF-8 sequence take none. */
static size_t columns(const char *text, size_t len)
{
	size_t count = 0;

	for (size_t i = 0; i < len; i++)
		count += ((unsigned char)text[i] & 0xc0) != 0x80;
	return count;
}

static void pad(struct buf *out, size_t count)
{
	buf_printf(out, "%*s", (int)count, "");
}

/* Words of `text` from column `at` on, further lines from column `indent`; ends the line. */
static void wrap(struct buf *out, const char *text, size_t at, size_t indent)
{
	bool first = true;

	while (*text) {
		size_t len = strcspn(text, " ");
		size_t wide = columns(text, len);

		if (!first && at + 1 + wide > WIDTH) {
			buf_puts(out, "\n");
			pad(out, indent);
			at = indent;
		} else if (!first) {
			buf_puts(out, " ");
			at++;
		}
		buf_add(out, text, len);
		at += wide;
		text += len;
		text += strspn(text, " ");
		first = false;
	}
	buf_puts(out, "\n");
}

static void add_option(struct buf *out, const struct cli_option *option)
{
	cleanup_buf struct buf left = {0};
	size_t at;

	if (option->letter)
		buf_printf(&left, "  -%c, --%s", option->letter, option->name);
	else
		buf_printf(&left, "      --%s", option->name);
	if (option->argument)
		buf_printf(&left, " %s", option->argument);
	at = columns(left.text, left.size);
	buf_add(out, left.text, left.size);
	if (at + 2 > OPTION_COLUMN) {
		buf_puts(out, "\n");
		at = 0;
	}
	pad(out, OPTION_COLUMN - at);
	wrap(out, option->help, OPTION_COLUMN, OPTION_COLUMN);
}

static void add_options(struct buf *out, const struct cli_option *table)
{
	const char *section = "";

	for (const struct cli_option *option = table; option && option->name; option++) {
		if (option->hidden)
			continue;
		const char *heading = option->section ? option->section : "Options";
		if (strcmp(section, heading) != 0)
			buf_printf(out, "\n%s:\n", heading);
		section = heading;
		add_option(out, option);
	}
}

static void add_command(struct buf *out, const struct command *command)
{
	for (size_t i = 0; command->usages[i]; i++) {
		buf_puts(out, i ? "       " : "Usage: ");
		buf_printf(out, "carrel %s%s", command->name, *command->usages[i] ? " " : "");
		wrap(out, command->usages[i], 7 + 8 + strlen(command->name), 15);
	}
	buf_printf(out, "\n%s.\n", command->summary);
	for (size_t i = 0; command->paragraphs && command->paragraphs[i]; i++) {
		buf_puts(out, "\n");
		wrap(out, command->paragraphs[i], 0, 0);
	}
	add_options(out, command->options);
	if (command->examples)
		buf_puts(out, "\nExamples:\n");
	for (const struct command_example *example = command->examples; example && example->line; example++) {
		buf_printf(out, "  %s\n      ", example->line);
		wrap(out, example->what, 6, 6);
	}
}

void help_format(struct buf *out, const struct command *command)
{
	if (command) {
		add_command(out, command);
		return;
	}
	buf_puts(out, "Usage: carrel [OPTIONS] COMMAND [ARG…]\n\n"
		      "A sandbox for programs, root filesystems and images, without root.\n\nCommands:\n");
	for (const struct command *row = commands; row->name; row++)
		buf_printf(out, "  %-10s %s\n", row->name, row->summary);
	add_options(out, global_options);
	buf_puts(out, "\nTry this:\n"
		      "  carrel run -- ./program          run it where it cannot see your home\n"
		      "  carrel run @build -- make        build source that you do not trust\n"
		      "  carrel run debian:12             a shell in an image, which is pulled\n"
		      "\n`carrel help COMMAND` says more.\n");
}

int help_print(const struct command *command)
{
	cleanup_buf struct buf out = {0};

	help_format(&out, command);
	return report_print(&out);
}
