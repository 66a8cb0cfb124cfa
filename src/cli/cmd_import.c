#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/image_context.h"
#include "cli/image_input.h"
#include "cli/paths.h"
#include "cli/progress.h"
#include "image/archive_file.h"
#include "image/change.h"
#include "image/merge.h"
#include "isolate/inside.h"
#include "run/confine.h"
#include "run/unpacker.h"
#include "util/fd.h"

/* A directory becomes a tar stream, made by a child in the user namespace that sandboxes have: what belongs to the user is root's in the image, what belongs to
 * the user's range of ids (mmdebstrap leaves such trees) is theirs whom it was made for. */
struct packer {
	const char *path;
	int dir, out, report;
};

static int pack_directory(void *data)
{
	struct packer *packer = data;
	const struct merge_layer layer = {.dir = packer->dir, .owner = LAYER_RANGE};
	struct error err = {0};
	int r = merge_write_tar(&(const struct merge_spec){.layers = &layer, .count = 1}, packer->out, &err);

	if (r < 0) {
		(void)error_prefix(&err, "cannot import '%s'", packer->path);
		(void)!fd_write_all(packer->report, &err, sizeof(err)); /* without a parent nobody is left who could hear */
	}
	return r;
}

static _Noreturn void packer_child(const struct image_context *context, struct packer *packer)
{
	struct idmap_spec spec = {.mode = IDMAP_AUTO, .wants_range = true};
	struct arena arena = {0};
	struct idmap_facts facts;
	struct idmap_plan ids;
	struct error err = {0};
	int r = host_id_facts(&context->host, &facts, &err);

	if (r == 0)
		r = idmap_plan(&arena, &spec, &facts, &ids, &err);
	if (r == 0)
		r = inside_run(&ids, pack_directory, packer, &err);
	if (r < 0 && err.code) /* else it has said so itself */
		(void)!fd_write_all(packer->report, &err, sizeof(err)); /* without a parent nobody is left who could hear */
	_exit(r < 0);
}

struct source {
	int fd, report; /* report: of the packer, -1 where there is none */
	pid_t packer;
};

static int open_directory(const struct image_context *context, const char *path, struct source *ret, struct error *err)
{
	struct packer packer = {.path = path};
	int ends[2], report[2];

	packer.dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (packer.dir < 0)
		return error_set(err, errno, "cannot read the directory '%s'", path);
	int r = image_context_allows_input(context, packer.dir, err);
	if (r < 0) {
		(void)fd_close(packer.dir);
		return r;
	}
	if (pipe2(ends, O_CLOEXEC) < 0 || pipe2(report, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot make a pipe");
	ret->packer = fork();
	if (ret->packer == 0) {
		(void)fd_close(ends[0]);
		(void)fd_close(report[0]);
		packer.out = ends[1];
		packer.report = report[1];
		packer_child(context, &packer);
	}
	(void)fd_close(packer.dir);
	(void)fd_close(ends[1]);
	(void)fd_close(report[1]);
	ret->fd = ends[0];
	ret->report = report[0];
	return ret->packer < 0 ? error_set(err, errno, "cannot fork") : 0;
}

static int open_source(const struct image_context *context, const char *path, struct source *ret, struct error *err)
{
	struct stat st;

	if (strstr(path, "://")) {
		(void)error_set(err, EINVAL, "cannot import '%s'", path);
		(void)error_cause(err, "it is an address, and import reads files");
		return error_hint(err, "curl -L %s | carrel import - NAME", path);
	}
	if (strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return open_directory(context, path, ret, err);
	int r = image_input_open(path, "carrel import -", &ret->fd, err);
	return r < 0 ? r : image_context_allows_input(context, ret->fd, err);
}

/* A packer that failed has cut the stream, perhaps between two files, which then looks like a whole one. */
static int check_source(void *data, struct error *err)
{
	struct source *source = data;
	struct error why;
	int r = source->report < 0 ? -ENODATA : fd_read_all(source->report, &why, sizeof(why));

	source->report = fd_close(source->report);
	if (r == -ENODATA)
		return 0;
	*err = r == 0 ? why : *err;
	return r == 0 ? -why.code : error_set(err, -r, "cannot hear from the process that reads the directory");
}

static void close_source(struct source *source)
{
	source->fd = fd_close(source->fd); /* a packer that still writes ends by that */
	source->report = fd_close(source->report);
	while (source->packer > 0 && waitpid(source->packer, NULL, 0) < 0 && errno == EINTR)
		;
}

static int read_config(struct image_context *context, struct image *config, struct error *err)
{
	int r = 0;

	if (context->use->platform)
		r = platform_parse(&context->arena, context->use->platform, &config->platform, err);
	for (size_t i = 0; r == 0 && i < context->use->change_count; i++)
		r = change_apply(&context->arena, context->use->changes[i], config, err);
	return r;
}

static int read_name(struct image_context *context, const char *word, const char **ret, struct error *err)
{
	struct reference reference;
	int r = reference_parse(&context->arena, word, &reference, err);

	if (r < 0)
		return r;
	if (digest_is_set(&reference.digest)) {
		(void)error_set(err, EINVAL, "cannot name an image '%s'", word);
		return error_cause(err, "its digest is what comes out, and cannot be chosen");
	}
	*ret = reference_format(&context->arena, &reference);
	return 0;
}

static int import(struct image_context *context, const char *path, const char *name, struct error *err)
{
	struct source source = {.fd = -1, .report = -1};
	struct image config = {0}, image;
	struct import_spec spec = {.config = &config, .message = context->use->message, .check = check_source, .check_context = &source};
	struct progress_view *view;
	int r = read_config(context, &config, err);

	if (r == 0 && name)
		r = read_name(context, name, &spec.name, err);
	if (r == 0)
		r = image_context_write(context, err);
	if (r == 0)
		r = image_context_unpacker(context, err);
	if (r == 0)
		r = open_source(context, path, &source, err);
	if (r == 0)
		r = confine_self(&context->host, CONFINE_STORE, context->store.path, err);
	if (r < 0) {
		close_source(&source);
		return r;
	}
	view = progress_view_new(context->use->quiet);
	r = import_stream(&context->store, &context->arena, source.fd, &spec, unpacker_host(context->unpacker), progress_view_progress(view), &image, err);
	progress_view_free(view);
	close_source(&source);
	if (r < 0)
		(void)error_prefix(err, "cannot import '%.100s'", path);
	if (r == 0)
		(void)printf("%s\n", image.config.text);
	return r;
}

int image_import(const struct image_use *use, int argc, char **argv)
{
	struct image_context context;
	struct error err = {0};
	int r;

	if (argc < 1 || argc > 2)
		return image_usage("import", argc < 1 ? "no archive or directory was named" : "there are more words than an archive and a name");
	(void)signal(SIGPIPE, SIG_IGN); /* a worker that gives up is told as an error */
	r = image_context_init(&context, use, &err);
	if (r == 0)
		r = import(&context, argv[0], argv[1], &err);
	image_context_done(&context);
	return r < 0 ? image_fail(&err) : 0;
}
