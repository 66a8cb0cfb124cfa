#include <string.h>

#include "cli/command.h"
#include "cli/report.h"

bool cli_verbose;

struct global_use {
	bool version;
};

static int set_version(void *context, const struct option_use *use, struct error *err)
{
	(void)err;
	((struct global_use *)context)->version = use->on;
	return 0;
}

static int set_verbose(void *context, const struct option_use *use, struct error *err)
{
	(void)context;
	(void)err;
	cli_verbose = use->on;
	return 0;
}

const struct cli_option global_options[] = {
	{"verbose", 'v', NULL, NULL, "Say more", NULL, set_verbose, .key = NULL},
	{"version", 0, NULL, NULL, "Print the version", NULL, set_version, .key = NULL},
	{.name = NULL},
};

static bool asks_help(int argc, char *const argv[])
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	return false;
}

int command_dispatch(int argc, char **argv)
{
	struct global_use use = {0};
	struct options_result result;
	struct error err = {0};
	const struct command *command;

	if (argc < 1)
		return EXIT_CARREL;
	if (argc > 1 && !strcmp(argv[1], "-h"))
		return help_print(NULL);
	if (options_parse(global_options, argc - 1, argv + 1, NULL, &use, &result, &err) < 0) {
		report_error(&err);
		return EXIT_CARREL;
	}
	argc -= 1 + result.count;
	argv += 1 + result.count;
	if (use.version)
		return cmd_version(1, argv);
	if (result.help || argc < 1)
		return help_print(NULL);
	command = command_find(argv[0]);
	if (!command) {
		(void)command_unknown(argv[0], &err);
		report_error(&err);
		return EXIT_CARREL;
	}
	if (!command->runs_program && asks_help(argc, argv))
		return help_print(command);
	return command->run(argc, argv);
}
