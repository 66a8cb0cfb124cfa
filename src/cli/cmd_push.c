#include <errno.h>
#include <unistd.h>

#include "cli/image_context.h"
#include "cli/image_remote.h"
#include "cli/paths.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "image/transfer.h"
#include "image/transport.h"
#include "run/confine.h"
#include "util/fd.h"

struct push_job {
	struct image_remote remote; /* where to */
	struct image image;
	int record; /* held, so that nobody takes the image away */
	struct progress_view *view;
};

/* A digest is what comes out of a push, no place to push to. */
static int parse_target(struct image_context *context, const char *word, struct push_job *job, struct error *err)
{
	int r = reference_parse(&context->arena, word, &job->remote.reference, err);

	if (r < 0 || job->remote.reference.tag)
		return r;
	(void)error_set(err, EINVAL, "cannot push to '%s'", word);
	(void)error_cause(err, "it names a digest, which the image has or has not");
	return error_hint(err, "name a tag: carrel push IMAGE %s/%s:TAG", job->remote.reference.registry, job->remote.reference.repository);
}

/* `source` NULL: the image that has the target's name, which digits alone are not. */
static int prepare(struct image_context *context, const char *source, const char *target, struct push_job *job, struct error *err)
{
	int r = transport_check(target, TRANSPORT_PUSH, source, err);

	if (r == 0)
		r = parse_target(context, target, job, err);
	if (r == 0)
		r = image_context_read(context, false, err);
	if (r == 0)
		r = store_find(&context->store, &context->arena, source ? source : reference_familiar(&context->arena, &job->remote.reference), &job->image, &job->record, err);
	if (r < 0)
		return r;
	job->view = progress_view_new(context->use->quiet);
	r = image_remote_open(context, progress_view_progress(job->view), &job->remote, err);
	return r < 0 ? r : confine_self(&context->host, CONFINE_FETCH, context->store.path, err);
}

static int push(struct image_context *context, struct push_job *job, struct buf *out, struct error *err)
{
	const struct reference *reference = &job->remote.reference;
	const struct progress *progress = progress_view_progress(job->view);
	const struct push_spec spec = {.reference = reference, .manifest = job->image.manifest, .registry = job->remote.registry, .progress = progress};
	cleanup_buf struct buf people = {0};
	int r;

	progress_say(progress, arena_printf(&context->arena, "%s: Pushing to %s/%s", reference_familiar(&context->arena, reference), reference->registry, reference->repository));
	r = push_image(&context->store, &context->arena, &spec, err);
	progress_view_free(job->view);
	job->view = NULL;
	if (r < 0)
		return r;
	buf_printf(&people, "Digest: %s\n", job->image.manifest.text);
	if (!context->use->quiet)
		(void)!fd_write_all(STDERR_FILENO, people.text, people.size); /* nobody reads it, then */
	buf_printf(out, "%s\n", reference_format(&context->arena, reference));
	return 0;
}

int image_push(const struct image_use *use, int argc, char **argv)
{
	struct image_context context;
	struct push_job job = {.record = -1};
	cleanup_buf struct buf out = {0};
	struct error err = {0};
	int r;

	if (argc < 1 || argc > 2)
		return image_usage("push", argc < 1 ? "no image was named" : "more than an image and where to");
	r = image_context_init(&context, use, &err);
	if (r == 0)
		r = prepare(&context, argc == 2 ? argv[0] : NULL, argv[argc - 1], &job, &err);
	if (r == 0)
		r = push(&context, &job, &out, &err);
	progress_view_free(job.view);
	job.record = fd_close(job.record);
	image_remote_close(&job.remote);
	image_context_done(&context);
	return r < 0 ? image_fail(&err) : report_print(&out);
}
