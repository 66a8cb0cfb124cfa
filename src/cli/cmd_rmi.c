#include <errno.h>

#include "cli/image_context.h"
#include "cli/report.h"
#include "util/fd.h"

/* Docker's lines: a script may look for them. */
static void tell(struct image_context *context, const struct store_removal *removal, struct buf *out)
{
	for (size_t i = 0; i < removal->untagged_count; i++) {
		struct reference reference;

		if (reference_parse(&context->arena, removal->untagged[i], &reference, NULL) == 0)
			buf_printf(out, "Untagged: %s\n", reference_familiar(&context->arena, &reference));
		else
			report_note("'%s', which was no name for an image, is gone", removal->untagged[i]); /* (it may be any bytes) */
	}
	if (digest_is_set(&removal->deleted))
		buf_printf(out, "Deleted: %s\n", removal->deleted.text);
}

/* Each one on its own, as Docker does; what all of them have in common is done once. */
static int remove_all(struct image_context *context, int argc, char **argv, struct buf *out)
{
	struct store_removal *removals = arena_alloc(&context->arena, (size_t)argc * sizeof(*removals));
	struct error err = {0};
	int status = 0;

	for (int i = 0; i < argc; i++)
		removals[i].word = argv[i];
	int r = store_remove(&context->store, &context->gc, &context->arena, context->use->force, removals, (size_t)argc, &err);
	for (int i = 0; i < argc; i++) {
		int failed = removals[i].why ? image_fail(removals[i].why) : 0;

		/* Docker's --force: what is not there is as good as removed, and said all the same. */
		if (failed && (!context->use->force || removals[i].why->code != ENOENT))
			status = failed;
		tell(context, &removals[i], out);
	}
	return r < 0 ? image_fail(&err) : status;
}

int image_rmi(const struct image_use *use, int argc, char **argv)
{
	cleanup_buf struct buf out = {0};
	struct image_context context;
	struct error err = {0};
	int r, status;

	if (argc < 1)
		return image_usage("rmi", "no image was named");
	r = image_context_init(&context, use, &err);
	if (r == 0)
		r = image_context_write(&context, &err);
	status = r < 0 ? image_fail(&err) : remove_all(&context, argc, argv, &out);
	r = report_print(&out);
	image_context_done(&context);
	return r ? r : status;
}
