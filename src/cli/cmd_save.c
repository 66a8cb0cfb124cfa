#include <errno.h>
#include <signal.h>
#include <string.h>

#include "cli/image_context.h"
#include "cli/image_output.h"
#include "cli/paths.h"
#include "cli/progress.h"
#include "image/archive_file.h"
#include "run/confine.h"

struct save_job {
	struct image_context *context;
	struct save_item *items;
	size_t count;
	enum archive_format format;
};

/* In the child: manifests are JSON from somebody else. */
static int write_archive(void *data, int fd, struct error *err)
{
	struct save_job *job = data;
	struct image_context *context = job->context;
	struct progress_view *view;
	int r;

	(void)signal(SIGPIPE, SIG_IGN); /* `carrel save … | head` is told as an error */
	r = confine_self(&context->host, CONFINE_READ, context->store.path, err);
	if (r < 0)
		return r;
	view = progress_view_new(context->use->quiet);
	r = save_images(&context->store, job->items, job->count, job->format, fd, progress_view_progress(view), err);
	progress_view_free(view);
	return r;
}

static void add_item(struct save_job *job, const char *name, const struct digest *manifest)
{
	job->items = arena_grow(&job->context->arena, job->items, job->count, sizeof(*job->items));
	job->items[job->count++] = (struct save_item){.name = name, .manifest = *manifest};
}

/* Named by a reference it keeps that name in the archive; named by its digits, all names that it has. */
static int add_image(struct save_job *job, const char *word, struct error *err)
{
	struct image_context *context = job->context;
	struct reference reference;
	struct store_ref *refs;
	struct image image;
	const char *full = NULL;
	size_t count, before = job->count;
	int r = store_find(&context->store, &context->arena, word, &image, NULL, err);

	if (r == 0)
		r = store_refs(&context->store, &context->arena, &refs, &count, err);
	if (r < 0)
		return r;
	if (reference_parse(&context->arena, word, &reference, NULL) == 0)
		full = reference_format(&context->arena, &reference);
	for (size_t i = 0; full && i < count; i++)
		if (!strcmp(refs[i].name, full) && digest_equal(&refs[i].manifest, &image.manifest))
			add_item(job, refs[i].name, &image.manifest);
	bool named = job->count > before;
	for (size_t i = 0; !named && i < count; i++)
		if (digest_equal(&refs[i].manifest, &image.manifest) && !strchr(refs[i].name, '@'))
			add_item(job, refs[i].name, &image.manifest);
	if (job->count == before)
		add_item(job, NULL, &image.manifest);
	return 0;
}

static int save(struct image_context *context, int argc, char **argv, struct error *err)
{
	struct save_job job = {.context = context, .format = ARCHIVE_DOCKER};
	int r = image_context_read(context, false, err);

	if (context->use->format && !strcmp(context->use->format, "oci-archive"))
		job.format = ARCHIVE_OCI;
	for (int i = 0; r == 0 && i < argc; i++)
		r = add_image(&job, argv[i], err);
	return r < 0 ? r : image_output(context->use->output, write_archive, &job, err);
}

int image_save(const struct image_use *use, int argc, char **argv)
{
	struct image_context context;
	struct error err = {0};
	int r;

	if (argc < 1)
		return image_usage("save", "no image was named");
	r = image_context_init(&context, use, &err);
	if (r == 0)
		r = save(&context, argc, argv, &err);
	image_context_done(&context);
	return r < 0 ? image_fail(&err) : 0;
}
