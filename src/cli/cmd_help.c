#include <errno.h>

#include "cli/command.h"
#include "cli/report.h"

struct help_use {
	const char *completion, *names;
	bool man, man_profile, man_policy;
};

static int set_completion(void *context, const struct option_use *use, struct error *err)
{
	(void)err;
	((struct help_use *)context)->completion = use->value;
	return 0;
}

static int set_names(void *context, const struct option_use *use, struct error *err)
{
	(void)err;
	((struct help_use *)context)->names = use->value;
	return 0;
}

static int set_man(void *context, const struct option_use *use, struct error *err)
{
	(void)err;
	((struct help_use *)context)->man = use->on;
	return 0;
}

static int set_man_profile(void *context, const struct option_use *use, struct error *err)
{
	(void)err;
	((struct help_use *)context)->man_profile = use->on;
	return 0;
}

static int set_man_policy(void *context, const struct option_use *use, struct error *err)
{
	(void)err;
	((struct help_use *)context)->man_policy = use->on;
	return 0;
}

/* For the Makefile and the completion scripts: not in the help. */
static const struct cli_option options[] = {
	{"completion", 0, "SHELL", NULL, NULL, NULL, set_completion, .hidden = true},
	{"names", 0, "KINDS", NULL, NULL, NULL, set_names, .hidden = true},
	{"man", 0, NULL, NULL, NULL, NULL, set_man, .hidden = true},
	{"man-profile", 0, NULL, NULL, NULL, NULL, set_man_profile, .hidden = true},
	{"man-policy", 0, NULL, NULL, NULL, NULL, set_man_policy, .hidden = true},
	{.name = NULL},
};

int cmd_help(int argc, char **argv)
{
	cleanup_buf struct buf out = {0};
	struct help_use use = {0};
	struct options_result result;
	struct error err = {0};
	const struct command *command = NULL;

	if (options_parse(options, argc - 1, argv + 1, NULL, &use, &result, &err) < 0)
		goto fail;
	if (1 + result.count < argc) {
		const char *name = argv[1 + result.count];

		command = command_find(name);
		if (!command && command_unknown(name, &err) < 0)
			goto fail;
	}
	if (use.completion && completion_format(&out, use.completion) < 0) {
		(void)error_set(&err, EINVAL, "no completion for the shell '%s'", use.completion);
		(void)error_cause(&err, "the shells are bash, zsh and fish");
		goto fail;
	}
	if (use.man)
		man_format(&out, command);
	if (use.man_profile)
		man_format_profile(&out);
	if (use.man_policy)
		man_format_policy(&out);
	if (use.names)
		names_format(&out, use.names);
	else if (!out.size)
		help_format(&out, command);
	return report_print(&out);
fail:
	report_error(&err);
	return EXIT_CARREL;
}
