#include "cli/run_parse.h"

#include <errno.h>
#include <string.h>

#include "cli/command.h"

/* Among the options, @NAME is a profile. Any other word ends them: it is the image, or the command of --rootfs. */
static int take_word(void *context, const char *text, struct error *err)
{
	if (text[0] != '@')
		return 0;
	int r = request_add_profile(context, text + 1, err);
	return r < 0 ? r : 1;
}

int run_parse(struct request *request, int argc, char *const argv[], bool *ret_help, struct error *err)
{
	struct options_result result;
	int r = options_parse(run_options, argc, argv, take_word, request, &result, err);

	if (r < 0)
		return r;
	*ret_help = result.help;
	if (result.help)
		return 0;
	/* From here on every word belongs to the command, whatever it looks like (CVE-2024-32462). */
	argv += result.count;
	argc -= result.count;
	if (!result.dashes && argc > 0 && !request->rootfs) {
		r = request_set_image(request, argv[0], err);
		if (r < 0)
			return r;
		argv++;
		argc--;
		/* As without an image, "--" may stand before the command. */
		if (argc > 0 && strcmp(argv[0], "--") == 0) {
			argv++;
			argc--;
		}
	}
	return request_finish(request, (size_t)argc, argv, err);
}
