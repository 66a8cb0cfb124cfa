/* Command line options from a table, with Docker's habits: --name=value, --name value, -m value, -mvalue, grouped -it, --flag=false,
 * and "--" as the end. Parsing, help, man pages and completions all read the same rows.
 */
#ifndef CARREL_CLI_OPTIONS_H
#define CARREL_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

struct cli_option;

/* One use of an option. `value` is NULL for a flag, then `on` says whether it was switched on. */
struct option_use {
	const struct cli_option *option;
	const char *value;
	bool on;
	const char *label; /* "command line --memory" */
};

struct cli_option {
	const char *name;     /* "memory" */
	char letter;          /* 'm', or 0 */
	const char *argument; /* "SIZE"; NULL: a flag */
	const char *words;    /* "none nat host": for completion, where the values are few */
	const char *help;     /* one sentence, without a full stop */
	const char *section;  /* heading in the help, NULL: "Options"; rows of one section stand together */
	int (*apply)(void *context, const struct option_use *use, struct error *err);
	const char *names;    /* "sandboxes": what the value is, for completion, as struct command has it */
	const char *key;      /* of the profile: apply lays the value over it */
	size_t offset;        /* of the field that apply fills in */
	bool hidden;          /* not in help, man page and completion */
};

/* A table ends with a row whose name is NULL. Reads argv[0…]; `word`, where given, is offered each word that is no option and returns 1 when it
 * took it, 0 to end there, or -errno. *ret_count words were read, the "--" too, and *ret_dashes says whether there was one. */
struct options_result {
	int count;
	bool dashes, help; /* help: --help was seen, and nothing behind it was read */
};
int options_parse(const struct cli_option *table, int argc, char *const argv[], int (*word)(void *context, const char *text, struct error *err), void *context,
    struct options_result *ret, struct error *err) MUST_CHECK;

const struct cli_option *options_find(const struct cli_option *table, const char *name, size_t len);

#endif
