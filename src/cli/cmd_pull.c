/* What asks the user's files and starts programs (accounts, the unpacker) comes first, for all images; then the process confines itself, and only then it speaks
 * with registries and makes threads. */
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
#include "run/unpacker.h"
#include "util/fd.h"

/* One image of the command line. */
struct pull_target {
	struct image_remote remote;
	struct progress_view *view;
};

struct pull_targets {
	struct pull_target *items;
	size_t count;
	struct buf out; /* for stdout */
};

/* The last lines are for people, below the picture. */
static void tell_people(const struct image_context *context, const struct reference *reference, const struct pull_result *result)
{
	cleanup_buf struct buf out = {0};
	struct arena arena = {0};

	buf_printf(&out, "Digest: %s\n", result->digest.text);
	buf_printf(&out, "Status: %s for %s\n", result->is_new ? "Downloaded newer image" : "Image is up to date", reference_familiar(&arena, reference));
	if (!context->use->quiet)
		(void)!fd_write_all(STDERR_FILENO, out.text, out.size); /* nobody reads it, then */
	arena_done(&arena);
}

static int pull_one(struct image_context *context, struct pull_target *target, const struct platform *platform, struct buf *out, struct error *err)
{
	const struct reference *reference = &target->remote.reference;
	const struct progress *progress = progress_view_progress(target->view);
	const struct pull_spec spec = {
		.reference = reference, .platform = *platform, .registry = target->remote.registry, .unpack = unpacker_host(context->unpacker), .progress = progress};
	struct pull_result result;
	int r;

	progress_say(progress, arena_printf(&context->arena, "%s: Pulling from %s/%s", reference_familiar(&context->arena, reference), reference->registry, reference->repository));
	r = pull_image(&context->store, &context->arena, &spec, &result, err);
	progress_view_free(target->view);
	target->view = NULL;
	if (r < 0)
		return r;
	tell_people(context, reference, &result);
	/* For scripts: with -q what never changes its meaning, else the name in full. */
	buf_printf(out, "%s\n", context->use->quiet ? result.image.config.text : reference_format(&context->arena, reference));
	return 0;
}

static int prepare(struct image_context *context, struct pull_targets *targets, struct error *err)
{
	int r = image_context_write(context, err);

	/* A copy of this process: before passwords and libcurl are in it. */
	if (r == 0)
		r = image_context_unpacker(context, err);
	for (size_t i = 0; r == 0 && i < targets->count; i++) {
		targets->items[i].view = progress_view_new(context->use->quiet);
		r = image_remote_open(context, progress_view_progress(targets->items[i].view), &targets->items[i].remote, err);
	}
	return r < 0 ? r : confine_self(&context->host, CONFINE_FETCH, context->store.path, err);
}

static int pull(struct image_context *context, struct pull_targets *targets, char **words, struct error *err)
{
	struct platform platform = platform_host();
	int r = context->use->platform ? platform_parse(&context->arena, context->use->platform, &platform, err) : 0;

	for (size_t i = 0; r == 0 && i < targets->count; i++) {
		r = transport_check(words[i], TRANSPORT_PULL, NULL, err);
		if (r == 0)
			r = reference_parse(&context->arena, words[i], &targets->items[i].remote.reference, err);
		if (r == 0)
			r = image_context_allows(context, &targets->items[i].remote.reference, err);
	}
	if (r == 0)
		r = prepare(context, targets, err);
	for (size_t i = 0; r == 0 && i < targets->count; i++)
		r = pull_one(context, &targets->items[i], &platform, &targets->out, err);
	return r;
}

int image_pull(const struct image_use *use, int argc, char **argv)
{
	struct image_context context;
	struct pull_targets targets = {.count = argc > 0 ? (size_t)argc : 0};
	struct error err = {0};
	int r, status;

	if (argc < 1)
		return image_usage("pull", "no image was named");
	r = image_context_init(&context, use, &err);
	targets.items = arena_alloc(&context.arena, targets.count * sizeof(*targets.items));
	if (r == 0)
		r = pull(&context, &targets, argv, &err);
	for (size_t i = 0; i < targets.count; i++) {
		progress_view_free(targets.items[i].view);
		image_remote_close(&targets.items[i].remote);
	}
	image_context_done(&context);
	status = report_print(&targets.out);
	buf_done(&targets.out);
	return r < 0 ? image_fail(&err) : status;
}
