/* The table of commands. Dispatch, help, man pages and completions are made from it. */
#ifndef CARREL_CLI_COMMAND_H
#define CARREL_CLI_COMMAND_H

#include <stdbool.h>

#include "cli/options.h"
#include "util/buf.h"

struct command_example {
	const char *line, *what;
};

struct command {
	const char *name;
	const char *summary;          /* one line, no full stop */
	const char *const *usages;    /* "[OPTIONS] -- COMMAND [ARG…]", NULL-terminated */
	const char *const *paragraphs; /* for help and man page, NULL-terminated; may be NULL */
	const struct cli_option *options; /* may be NULL */
	const struct command_example *examples; /* ends with line NULL; may be NULL */
	const char *words;            /* first words to complete: "list show check" */
	int (*run)(int argc, char **argv); /* argv[0] is the command's name; the result is the exit status */
	bool runs_program; /* words of another program follow its options: it looks for --help itself, and takes @NAME */
	const char *names; /* what its words are, for completion, as `carrel help --names` has it: "images sandboxes" */
};

extern const struct command commands[]; /* ends with name NULL */
extern const struct cli_option global_options[];
extern const struct cli_option run_options[];
extern const struct cli_option profile_options[];
extern const struct cli_option doctor_options[];
extern const struct cli_option top_options[];
extern const struct cli_option rm_options[];
/* image_options.c */
extern const struct cli_option pull_options[], push_options[], login_options[], images_options[], rmi_options[], json_options[], history_options[], save_options[],
    load_options[], import_options[], export_options[], pack_options[], system_options[];

/* -v before the command: say more. */
extern bool cli_verbose;

const struct command *command_find(const char *name);

/* The message for a word that is no command: the nearest one, or that it is one of a later version. Always -errno. */
int command_unknown(const char *name, struct error *err);

/* All of main(): the options before the command, then the command. The exit status. */
int command_dispatch(int argc, char **argv);

int cmd_run(int argc, char **argv);
int cmd_profile(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_rm(int argc, char **argv);
int cmd_version(int argc, char **argv);
int cmd_help(int argc, char **argv);

/* help.c: what `carrel help [COMMAND]` prints; `command` NULL: the overview. At most 80 columns. */
void help_format(struct buf *out, const struct command *command);
int help_print(const struct command *command); /* to stdout; the exit status */
/* man.c: a page for man(7); NULL: carrel(1). */
void man_format(struct buf *out, const struct command *command);
/* man_profile.c: carrel-profile(5) and carrel-policy(5), all keys of a profile and of the administrator's policy. */
void man_format_profile(struct buf *out);
void man_format_policy(struct buf *out);
void man_text(struct buf *out, const char *text); /* with what troff would take for its own escaped */
/* names.c: what there is on this machine of "images", "sandboxes" or both, one a line, for completion scripts. What cannot be read is left out. */
void names_format(struct buf *out, const char *kinds);
/* completion.c: a script for bash, zsh or fish; -EINVAL for any other shell. */
int completion_format(struct buf *out, const char *shell);

#endif
