/* carrel export: the tree of an image or a kept sandbox as one tar archive. */
#include "cli/image_output.h"
#include "cli/tree_source.h"

struct export_job {
	struct image_context *context;
	struct tree_source source;
};

static int write_archive(void *data, int fd, struct error *err)
{
	struct export_job *job = data;

	return tree_source_write(job->context, &job->source, false, fd, NULL, err);
}

int image_export(const struct image_use *use, int argc, char **argv)
{
	struct image_context context;
	struct export_job job = {.context = &context, .source = {.hold = -1, .lock = -1}};
	struct error err = {0};
	int r;

	if (argc != 1)
		return image_usage("export", argc ? "more than one image or sandbox was named" : "no image or sandbox was named");
	r = image_context_init(&context, use, &err);
	if (r == 0)
		r = image_context_read(&context, false, &err);
	if (r == 0)
		r = tree_source_open(&context, argv[0], &job.source, &err);
	if (r == 0)
		r = image_output(use->output, write_archive, &job, &err);
	tree_source_close(&job.source);
	image_context_done(&context);
	return r < 0 ? image_fail(&err) : 0;
}
