/* carrel-image: pull, push, load, save and whatever else reads manifests, archives or a registry. `carrel` executes it with its own words. */
#include <errno.h>
#include <string.h>

#include "cli/command.h"
#include "cli/image_tidy.h"
#include "cli/image_use.h"
#include "cli/report.h"
#include "util/fd.h"
#include "util/interrupt.h"

static const struct image_command *find(const char *name)
{
	for (const struct image_command *command = image_commands; command->name; command++)
		if (!strcmp(command->name, name))
			return command;
	return NULL;
}

int main(int argc, char **argv)
{
	const struct command *command;
	const struct image_command *action;
	struct error err = {0};
	int status;

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
	if (!action->fills_store || image_tidy_fork(&status))
		status = image_run(command->options, action->run, argc - 1, argv + 1);
	return interrupt_end(status);
}
