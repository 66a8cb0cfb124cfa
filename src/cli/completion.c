/* Completion scripts for bash, zsh and fish, from the same tables as the help. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "cli/command.h"
#include "util/mem.h"

static const char *const file_arguments[] = {"DIR", "FILE", "FILE|FD", "NAME|FILE"};

static bool takes_file(const struct cli_option *option)
{
	for (size_t i = 0; option->argument && i < ARRAY_SIZE(file_arguments); i++)
		if (!strcmp(option->argument, file_arguments[i]))
			return true;
	return false;
}

/* Between single quotes of a shell; zsh takes ":" and brackets in a specification for its own. */
static void add_quoted(struct buf *out, const char *text, const char *special)
{
	for (; *text; text++) {
		if (*text == '\'')
			buf_puts(out, "'\\''");
		else if (strchr(special, *text))
			buf_printf(out, "\\%c", *text);
		else
			buf_add(out, text, 1);
	}
}

static void add_command_names(struct buf *out)
{
	for (const struct command *command = commands; command->name; command++)
		buf_printf(out, "%s%s", command == commands ? "" : " ", command->name);
}

static void add_option_names(struct buf *out, const struct cli_option *table)
{
	for (; table && table->name; table++) {
		if (table->hidden)
			continue;
		buf_printf(out, " --%s", table->name);
		if (table->letter)
			buf_printf(out, " -%c", table->letter);
	}
	buf_puts(out, " --help");
}

/* ---- bash ---- */

static void add_bash_values(struct buf *out, const struct cli_option *table)
{
	for (; table && table->name; table++) {
		if (!table->argument || table->hidden)
			continue;
		buf_printf(out, "\t\t--%s", table->name);
		if (table->letter)
			buf_printf(out, "|-%c", table->letter);
		if (table->words)
			buf_printf(out, ") COMPREPLY=($(compgen -W '%s' -- \"$cur\")); return ;;\n", table->words);
		else if (takes_file(table))
			buf_puts(out, ") COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n");
		else
			buf_puts(out, ") return ;;\n");
	}
}

static void add_bash_command(struct buf *out, const struct command *command)
{
	buf_printf(out, "\t%s)\n\t\tcase $prev in\n", command->name);
	add_bash_values(out, command->options);
	buf_puts(out, "\t\tesac\n");
	if (command->runs_program)
		buf_puts(out, "\t\t[[ $cur == @* ]] && words=$(carrel profile list 2>/dev/null | sed 's/^/@/; s/ .*//') ||\n");
	buf_puts(out, "\t\twords='");
	if (!strcmp(command->name, "help"))
		add_command_names(out);
	else if (command->words)
		buf_puts(out, command->words);
	add_option_names(out, command->options);
	buf_puts(out, "' ;;\n");
}

