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

/* The options that take the word behind them, between blanks: " --memory -m ". */
static void add_valued_names(struct buf *out, const struct cli_option *table)
{
	for (; table && table->name; table++) {
		if (!table->argument || table->hidden)
			continue;
		buf_printf(out, " --%s", table->name);
		if (table->letter)
			buf_printf(out, " -%c", table->letter);
	}
	buf_puts(out, " ");
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
		else if (table->names)
			buf_printf(out, ") _carrel_offer < <(carrel help --names '%s' 2>/dev/null); return ;;\n", table->names);
		else if (takes_file(table))
			buf_puts(out, ") COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n");
		else
			buf_puts(out, ") return ;;\n");
	}
}

/* Behind the image, or the command, stand words of a program, of which we know nothing. */
static void add_bash_program(struct buf *out, const struct command *command)
{
	buf_printf(out, "\t\tnames='%s'\n"
			"\t\tfor ((i = at + 1; i < last; i++)); do\n"
			"\t\t\t[[ ${typed[i]} == -- ]] && { COMPREPLY=($(compgen -A command -A file -- \"$cur\")); return; }\n"
			"\t\t\t[[ ${typed[i]} == --rootfs* ]] && names=''\n"
			"\t\t\t[[ '", command->names);
	add_valued_names(out, command->options);
	buf_puts(out, "' == *\" ${typed[i]} \"* ]] && { ((i++)); continue; }\n"
		      "\t\t\t[[ ${typed[i]} == [-@]* ]] || return\n"
		      "\t\tdone\n");
}

static void add_bash_command(struct buf *out, const struct command *command)
{
	buf_printf(out, "\t%s)\n", command->name);
	if (command->runs_program)
		add_bash_program(out, command);
	else if (command->names)
		buf_printf(out, "\t\tnames='%s'\n", command->names);
	buf_puts(out, "\t\tcase $prev in\n");
	add_bash_values(out, command->options);
	buf_puts(out, "\t\tesac\n");
	if (command->runs_program)
		buf_puts(out, "\t\t[[ $cur == @* ]] && { _carrel_offer < <(carrel profile list 2>/dev/null | sed 's/^/@/; s/ .*//'); return; }\n");
	buf_puts(out, "\t\twords='");
	if (!strcmp(command->name, "help"))
		add_command_names(out);
	else if (command->words)
		buf_puts(out, command->words);
	add_option_names(out, command->options);
	buf_puts(out, "' ;;\n");
}

/* Readline parts words at ':', '=' and '@' too (COMP_WORDBREAKS), which all stand in names of images. So the words are those between blanks, and what Readline replaces, $2, is the end
 * of the last one. */
static const char bash_begin[] =
	"# bash completion for carrel\n"
	"_carrel_offer() {\n"
	"\tlocal name\n"
	"\twhile IFS= read -r name; do\n"
	"\t\t[[ $name == \"$cur\"* ]] && COMPREPLY+=(\"$name\")\n"
	"\tdone\n"
	"}\n"
	"_carrel_choose() {\n"
	"\tlocal command='' words='' names='' at=0 i\n"
	"\tfor ((i = 1; i < last && !at; i++)); do\n"
	"\t\t[[ ${typed[i]} != -* ]] && command=${typed[i]} at=$i\n"
	"\tdone\n"
	"\tcase $command in\n"
	"\t'') words='";

static const char bash_end[] =
	"\tesac\n"
	"\tif [[ $names && $cur != -* ]]; then\n"
	"\t\t_carrel_offer < <(carrel help --names \"$names\" 2>/dev/null)\n"
	"\telse\n"
	"\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	"\tfi\n"
	"}\n"
	"_carrel() {\n"
	"\tlocal IFS=$' \\t\\n' line=${COMP_LINE:0:COMP_POINT} cur prev before last typed\n"
	"\tread -ra typed <<<\"$line\"\n"
	"\t[[ $line == *[[:blank:]] ]] && typed+=('')\n"
	"\tlast=$((${#typed[@]} - 1)) cur=${typed[${#typed[@]} - 1]} prev=${typed[${#typed[@]} - 2]}\n"
	"\tbefore=${cur%\"$2\"}\n"
	"\t[[ $cur == --*=* ]] && prev=${cur%%=*} cur=${cur#*=} before=${before#\"$prev=\"}\n"
	"\tCOMPREPLY=()\n"
	"\t_carrel_choose\n"
	"\tCOMPREPLY=(\"${COMPREPLY[@]#\"$before\"}\")\n"
	"\t[[ $2 == --*=* ]] && COMPREPLY=(\"${COMPREPLY[@]/#/$prev=}\")\n"
	"}\n"
	"complete -o default -F _carrel carrel\n";

