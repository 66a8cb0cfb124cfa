/* carrel pack: an image, or a kept sandbox, as one squashfs file that `carrel run ./FILE` takes. The tree is merged by one process (tree_source.h), made into a squashfs by
 * another (squash_tool.h); this one hands the stream from one to the other and counts, and writes the end of the file. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/image_output.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/squash_tool.h"
#include "cli/tree_source.h"
#include "image/sqfs.h"
#include "util/fd.h"
#include "util/proc.h"

enum { PIECE = 1 << 18 };

struct pack_job {
	struct image_context *context;
	struct tree_source source;
	const char *word, *output;
};

/* --- the process that merges ---------------------------------------------------------------------------------------------------------------- */

struct merger {
	pid_t pid;
	int stream, report;
	struct merger_report {
		struct error why; /* code 0: it went well */
		char first_acl[MERGE_NAME];
	} said;
};

static int merger_start(struct merger *merger, const struct pack_job *job, struct error *err)
{
	pid_t parent = getpid();
	int stream[2], report[2];

	if (pipe2(stream, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot make a pipe");
	if (pipe2(report, O_CLOEXEC) < 0) {
		(void)fd_close(stream[0]);
		(void)fd_close(stream[1]);
		return error_set(err, errno, "cannot make a pipe");
	}
	(void)fcntl(stream[1], F_SETPIPE_SZ, 1 << 20); /* fewer switches; it works without */
	merger->pid = fork();
	if (merger->pid == 0) {
		struct merger_report said = {0};

		(void)fd_close(stream[0]);
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
			_exit(EXIT_CARREL);
		(void)!tree_source_write(job->context, &job->source, true, stream[1], said.first_acl, &said.why); /* the report says it */
		(void)!fd_write_all(report[1], &said, sizeof(said)); /* without a parent nobody is left who could hear */
		_exit(said.why.code != 0);
	}
	(void)fd_close(stream[1]);
	(void)fd_close(report[1]);
	merger->stream = stream[0];
	merger->report = report[0];
	return merger->pid < 0 ? error_set(err, errno, "cannot fork") : 0;
}

/* A merger that failed has cut the stream, perhaps between two files, which then looks like a whole one. */
static int merger_finish(struct merger *merger, struct error *err)
{
	struct merger_report *said = &merger->said;
	int r;

	merger->stream = fd_close(merger->stream);
	r = fd_read_all(merger->report, said, sizeof(*said));
	merger->report = fd_close(merger->report);
	int status = merger->pid > 0 ? proc_wait(merger->pid) : 0;
	merger->pid = 0;
	if (r == 0 && said->why.code) {
		*err = said->why;
		return -said->why.code;
	}
	return r == 0 && status == 0 ? 0 : error_set(err, EIO, "the process that reads the layers ended by itself (status %#x)", (unsigned)status);
}

/* --- the file ----------------------------------------------------------------------------------------------------------------------------------- */

static int pump(struct pack_job *job, int from, int to, const struct progress *progress)
{
	cleanup_free char *buffer = mem_alloc(PIECE);
	uint64_t done = 0;

	for (;;) {
		ssize_t size = read(from, buffer, PIECE);

		if (size < 0 && errno == EINTR)
			continue;
		if (size <= 0)
			break;
		int r = fd_write_all(to, buffer, (size_t)size);
		if (r < 0)
			return r;
		done += (uint64_t)size;
		progress_report(progress, job->output, PROGRESS_WRITING, done, 0);
	}
	progress_report(progress, job->output, PROGRESS_DONE, done, done);
	return 0;
}

static int write_end(const struct pack_job *job, int fd, struct error *err)
{
	cleanup_buf struct buf end = {0};
	struct image image = job->source.image;
	struct sqfs sqfs;
	struct stat st;
	int r = sqfs_read(fd, job->output, &job->context->arena, &sqfs, err);

	if (r < 0)
		return r;
	if (!image.platform.os)
		image.platform = platform_host();
	if (fstat(fd, &st) < 0 || lseek(fd, 0, SEEK_END) < 0)
		return error_set(err, errno, "cannot write '%s'", job->output);
	sqfs_format_end(&image, (uint64_t)st.st_size, sqfs.bytes_used, &end);
	r = fd_write_all(fd, end.text, end.size);
	if (r < 0)
		return error_set(err, -r, "cannot write '%s'", job->output);
	/* What a run would make of it. */
	r = sqfs_read(fd, job->output, &job->context->arena, &sqfs, err);
	return r < 0 || sqfs.has_record ? r : error_set(err, EIO, "cannot read back what was written to '%s'", job->output);
}

static int write_squash(struct pack_job *job, int fd, struct squash_tool *tool, struct merger *merger, const struct progress *progress, struct error *err)
{
	const struct image_use *use = job->context->use;
	struct squash_spec spec = {.compression = use->compression ? use->compression : "zstd", .out = fd};
	const struct merge_spec layers = {.layers = job->source.layers, .count = job->source.count};
	const struct idmap_spec single = {.mode = IDMAP_SINGLE};
	struct idmap_facts facts;
	struct idmap_plan ids;
	struct error why = {0};
	int r = merge_read_root(&layers, &spec.root, err);

	spec.ids = &ids;
	if (r == 0)
		r = host_id_facts(&job->context->host, &facts, err);
	if (r == 0)
		r = idmap_plan(&job->context->arena, &single, &facts, &ids, err);
	if (r == 0)
		r = squash_tool_start(tool, &spec, err);
	if (r == 0)
		r = merger_start(merger, job, err);
	if (r < 0)
		return r;
	r = pump(job, merger->stream, tool->input, progress);
	if (r == 0) {
		r = merger_finish(merger, err);
		return r < 0 ? r : squash_tool_finish(tool, err);
	}
	/* It has ended before the stream did, and says why. */
	if (squash_tool_finish(tool, err) == 0)
		(void)error_set(err, -r, "cannot hand the files to %s", tool->name);
	(void)!merger_finish(merger, &why); /* that nobody reads any more */
	return -err->code;
}

static int write_file(void *data, int fd, struct error *err)
{
	struct pack_job *job = data;
	struct squash_tool tool = {.input = -1, .log = -1};
	struct merger merger = {.stream = -1, .report = -1};
	struct progress_view *view = progress_view_new(job->context->use->quiet);
	struct stat st;
	int r;

	(void)signal(SIGPIPE, SIG_IGN);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		(void)error_set(err, ESPIPE, "cannot pack into '%s'", job->output);
		r = error_cause(err, "a squashfs is written to and fro, which only a regular file allows");
	} else {
		r = write_squash(job, fd, &tool, &merger, progress_view_progress(view), err);
	}
	squash_tool_abandon(&tool);
	if (merger.pid > 0)
		(void)!merger_finish(&merger, &(struct error){0}); /* the first error is told */
	if (r == 0)
		r = write_end(job, fd, err);
	progress_view_free(view);
	if (r == 0 && merger.said.first_acl[0])
		report_note("'%s' is packed without its access list, and so is every other file that has one: a squashfs stores none", merger.said.first_acl);
	return r;
}

/* --- the command --------------------------------------------------------------------------------------------------------------------------------- */

/* "registry/ada/tool:1" is packed into tool.sqfs. */
static const char *default_name(struct image_context *context, const char *word)
{
	struct reference reference;
	const char *name = word;

	if (reference_parse(&context->arena, word, &reference, NULL) == 0)
		name = reference.repository;
	return arena_printf(&context->arena, "%s.sqfs", strrchr(name, '/') ? strrchr(name, '/') + 1 : name);
}

static int check_output(const struct pack_job *job, struct error *err)
{
	struct stat st;

	if (!strcmp(job->output, "-")) {
		(void)error_set(err, ESPIPE, "cannot pack into a stream");
		(void)error_cause(err, "a squashfs is written to and fro, which only a regular file allows");
		return error_hint(err, "name a file with  -o FILE ; `carrel export` writes a stream");
	}
	if (job->context->use->force || stat(job->output, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	(void)error_set(err, EEXIST, "cannot pack into '%s'", job->output);
	return error_hint(err, "--force  replaces it; -o FILE  names another");
}

static int pack(struct pack_job *job, struct error *err)
{
	int r = check_output(job, err);

	if (r == 0)
		r = image_context_read(job->context, false, err);
	if (r == 0)
		r = tree_source_open(job->context, job->word, &job->source, err);
	return r < 0 ? r : image_output(job->output, write_file, job, err);
}

int image_pack(const struct image_use *use, int argc, char **argv)
{
	struct image_context context;
	struct pack_job job = {.context = &context, .source = {.hold = -1, .lock = -1}};
	struct error err = {0};
	int r;

	if (argc != 1)
		return image_usage("pack", argc ? "more than one image was named" : "no image was named");
	r = image_context_init(&context, use, &err);
	job.word = argv[0];
	job.output = use->output ? use->output : default_name(&context, argv[0]);
	if (r == 0)
		r = pack(&job, &err);
	tree_source_close(&job.source);
	image_context_done(&context);
	return r < 0 ? image_fail(&err) : 0;
}
