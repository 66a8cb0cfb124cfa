#include "cli/tree_source.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/paths.h"
#include "isolate/inside.h"
#include "run/confine.h"
#include "run/kept.h"
#include "util/fd.h"

/* --- which layers ------------------------------------------------------------------------------------------------------------------------- */

static void add_layer(struct image_context *context, struct tree_source *source, int dir, enum layer_owner owner)
{
	source->layers = arena_grow(&context->arena, source->layers, source->count, sizeof(*source->layers));
	source->layers[source->count++] = (struct merge_layer){.dir = dir, .owner = owner};
}

static int add_image(struct image_context *context, const char *word, struct tree_source *source, struct error *err)
{
	int r = store_find(&context->store, &context->arena, word, &source->image, &source->hold, err);

	for (size_t i = r < 0 ? 0 : source->image.layer_count; i > 0; i--) {
		enum layer_owner owner = LAYER_RANGE;
		int dir = store_open_layer(&context->store, &source->image.layers[i - 1], &owner);

		if (dir < 0) {
			(void)error_set(err, -dir, "cannot read the image '%s'", word);
			(void)error_cause(err, "its layer %.19s… is not unpacked in '%s'", source->image.layers[i - 1].text, context->store.path);
			return error_hint(err, "carrel pull %s", word);
		}
		add_layer(context, source, dir, owner);
	}
	return r;
}

static int refuse(const char *name, const char *cause, const char *hint, struct error *err)
{
	(void)error_set(err, EOPNOTSUPP, "cannot read the tree of the sandbox '%s'", name);
	(void)error_cause(err, "%s", cause);
	return error_hint(err, "%s", hint);
}

/* Directories, one a line, topmost first. */
static int add_folders(struct image_context *context, const char *name, char *list, struct tree_source *source, struct error *err)
{
	size_t count = 0;

	for (char *path; (path = strsep(&list, "\n")) && *path;) {
		if (!strcmp(path, "/"))
			return refuse(name, "it stands on the host's own tree, which is not carrel's to hand out", "what it changed there is in its folder; a sandbox that stands on an image can be exported", err);
		int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0)
			return error_set(err, errno, "cannot open '%s', on which the sandbox '%s' stands", path, name);
		add_layer(context, source, dir, LAYER_RANGE);
		source->folders = arena_grow(&context->arena, source->folders, count, sizeof(*source->folders));
		source->folders[count++] = path;
	}
	source->folders = arena_grow(&context->arena, source->folders, count, sizeof(*source->folders));
	source->folders[count] = NULL;
	return 0;
}

