#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "cli/image_context.h"
#include "cli/image_table.h"
#include "cli/report.h"
#include "cli/system_usage.h"
#include "run/storage.h"
#include "util/fd.h"

/* --- asking --- */

/* 1: yes, 0: no. Without a terminal nobody can say yes, and silence is no. */
static int ask(const struct image_use *use, const char *what, const char *command, struct error *err)
{
	char answer[16] = "";

	if (use->yes)
		return 1;
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
		(void)error_set(err, EPERM, "nothing was removed");
		(void)error_cause(err, "this would remove %s, and nobody was asked: there is no terminal", what);
		return error_hint(err, "%s --force", command);
	}
	cleanup_buf struct buf question = {0};
	buf_printf(&question, "This removes %s. Go on? [y/N] ", what);
	(void)!fd_write_all(STDERR_FILENO, question.text, question.size); /* who does not see it says no */
	ssize_t n = read(STDIN_FILENO, answer, sizeof(answer) - 1);
	if (n > 0 && (answer[0] == 'y' || answer[0] == 'Y'))
		return 1;
	report_line("nothing was removed");
	return 0;
}

/* --- df, prune --- */

static int df(struct image_context *context, struct buf *out, struct error *err)
{
	struct system_usage usage;
	int r = image_context_read(context, true, err);

	if (r == 0)
		r = system_usage_take(context, &usage, err);
	if (r < 0)
		return r;
	if (context->use->json)
		system_usage_format_json(&usage, out);
	else
		system_usage_format(&usage, out);
	return 0;
}

/* The store as prune finds it: where there is none, there is nothing to do. */
static int open_store(struct image_context *context, struct error *err)
{
	int r = image_context_read(context, true, err);

	if (r < 0 || context->store.dir < 0)
		return r;
	store_close(&context->store);
	/* (image_context_write would sweep, and nobody count what that frees.) */
	return store_create(context->host.store_dir, &context->store, err);
}

static int sweep_and_prune(struct image_context *context, struct store_usage *freed, struct error *err)
{
	uint64_t before = system_usage_left_over(context), after;
	int r;

	store_sweep(&context->store, &context->gc, UINT_MAX);
	storage_sweep_scratch(&context->host);
	after = system_usage_left_over(context);
	r = store_prune(&context->store, &context->gc, context->use->all, freed, err);
	freed->reclaimable += before > after ? before - after : 0;
	return r;
}

static int prune(struct image_context *context, struct buf *out, struct error *err)
{
	bool all = context->use->all;
	char size[IMAGE_SIZE_TEXT];
	struct store_usage freed = {.blobs = 0};
	int r = ask(context->use, all ? "all images that no sandbox uses, and what downloads have left" : "images without a name, and what downloads have left",
	    all ? "carrel system prune --all" : "carrel system prune", err);

	if (r <= 0)
		return r;
	r = open_store(context, err);
	if (r == 0 && context->store.dir >= 0)
		r = sweep_and_prune(context, &freed, err);
	if (r < 0)
		return r;
	if (context->use->json)
		buf_printf(out, "{\"Images\": %zu, \"SpaceReclaimed\": %llu}\n", freed.images, (unsigned long long)freed.reclaimable);
	else
		buf_printf(out, "Deleted images: %zu\nTotal reclaimed space: %s\n", freed.images, image_format_size(freed.reclaimable, size));
	return 0;
}

/* --- reset --- */

/* All that is ours in the folder, which may hold other things too: somebody may have named his home. References first, the layout's mark last. */
static const char *const parts[] = {"refs", "images", "layers", "blobs", "instances", "scratch", "claims", "tmp", "trash", "locks", "index.json", "oci-layout"};

static int refuse_busy(const char *what, struct error *err)
{
	(void)error_set(err, EBUSY, "nothing was removed");
	(void)error_cause(err, "%s", what);
	return error_hint(err, "end it first; `carrel top` shows the sandboxes that run");
}

/* Is one of the files or folders in there locked by somebody? */
static bool has_owner(const struct store *store, const char *folder)
{
	int fd = openat(store->dir, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		cleanup_close int lock = openat(dirfd(dir), entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		found = lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
	}
	if (dir)
		(void)closedir(dir);
	return found;
}

/* Who runs without anything of this store is not in the way. */
static int check_idle(struct image_context *context, struct error *err)
{
	static const char *const sandboxes[] = {"images", "instances", "scratch"}, *const writers[] = {"tmp", "claims", "locks"};

	for (size_t i = 0; i < ARRAY_SIZE(sandboxes); i++)
		if (has_owner(&context->store, sandboxes[i]))
			return refuse_busy("a sandbox is running", err);
	for (size_t i = 0; i < ARRAY_SIZE(writers); i++)
		if (has_owner(&context->store, writers[i]))
			return refuse_busy("another image command is at work", err);
	return 0;
}

static int reset(struct image_context *context, struct error *err)
{
	int r = ask(context->use, arena_printf(&context->arena, "all images and kept sandboxes in '%s'", context->host.store_dir), "carrel system reset", err), first = 0;

	if (r <= 0)
		return r;
	r = image_context_read(context, true, err);
	if (r < 0 || context->store.dir < 0)
		return r;
	r = store_check_place(&context->store, err);
	if (r == 0)
		r = check_idle(context, err);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(parts); i++) {
		int result = storage_remove(&context->host, arena_printf(&context->arena, "%s/%s", context->store.path, parts[i]), first ? NULL : err);

		first = first ? first : result;
	}
	return r < 0 ? r : first;
}

int image_system(const struct image_use *use, int argc, char **argv)
{
	const char *word = argc == 1 ? argv[0] : "";
	cleanup_buf struct buf out = {0};
	struct image_context context;
	struct error err = {0};
	int r;

	if (strcmp(word, "df") != 0 && strcmp(word, "prune") != 0 && strcmp(word, "reset") != 0)
		return image_usage("system", argc > 1 ? "more than one word" : argc ? "it knows df, prune and reset" : "it wants one of df, prune and reset");
	r = image_context_init(&context, use, &err);
	if (r == 0)
		r = word[0] == 'd' ? df(&context, &out, &err) : word[0] == 'p' ? prune(&context, &out, &err) : reset(&context, &err);
	image_context_done(&context);
	return r < 0 ? image_fail(&err) : report_print(&out);
}
