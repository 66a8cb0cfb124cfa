#include <errno.h>

#include "cli/image_context.h"
#include "cli/report.h"
#include "util/fd.h"

/* Docker's lines: a script may look for them. */
static void tell(struct image_context *context, const struct store_removal *removal, struct buf *out)
{
	for (size_t i = 0; i < removal->untagged_count; i++) {
		struct reference reference;
		const char *name = removal->untagged[i];

		if (reference_parse(&context->arena, name, &reference, NULL) == 0)
			name = reference_familiar(&context->arena, &reference);
		buf_printf(out, "Untagged: %s\n", name);
	}
	for (size_t i = 0; i < removal->deleted_count; i++)
		buf_printf(out, "Deleted: %s\n", removal->deleted[i].text);
}

/* Each one on its own, as Docker does. */
static int remove_all(struct image_context *context, int argc, char **argv, struct buf *out)
{
	int status = 0;

	for (int i = 0; i < argc; i++) {
		struct store_removal removal = {.untagged = NULL};
		struct error err = {0};

		if (store_remove(&context->store, &context->gc, &context->arena, argv[i], context->use->force, &removal, &err) < 0)
			status = image_fail(&err);
		tell(context, &removal, out);
	}
	return status;
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