static void format_bash(struct buf *out)
{
	buf_puts(out, "# bash completion for carrel\n"
		      "_carrel() {\n"
		      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command='' words='' i\n"
		      "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		      "\t\t[[ ${COMP_WORDS[i]} == -- ]] && { COMPREPLY=($(compgen -A command -A file -- \"$cur\")); return; }\n"
		      "\t\t[[ -z $command && ${COMP_WORDS[i]} != -* ]] && command=${COMP_WORDS[i]}\n"
		      "\tdone\n"
		      "\tcase $command in\n"
		      "\t'') words='");
	add_command_names(out);
	add_option_names(out, global_options);
	buf_puts(out, "' ;;\n");
	for (const struct command *command = commands; command->name; command++)
		add_bash_command(out, command);
	buf_puts(out, "\tesac\n"
		      "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
		      "}\n"
		      "complete -o default -F _carrel carrel\n");
}

/* ---- zsh ---- */

static void add_zsh_option(struct buf *out, const struct cli_option *option)
{
	char letter[] = {'-', option->letter, 0};
	const char *spelling[] = {option->letter ? letter : NULL, NULL};
	cleanup_buf struct buf name = {0};

	buf_printf(&name, "--%s", option->name);
	spelling[1] = name.text;
	for (size_t i = 0; i < ARRAY_SIZE(spelling); i++) {
		if (!spelling[i])
			continue;
		buf_printf(out, "\t\t\t'*%s%s[", spelling[i], option->argument && i == 1 ? "=" : option->argument ? "+" : "");
		add_quoted(out, option->help, "[]:\\");
		buf_puts(out, "]");
		if (option->argument) {
			buf_puts(out, ":");
			add_quoted(out, option->argument, "[]:\\");
			if (option->words)
				buf_printf(out, ":(%s)", option->words);
			else
				buf_puts(out, takes_file(option) ? ":_files" : ": ");
		}
		buf_puts(out, "' \\\n");
	}
}

static void add_zsh_command(struct buf *out, const struct command *command)
{
	buf_printf(out, "\t\t%s)\n\t\t\t_arguments -s \\\n", command->name);
	for (const struct cli_option *option = command->options; option && option->name; option++)
		if (!option->hidden)
			add_zsh_option(out, option);
	buf_puts(out, "\t\t\t'--help[Explain the command]' \\\n");
	if (!strcmp(command->name, "help")) {
		buf_puts(out, "\t\t\t'1:command:(");
		add_command_names(out);
		buf_puts(out, ")' ;;\n");
	} else if (command->words) {
		buf_printf(out, "\t\t\t'1:what:(%s)' '*:file:_files' ;;\n", command->words);
	} else {
		buf_puts(out, "\t\t\t'*:: :_carrel_words' ;;\n");
	}
}

static void format_zsh(struct buf *out)
{
	buf_puts(out, "#compdef carrel\n"
		      "_carrel_words() {\n"
		      "\tlocal dashes=${words[(i)--]}\n"
		      "\tif ((dashes < CURRENT)); then\n"
		      "\t\twords=(\"${(@)words[dashes+1,-1]}\"); ((CURRENT -= dashes)); _normal\n"
		      "\telif [[ $PREFIX == @* ]]; then\n"
		      "\t\tcompadd -- ${(f)\"$(carrel profile list 2>/dev/null | sed 's/^/@/; s/ .*//')\"}\n"
		      "\telse\n"
		      "\t\t_files\n"
		      "\tfi\n"
		      "}\n"
		      "_carrel() {\n"
		      "\tlocal context state state_descr line\n"
		      "\ttypeset -A opt_args\n"
		      "\tlocal -a commands=(\n");
	for (const struct command *command = commands; command->name; command++) {
		buf_printf(out, "\t\t'%s:", command->name);
		add_quoted(out, command->summary, ":\\");
		buf_puts(out, "'\n");
	}
	buf_puts(out, "\t)\n\t_arguments -C -s \\\n");
	for (const struct cli_option *option = global_options; option->name; option++)
		add_zsh_option(out, option);
	buf_puts(out, "\t\t'--help[Explain carrel]' \\\n"
		      "\t\t'1:command:->command' '*::argument:->argument'\n"
		      "\tcase $state in\n"
		      "\tcommand) _describe command commands ;;\n"
		      "\targument)\n"
		      "\t\tcase $line[1] in\n");
	for (const struct command *command = commands; command->name; command++)
		add_zsh_command(out, command);
	buf_puts(out, "\t\tesac ;;\n\tesac\n}\n_carrel \"$@\"\n");
}

/* ---- fish ---- */

static void add_fish_options(struct buf *out, const struct cli_option *table, const char *condition)
{
	for (; table && table->name; table++) {
		if (table->hidden)
			continue;
		buf_printf(out, "complete -c carrel -n '%s' -l %s", condition, table->name);
		if (table->letter)
			buf_printf(out, " -s %c", table->letter);
		if (table->words)
			buf_printf(out, " -x -a '%s'", table->words);
		else if (table->argument)
			buf_puts(out, takes_file(table) ? " -r -F" : " -x");
		buf_puts(out, " -d '");
		for (const char *c = table->help; *c; c++)
			buf_printf(out, "%s%c", *c == '\'' ? "\\" : "", *c);
		buf_puts(out, "'\n");
	}
	buf_printf(out, "complete -c carrel -n '%s' -l help -d 'Explain it'\n", condition);
}

static void format_fish(struct buf *out)
{
	static const char first[] = "__fish_use_subcommand";

	buf_puts(out, "# fish completion for carrel\n");
	add_fish_options(out, global_options, first);
	for (const struct command *command = commands; command->name; command++) {
		cleanup_buf struct buf condition = {0};

		buf_printf(out, "complete -c carrel -f -n %s -a %s -d '%s'\n", first, command->name, command->summary);
		buf_printf(&condition, "__fish_seen_subcommand_from %s", command->name);
		add_fish_options(out, command->options, condition.text);
		if (command->words)
			buf_printf(out, "complete -c carrel -n '%s' -a '%s'\n", condition.text, command->words);
		if (command->runs_program)
			buf_printf(out, "complete -c carrel -n '%s' -a \"(carrel profile list 2>/dev/null | sed 's/^/@/; s/ .*//')\"\n", condition.text);
	}
	buf_puts(out, "complete -c carrel -f -n '__fish_seen_subcommand_from help' -a '");
	add_command_names(out);
	buf_puts(out, "'\n");
}

int completion_format(struct buf *out, const char *shell)
{
	static const struct {
		const char *shell;
		void (*format)(struct buf *out);
	} shells[] = {{"bash", format_bash}, {"zsh", format_zsh}, {"fish", format_fish}};

	for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
		if (strcmp(shells[i].shell, shell) != 0)
			continue;
		shells[i].format(out);
		return 0;
	}
	return -EINVAL;
}
