/* Nearly all image commands are carrel-image's: a program of its own, so that starting a sandbox never loads what parses archives or encrypts. */
#include <errno.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/image_use.h"
#include "cli/paths.h"
#include "cli/report.h"

int cmd_image(int argc, char **argv)
{
	const char *program = cli_image_program();
	cleanup_free char **words = mem_resize(NULL, (size_t)argc + 3, sizeof(*words));
	struct error err = {0};
	int count = 0;

	words[count++] = "carrel-image";
	if (cli_verbose)
		words[count++] = "--verbose";
	for (int i = 0; i <= argc; i++) /* the closing NULL too */
		words[count + i] = argv[i];
	(void)execv(program, words);
	(void)error_set(&err, errno, "cannot start '%s', which does what `carrel %s` asks", program, argv[0]);
	(void)error_hint(&err, "it comes with carrel: run `make`, or install the whole of it");
	report_error(&err);
	return EXIT_CARREL;
}
