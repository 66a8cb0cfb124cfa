/* carrel-image: pull, push, load, save and whatever else handles images. `carrel` executes it with its own words. */
#include <errno.h>
#include <string.h>

#include "cli/command.h"
#include "cli/image_use.h"
#include "cli/report.h"
#include "util/fd.h"

static const struct image_command *find(const char *name)
{
	for (const struct image_command *command = image_commands; command->name; command++)
		if (!strcmp(command->name, name))
			return command;
	return NULL;
}

struct words {
	struct image_use use; /* first: the options' context */
	char **items;
	int count;
};

static int take_word(void *context, const char *text, struct error *err)
{
	struct words *words = context;

	(void)err;
	words->items[words->count++] = (char *)text;
	return 1;
}

/* Options may stand before and behind words, as Docker's may not and everybody types. */
static int run(const struct command *command, const struct image_command *action, int argc, char **argv)
{
	static const struct cli_option none[] = {{.name = NULL}};
	cleanup_free char **items = mem_resize(NULL, (size_t)argc + 1, sizeof(*items));
	struct words words = {.use = {.tls_verify = true}, .items = items};
	struct options_result result;
	struct error err = {0};
	int status = EXIT_CARREL;

	if (options_parse(command->options ? command->options : none, argc - 1, argv + 1, take_word, &words, &result, &err) < 0) {
		report_error(&err);
	} else {
		for (int i = 1 + result.count; i < argc; i++)
			words.items[words.count++] = argv[i];
		words.items[words.count] = NULL;
		status = action->run(&words.use, words.count, words.items);
	}
	arena_done(&words.use.arena);
	return status;
}

int main(int argc, char **argv)
{
	const struct command *command;
	const struct image_command *action;
	struct error err = {0};

	if (fd_fill_standard() < 0)
		return EXIT_CARREL;
	if (argc > 1 && !strcmp(argv[1], "--verbose")) {
		cli_verbose = true;
		argc--;
		argv++;
	}
	command = argc > 1 ? command_find(argv[1]) : NULL;
	action = argc > 1 ? find(argv[1]) : NULL;
	if (!command || !action) {
		(void)error_set(&err, EINVAL, "carrel-image cannot do '%s'", argc > 1 ? argv[1] : "nothing");
		(void)error_cause(&err, "it is the part of carrel that handles images, and no command for people");
		(void)error_hint(&err, "`carrel help` lists the commands");
		report_error(&err);
		return EXIT_CARREL;
	}
	return run(command, action, argc - 1, argv + 1);
}