static void format_bash(struct buf *out)
{
	buf_puts(out, bash_begin);
	add_command_names(out);
	add_option_names(out, global_options);
	buf_puts(out, "' ;;\n");
	for (const struct command *command = commands; command->name; command++)
		add_bash_command(out, command);
	buf_puts(out, bash_end);
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
			else if (option->names)
				buf_printf(out, ":_carrel_names %s", option->names);
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
	} else if (command->names) {
		buf_printf(out, "\t\t\t'*:: :%s %s' ;;\n", command->runs_program ? "_carrel_words" : "_carrel_names", command->names);
	} else {
		buf_puts(out, "\t\t\t'*:: :_carrel_words' ;;\n");
	}
}

static void format_zsh(struct buf *out)
{
	buf_puts(out, "#compdef carrel\n"
		      "_carrel_names() {\n"
		      "\tlocal -a names=(${(f)\"$(carrel help --names \"$*\" 2>/dev/null)\"})\n"
		      "\t(($#names)) && compadd -- $names\n"
		      "}\n"
		      "_carrel_words() {\n"
		      "\tlocal dashes=${words[(i)--]}\n"
		      "\tif ((dashes < CURRENT)); then\n"
		      "\t\twords=(\"${(@)words[dashes+1,-1]}\"); ((CURRENT -= dashes)); _normal\n"
		      "\telif [[ $PREFIX == @* ]]; then\n"
		      "\t\tcompadd -- ${(f)\"$(carrel profile list 2>/dev/null | sed 's/^/@/; s/ .*//')\"}\n"
		      "\telif (($#)) && [[ -z ${(M)words[1,CURRENT-1]:#[^@]*} && -z $opt_args[(i)--rootfs] ]]; then\n"
		      "\t\t_carrel_names $*; _files\n"
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
		else if (table->names)
			buf_printf(out, " -x -a \"(carrel help --names '%s' 2>/dev/null)\"", table->names);
		else if (table->argument)
			buf_puts(out, takes_file(table) ? " -r -F" : " -x");
		buf_puts(out, " -d '");
		for (const char *c = table->help; *c; c++)
			buf_printf(out, "%s%c", *c == '\'' ? "\\" : "", *c);
		buf_puts(out, "'\n");
	}
	buf_printf(out, "complete -c carrel -n '%s' -l help -d 'Explain it'\n", condition);
}

/* Is the word that is being typed behind `run` the first that is no option's? */
static void add_fish_condition(struct buf *out, const struct command *command)
{
	buf_printf(out, "function __carrel_%s_first\n"
			"\tset -l typed (commandline -opc)\n"
			"\tset -l at (contains -i -- %s $typed); or return 1\n"
			"\tset -l skip 0\n"
			"\tset -e typed[1..$at]\n"
			"\tfor word in $typed\n"
			"\t\tif test $skip = 1\n"
			"\t\t\tset skip 0\n"
			"\t\telse if contains -- $word -- --rootfs\n"
			"\t\t\treturn 1\n"
			"\t\telse if contains -- $word", command->name, command->name);
	add_valued_names(out, command->options);
	buf_puts(out, "\n"
		      "\t\t\tset skip 1\n"
		      "\t\telse if not string match -q -r '^[-@]' -- $word\n"
		      "\t\t\treturn 1\n"
		      "\t\tend\n"
		      "\tend\n"
		      "end\n");
}

static void add_fish_names(struct buf *out, const struct command *command, const char *condition)
{
	cleanup_free char *names = mem_printf("(carrel help --names '%s' 2>/dev/null)", command->names);

	if (command->runs_program) {
		add_fish_condition(out, command);
		buf_printf(out, "complete -c carrel -n __carrel_%s_first -a \"%s\"\n", command->name, names);
	} else {
		buf_printf(out, "complete -c carrel -f -n '%s' -a \"%s\"\n", condition, names);
	}
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
		if (command->names)
			add_fish_names(out, command, condition.text);
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
