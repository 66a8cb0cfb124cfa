#include <criterion/criterion.h>
#include <string.h>

#include "cli/command.h"

/* The widest line in columns, as long as each letter takes one. */
static size_t widest(const char *text)
{
	size_t most = 0, now = 0;

	for (; *text; text++) {
		now = *text == '\n' ? 0 : now + (((unsigned char)*text & 0xc0) != 0x80);
		most = now > most ? now : most;
	}
	return most;
}

static void check_page(const struct command *command)
{
	const char *name = command ? command->name : "the overview";
	cleanup_buf struct buf out = {0};

	help_format(&out, command);
	cr_expect_leq(widest(out.text), 80, "%s: %zu columns", name, widest(out.text));
	cr_expect_null(strstr(out.text, " \n"), "%s: a line ends with a blank", name);
	cr_expect_null(strstr(out.text, "\n\n\n"), "%s: two empty lines", name);
	cr_expect_eq(out.text[out.size - 1], '\n', "%s", name);
}

Test(help, fits_a_terminal)
{
	check_page(NULL);
	for (const struct command *command = commands; command->name; command++)
		check_page(command);
}

Test(help, names_every_command)
{
	cleanup_buf struct buf out = {0};

	help_format(&out, NULL);
	for (const struct command *command = commands; command->name; command++) {
		cr_expect_not_null(strstr(out.text, command->name), "%s", command->name);
		cr_expect_not_null(strstr(out.text, command->summary), "%s", command->name);
	}
}
