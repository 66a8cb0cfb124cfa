/* One table makes them all: each option stands in the help, the man page and the completion of every shell, or in none of them. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "util/fd.h"
#include "util/mem.h"

/* Is `name` in `text` as a whole word? Option names begin others: --env, --env-file. */
static bool has_word(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = strstr(text, name); at; at = strstr(at + 1, name)) {
		char before = at > text ? at[-1] : ' ', after = at[len];

		if (!strchr("abcdefghijklmnopqrstuvwxyz", before) && (!after || !strchr("abcdefghijklmnopqrstuvwxyz-", after)))
			return true;
	}
	return false;
}

/* "read-only" as troff says it. */
static void troff_name(struct buf *out, const char *name)
{
	for (; *name; name++)
		buf_printf(out, "%s%c", *name == '-' ? "\\" : "", *name);
}

static void check_option(const struct command *command, const struct cli_option *option, const char *help, const char *man, const char *const scripts[3])
{
	cleanup_buf struct buf in_help = {0}, in_man = {0};

	buf_printf(&in_help, "--%s", option->name);
	buf_puts(&in_man, "\\-\\-");
	troff_name(&in_man, option->name);
	buf_puts(&in_man, "\\fR");
	cr_expect_eq(has_word(help, in_help.text), !option->hidden, "help of %s: --%s", command->name, option->name);
	cr_expect_eq(strstr(man, in_man.text) != NULL, !option->hidden, "man page of %s: --%s", command->name, option->name);
	for (size_t i = 0; i < 3; i++) {
		char in_script[64];

		(void)snprintf(in_script, sizeof(in_script), i == 2 ? "-l %s" : "--%s", option->name);
		if (!option->hidden)
			cr_expect(has_word(scripts[i], in_script), "completion %zu: --%s", i, option->name);
	}
}

Test(commands, every_option_everywhere)
{
	cleanup_buf struct buf bash = {0}, zsh = {0}, fish = {0};

	cr_assert_eq(completion_format(&bash, "bash"), 0);
	cr_assert_eq(completion_format(&zsh, "zsh"), 0);
	cr_assert_eq(completion_format(&fish, "fish"), 0);
	cr_expect_eq(completion_format(&fish, "tcsh"), -EINVAL);
	for (const struct command *command = commands; command->name; command++) {
		cleanup_buf struct buf help = {0}, man = {0};

		help_format(&help, command);
		man_format(&man, command);
		for (const struct cli_option *option = command->options; option && option->name; option++)
			check_option(command, option, help.text, man.text, (const char *const[]){bash.text, zsh.text, fish.text});
		cr_expect(has_word(bash.text, command->name) && has_word(zsh.text, command->name) && has_word(fish.text, command->name), "%s", command->name);
	}
}

Test(commands, rows_are_whole)
{
	for (const struct command *command = commands; command->name; command++) {
		bool letters[128] = {false};

		cr_expect(command->summary && command->usages && command->run, "%s", command->name);
		for (const struct cli_option *option = command->options; option && option->name; option++) {
			cr_expect_not_null(option->help, "%s --%s", command->name, option->name);
			cr_expect_neq(option->help[strlen(option->help) - 1], '.', "%s --%s: the help ends with a full stop", command->name, option->name);
			cr_expect_eq(options_find(command->options, option->name, strlen(option->name)), option, "%s --%s: there twice", command->name, option->name);
			if (option->letter)
				cr_expect_not(letters[(int)option->letter], "%s -%c: there twice", command->name, option->letter);
			letters[(int)option->letter] = true;
		}
	}
}

Test(commands, unknown)
{
	static const struct {
		const char *word, *what, *hint;
	} cases[] = {
		{"rnu", "unknown command 'rnu'", "did you mean `carrel run`?"},
		{"versoin", "unknown command 'versoin'", "did you mean `carrel version`?"},
		{"make", "unknown command 'make'", "`carrel help` lists the commands; to run a program write  carrel run -- make"},
		{"", "unknown command ''", "`carrel help` lists the commands; to run a program write  carrel run -- "},
		{"ps", "`carrel ps` is not in this version", "`carrel top --once` lists the sandboxes that run"},
		{"exec", "`carrel exec` is not in this version", "`carrel help` lists the commands"},
		{"search", "unknown command 'search'", "registries are not searched:  carrel pull NAME  fetches what you know the name of"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error err = {0};

		cr_expect_lt(command_unknown(cases[i].word, &err), 0, "%s", cases[i].word);
		cr_expect_str_eq(err.what, cases[i].what, "%s: %s", cases[i].word, err.what);
		cr_expect_str_eq(err.hint, cases[i].hint, "%s: %s", cases[i].word, err.hint);
	}
}

/* The scripts that are shipped are the ones that this program makes: `carrel help --completion SHELL`. */
Test(commands, shipped_completions)
{
	static const struct {
		const char *shell, *file;
	} cases[] = {
		{"bash", "contrib/completions/carrel.bash"},
		{"zsh", "contrib/completions/_carrel"},
		{"fish", "contrib/completions/carrel.fish"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_buf struct buf made = {0};
		cleanup_free char *shipped = NULL;
		size_t size = 0;

		cr_assert_eq(completion_format(&made, cases[i].shell), 0);
		cr_assert_eq(fd_slurp_at(AT_FDCWD, cases[i].file, 1 << 20, &shipped, &size), 0, "%s cannot be read from here", cases[i].file);
		cr_expect_str_eq(shipped, made.text, "%s is old: build/carrel help --completion %s", cases[i].file, cases[i].shell);
	}
}
