#include "cli/image_context.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/paths.h"
#include "cli/report.h"
#include "run/storage.h"
#include "util/interrupt.h"

extern char **environ;

enum { SWEEP_MOST = 32 }; /* things that killed processes have left */

static int remove_tree(void *context, const char *path, struct error *err)
{
	return storage_remove(context, path, err);
}

int image_context_init(struct image_context *context, const struct image_use *use, struct error *err)
{
	*context = (struct image_context){.store = {.dir = -1}, .use = use};
	int r = host_read(&context->arena, environ, &context->host, err);

	if (r == 0)
		r = policy_load(POLICY_FILE, &context->policy, err);
	context->gc = (struct store_gc_host){.remove_tree = remove_tree, .context = &context->host};
	return r;
}

void image_context_done(struct image_context *context)
{
	if (context->unpacker)
		context->end_unpacker(context->unpacker);
	/* What was dropped on the way. By now this process may be confined, so only what is ours alone. */
	if (context->store.dir >= 0 && context->store.writable)
		store_sweep(&context->store, NULL, SWEEP_MOST);
	store_close(&context->store);
	policy_free(context->policy);
	arena_done(&context->arena);
}

/* A store that cannot be used, for whatever reason, may be another one. */
static int hint_at_place(int r, struct error *err)
{
	if (r < 0 && err && !err->hint[0] && (r == -EACCES || r == -EROFS || r == -ENOTDIR || r == -EPERM))
		(void)error_hint(err, "CARREL_ROOT=DIR names another place for images, in a folder of your own");
	return r;
}

int image_context_read(struct image_context *context, bool may_be_missing, struct error *err)
{
	int r = store_open(context->host.store_dir, &context->store, err);

	if (r == -ENOENT && may_be_missing)
		return 0;
	if (r == -ENOENT)
		(void)error_hint(err, "`carrel pull` and `carrel load` make it");
	return hint_at_place(r, err);
}

int image_context_write(struct image_context *context, struct error *err)
{
	int r = store_create(context->host.store_dir, &context->store, err);

	if (r == 0)
		store_sweep(&context->store, &context->gc, SWEEP_MOST);
	return hint_at_place(r, err);
}

static int refuse(const struct image_context *context, const char *name, const char *cause, const char *advice, struct error *err)
{
	const struct policy *policy = context->policy;

	(void)error_set(err, EPERM, "cannot use the image '%s'", name);
	(void)error_cause(err, "%s", cause);
	(void)error_at(err, &policy->images.at, "images");
	return error_hint(err, "%s", policy->message.v ? policy->message.v : advice);
}

int image_context_allows(const struct image_context *context, const struct reference *reference, struct error *err)
{
	struct arena arena = {0};
	const char *name = reference_format(&arena, reference);
	int r = 0;

	if (context->policy && !policy_allows_image(context->policy, name))
		r = refuse(context, name, "the policy of this machine does not allow images from there", "ask the administrator, or take the image from a registry that the policy names", err);
	arena_done(&arena);
	return r;
}

int image_context_allows_input(const struct image_context *context, int fd, struct error *err)
{
	char link[32], path[PATH_MAX];
	ssize_t size;

	if (!context->policy || !context->policy->images.at.file)
		return 0;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	size = readlink(link, path, sizeof(path) - 1);
	if (size < 0)
		return error_set(err, errno, "cannot see where the image comes from");
	path[size] = 0;
	if (policy_allows_image(context->policy, path))
		return 0;
	return refuse(context, path, "the policy of this machine says where images may come from, and not from this file", "ask the administrator, or pull the image from a registry that the policy names", err);
}

int image_context_allows_image(struct image_context *context, const char *word, const struct digest *manifest, struct error *err)
{
	struct store_ref *refs;
	size_t count;
	int r;

	if (!context->policy || !context->policy->images.at.file)
		return 0;
	r = store_refs(&context->store, &context->arena, &refs, &count, err);
	for (size_t i = 0; r == 0 && i < count; i++)
		if (digest_equal(&refs[i].manifest, manifest) && policy_allows_image(context->policy, refs[i].name))
			return 0;
	if (r < 0)
		return r;
	return refuse(context, word, "the policy of this machine does not allow it by any of its names, and one more does not change where it comes from",
	    "ask the administrator, or take the image from a registry that the policy names", err);
}

int image_fail(const struct error *err)
{
	struct error said = *err;

	if (!said.hint[0] && (said.code == ENOSPC || said.code == EDQUOT))
		(void)error_hint(&said, "`carrel system df` shows what the store takes, `carrel system prune` frees a part; CARREL_ROOT=DIR names another place for it");
	else if (!said.hint[0] && said.code == EROFS && strstr(said.what, "the store"))
		(void)error_hint(&said, "it is there to read and to run from; CARREL_ROOT=DIR names another place, to which images can be added");
	if (!interrupt_is_noted())
		report_error(&said);
	return err->exit_status ? err->exit_status : EXIT_CARREL;
}

int image_usage(const char *command, const char *what_is_wrong)
{
	const char *const *usages = command_find(command)->usages;
	struct error err = {0};

	(void)error_set(&err, EINVAL, "cannot do `carrel %s`", command);
	(void)error_cause(&err, "%s", what_is_wrong);
	if (usages[1])
		(void)error_hint(&err, "`carrel help %s` shows how it goes", command);
	else
		(void)error_hint(&err, "write  carrel %s %s ; `carrel help %s` says more", command, usages[0], command);
	return image_fail(&err);
}
