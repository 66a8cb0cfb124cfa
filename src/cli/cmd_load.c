#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/image_context.h"
#include "cli/image_input.h"
#include "cli/paths.h"
#include "cli/progress.h"
#include "image/archive_file.h"
#include "run/confine.h"
#include "run/unpacker.h"
#include "util/fd.h"

static int load(struct image_context *context, struct error *err)
{
	cleanup_close int in = -1;
	struct progress_view *view;
	const char **names;
	size_t count;
	int r = image_input_open(context->use->input, "carrel load", &in, err);

	if (r == 0)
		r = image_context_allows_input(context, in, err);
	if (r == 0)
		r = image_context_write(context, err);
	if (r == 0)
		r = image_context_unpacker(context, err);
	if (r == 0)
		r = confine_self(&context->host, CONFINE_STORE, context->store.path, err);
	if (r < 0)
		return r;
	view = progress_view_new(context->use->quiet);
	r = load_images(&context->store, &context->arena, in, unpacker_host(context->unpacker), progress_view_progress(view), &names, &count, err);
	progress_view_free(view);
	if (r < 0)
		(void)error_prefix(err, "cannot load '%.100s'", context->use->input && strcmp(context->use->input, "-") != 0 ? context->use->input : "stdin");
	/* Docker's lines: a script may look for them. */
	for (size_t i = 0; r == 0 && i < count; i++)
		(void)printf("%s%s\n", context->use->quiet ? "" : strncmp(names[i], "sha256:", 7) ? "Loaded image: " : "Loaded image ID: ", names[i]);
	return r;
}

int image_load(const struct image_use *use, int argc, char **argv)
{
	struct image_context context;
	struct error err = {0};
	int r;

	if (argc > 0) {
		(void)error_set(&err, EINVAL, "cannot load '%s'", argv[0]);
		(void)error_cause(&err, "the archive is named by an option, or comes through stdin");
		(void)error_hint(&err, "carrel load -i %s", argv[0]);
		return image_fail(&err);
	}
	r = image_context_init(&context, use, &err);
	if (r == 0)
		r = load(&context, &err);
	image_context_done(&context);
	return r < 0 ? image_fail(&err) : 0;
}