static int add_sandbox(struct image_context *context, const char *name, struct tree_source *source, struct error *err)
{
	struct kept_root root;
	enum layer_owner owner = LAYER_RANGE;
	int upper, r;

	if (flock(source->lock, LOCK_SH | LOCK_NB) < 0)
		return refuse(name, "it is running, and its files change", "wait for its end", err);
	r = kept_read(&context->arena, source->lock, name, &root, err);
	if (r < 0)
		return r;
	upper = openat(source->lock, "layers/root/upper", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (upper < 0 && errno != ENOENT)
		return error_set(err, errno, "cannot open what the sandbox '%s' keeps", name);
	if (!root.image && !root.folders)
		return refuse(name, upper < 0 ? "nothing that was written to its root is kept" : "nobody has noted on what it stands", "run it once more", err);
	if (root.image && !strncmp(root.image, "sqfs:", 5))
		return refuse(name, "it stands on a squashfs file, which only a run can look into", "carrel run --name … FILE tar -c …  makes an archive of it", err);
	if (upper >= 0)
		add_layer(context, source, upper, LAYER_RANGE);
	r = root.image ? add_image(context, root.image, source, err) : add_folders(context, name, root.folders, source, err);
	/* fuse-overlayfs goes on as the layers below began. */
	for (size_t i = 0; i < source->count; i++)
		owner = source->layers[i].owner == LAYER_SINGLE ? LAYER_SINGLE : owner;
	if (r == 0 && upper >= 0)
		source->layers[0].owner = owner;
	return r;
}

/* No name of a sandbox has a slash or a colon, and no file outside of the folder is meant. */
static int open_sandbox(const struct image_context *context, const char *word)
{
	struct arena arena = {0};
	int fd = -1;

	if (*word && word[0] != '.' && !strpbrk(word, "/:@"))
		fd = open(arena_printf(&arena, "%s/instances/%s", context->host.store_dir, word), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	arena_done(&arena);
	return fd;
}

static int choose_ids(struct image_context *context, struct tree_source *source, struct error *err)
{
	struct idmap_spec spec = {.mode = IDMAP_SINGLE, .wants_range = true};
	struct idmap_facts facts;
	int r = host_id_facts(&context->host, &facts, err);

	/* What a sandbox wrote may belong to a range even where the image does not. */
	for (size_t i = 0; i < source->count; i++)
		spec.mode = source->layers[i].owner == LAYER_RANGE || source->lock >= 0 ? IDMAP_AUTO : spec.mode;
	return r < 0 ? r : idmap_plan(&context->arena, &spec, &facts, &source->ids, err);
}

int tree_source_open(struct image_context *context, const char *word, struct tree_source *ret, struct error *err)
{
	int r;

	*ret = (struct tree_source){.hold = -1, .lock = open_sandbox(context, word)};
	r = ret->lock >= 0 ? add_sandbox(context, word, ret, err) : add_image(context, word, ret, err);
	if (r == 0 && !ret->count) {
		(void)error_set(err, ENODATA, "cannot read the tree of '%s'", word);
		return error_cause(err, "it has no layers");
	}
	return r < 0 ? r : choose_ids(context, ret, err);
}

void tree_source_close(struct tree_source *source)
{
	for (size_t i = 0; i < source->count; i++)
		(void)fd_close(source->layers[i].dir);
	source->count = 0;
	source->hold = fd_close(source->hold);
	source->lock = fd_close(source->lock);
}

/* --- reading them -------------------------------------------------------------------------------------------------------------------------- */

/* In memory that both processes have. */
struct shared {
	struct error err;
	char first_acl[MERGE_NAME];
};

struct writer {
	const struct image_context *context;
	const struct merge_spec *spec;
	const char *const *folders;
	pid_t parent;
	int out;
	struct error *err; /* the shared one */
};

static int confine(const struct writer *writer)
{
	struct seccomp_program filter;
	int r = confine_filter(writer->context->host.runtime_dir, CONFINE_MERGE, &filter, writer->err);

	if (r < 0)
		return r;
	r = confine_apply(CONFINE_MERGE, writer->context->store.path, writer->folders, &filter, writer->err);
	seccomp_done(&filter);
	return r < 0 ? error_prefix(writer->err, "cannot confine the process") : 0;
}

static int write_inside(void *data)
{
	struct writer *writer = data;
	int r;

	(void)signal(SIGPIPE, SIG_IGN); /* who reads may be gone: that is told as an error */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != writer->parent)
		return error_set(writer->err, ESRCH, "cannot go on without the process that asked");
	r = confine(writer);
	return r < 0 ? r : merge_write_tar(writer->spec, writer->out, writer->err);
}

/* Hundreds of layers are as many descriptors. */
static void allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit); /* else opening says what is missing */
	}
}

int tree_source_write(const struct image_context *context, const struct tree_source *source, bool without_root, int out, char *ret_first_acl, struct error *err)
{
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int r;

	if (shared == MAP_FAILED)
		return error_set(err, errno, "cannot share memory with a process");
	const struct merge_spec spec = {.layers = source->layers, .count = source->count, .without_root = without_root, .first_acl = shared->first_acl};
	struct writer writer = {.context = context, .spec = &spec, .folders = source->folders, .parent = getpid(), .out = out, .err = &shared->err};
	allow_descriptors();
	r = inside_run(&source->ids, write_inside, &writer, err);
	if (r < 0 && shared->err.code) {
		*err = shared->err;
		error_mend(err);
	}
	if (r == 0 && ret_first_acl)
		(void)snprintf(ret_first_acl, MERGE_NAME, "%.*s", MERGE_NAME - 1, shared->first_acl);
	(void)munmap(shared, sizeof(*shared));
	return r;
}
