/* From the words of an image command to its function, in both programs. */
#include "cli/command.h"
#include "cli/image_use.h"
#include "cli/report.h"

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
int image_run(const struct cli_option *options, image_action *action, int argc, char **argv)
{
	static const struct cli_option none[] = {{.name = NULL}};
	cleanup_free char **items = mem_resize(NULL, (size_t)argc + 1, sizeof(*items));
	struct words words = {.use = {.tls_verify = true}, .items = items};
	struct options_result result;
	struct error err = {0};
	int status = EXIT_CARREL;

	if (options_parse(options ? options : none, argc - 1, argv + 1, take_word, &words, &result, &err) < 0) {
		report_error(&err);
	} else {
		for (int i = 1 + result.count; i < argc; i++)
			words.items[words.count++] = argv[i];
		words.items[words.count] = NULL;
		status = action(&words.use, words.count, words.items);
	}
	arena_done(&words.use.arena);
	return status;
}
