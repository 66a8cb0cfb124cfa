/* Man pages in the macros of man(7), from the same tables as the help. */
#include <ctype.h>
#include <string.h>

#include "cli/command.h"

/* A backslash is troff's escape, "-" would become a hyphen that cannot be searched for or pasted, and a dot or quote at the beginning of a
 * line would be a request. */
void man_text(struct buf *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		buf_puts(out, "\\&");
	for (; *text; text++) {
		if (*text == '\\')
			buf_puts(out, "\\e");
		else if (*text == '-')
			buf_puts(out, "\\-");
		else
			buf_add(out, text, 1);
	}
}

static void add_upper(struct buf *out, const char *text)
{
	for (; *text; text++)
		buf_printf(out, "%c", toupper((unsigned char)*text));
}

static void add_head(struct buf *out, const char *name, const char *summary)
{
	buf_puts(out, ".TH ");
	add_upper(out, name);
	buf_puts(out, " 1 \"\" carrel \"User commands\"\n.SH NAME\n");
	man_text(out, name);
	buf_puts(out, " \\- ");
	/* whatis(1) wants no capital here. */
	buf_printf(out, "%c", tolower((unsigned char)*summary));
	man_text(out, summary + 1);
	buf_puts(out, "\n.SH SYNOPSIS\n");
}

static void add_options(struct buf *out, const struct cli_option *table)
{
	const char *section = NULL;

	if (!table || !table->name)
		return;
	buf_puts(out, ".SH OPTIONS\n");
	for (; table->name; table++) {
		if (table->hidden)
			continue;
		if (table->section && (!section || strcmp(section, table->section) != 0))
			buf_printf(out, ".SS %s\n", table->section);
		section = table->section;
		buf_puts(out, ".TP\n");
		if (table->letter)
			buf_printf(out, "\\fB\\-%c\\fR, ", table->letter);
		buf_puts(out, "\\fB\\-\\-");
		man_text(out, table->name);
		buf_puts(out, "\\fR");
		if (table->argument) {
			buf_puts(out, " \\fI");
			man_text(out, table->argument);
			buf_puts(out, "\\fR");
		}
		buf_puts(out, "\n");
		man_text(out, table->help);
		buf_puts(out, ".\n");
		if (table->key) {
			buf_puts(out, "Profile key: ");
			man_text(out, table->key);
			buf_puts(out, ".\n");
		}
	}
}

static void add_command(struct buf *out, const struct command *command)
{
	cleanup_buf struct buf name = {0};

	buf_printf(&name, "carrel-%s", command->name);
	add_head(out, name.text, command->summary);
	for (size_t i = 0; command->usages[i]; i++) {
		buf_printf(out, "%s\\fBcarrel %s\\fR ", i ? ".br\n" : "", command->name);
		man_text(out, command->usages[i]);
		buf_puts(out, "\n");
	}
	buf_puts(out, ".SH DESCRIPTION\n");
	if (!command->paragraphs) {
		man_text(out, command->summary);
		buf_puts(out, ".\n");
	}
	for (size_t i = 0; command->paragraphs && command->paragraphs[i]; i++) {
		buf_puts(out, ".PP\n");
		man_text(out, command->paragraphs[i]);
		buf_puts(out, "\n");
	}
	add_options(out, command->options);
	if (command->examples)
		buf_puts(out, ".SH EXAMPLES\n");
	for (const struct command_example *example = command->examples; example && example->line; example++) {
		buf_puts(out, ".TP\n\\fB");
		man_text(out, example->line);
		buf_puts(out, "\\fR\n");
		man_text(out, example->what);
		buf_puts(out, "\n");
	}
	buf_puts(out, ".SH SEE ALSO\n\\fBcarrel\\fR(1), \\fBcarrel\\-profile\\fR(5)\n");
}

void man_format(struct buf *out, const struct command *command)
{
	if (command) {
		add_command(out, command);
		return;
	}
	add_head(out, "carrel", "a sandbox for programs, root filesystems and images, without root");
	buf_puts(out, "\\fBcarrel\\fR [OPTIONS] COMMAND [ARG…]\n.SH DESCRIPTION\n"
		      "Gives any user a process tree with its own users, files, network, limits and system calls, described by a YAML profile.\n"
		      "There is no daemon, no setuid program and no root.\n.SH COMMANDS\n");
	for (const struct command *row = commands; row->name; row++) {
		buf_printf(out, ".TP\n\\fB%s\\fR\n", row->name);
		man_text(out, row->summary);
		buf_puts(out, ".\n");
	}
	add_options(out, global_options);
	buf_puts(out, ".SH FILES\n.TP\n~/.config/carrel/profiles, /etc/carrel/profiles\nProfiles of the user and of the machine.\n.SH SEE ALSO\n");
	for (const struct command *row = commands; row->name; row++)
		buf_printf(out, "\\fBcarrel\\-%s\\fR(1),\n", row->name);
	buf_puts(out, "\\fBcarrel\\-profile\\fR(5)\n");
}
