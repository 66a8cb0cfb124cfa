#include <errno.h>

#include "cli/image_context.h"
#include "util/fd.h"

static int tag(struct image_context *context, const char *word, const char *name, struct error *err)
{
	struct reference reference;
	struct image image;
	cleanup_close int record = -1; /* held, so that nobody removes the image meanwhile */
	int r = reference_parse(&context->arena, name, &reference, err);

	if (r == 0 && digest_is_set(&reference.digest)) {
		r = error_set(err, EINVAL, "cannot give the name '%s'", name);
		(void)error_cause(err, "it has a digest, which an image has by itself");
		(void)error_hint(err, "carrel tag %s NAME:TAG", word);
	}
	if (r == 0)
		r = image_context_allows(context, &reference, err);
	if (r == 0)
		r = image_context_write(context, err);
	if (r == 0)
		r = store_find(&context->store, &context->arena, word, &image, &record, err);
	if (r == 0)
		r = image_context_allows_image(context, word, &image.manifest, err);
	return r < 0 ? r : store_tag(&context->store, &reference, &image.manifest, err);
}

int image_tag(const struct image_use *use, int argc, char **argv)
{
	struct image_context context;
	struct error err = {0};
	int r;

	if (argc != 2)
		return image_usage("tag", argc < 2 ? "it wants an image and a name for it" : "more than an image and a name");
	r = image_context_init(&context, use, &err);
	if (r == 0)
		r = tag(&context, argv[0], argv[1], &err);
	image_context_done(&context);
	return r < 0 ? image_fail(&err) : 0;
}
