/* The payload's process: words, environment, directory, terminal. */
#include <errno.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "run/plan_image.h"
#include "util/path.h"
#include "util/proc.h"

/* --- environment --------------------------------------------------------------------------------------------------------------- */

struct environment {
	struct plan *plan;
	const char **items;
	size_t count;
};

static const char *lookup(const struct environment *env, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < env->count; i++) {
		if (!strncmp(env->items[i], name, len) && env->items[i][len] == '=')
			return env->items[i] + len + 1;
	}
	return NULL;
}

static void put(struct environment *env, const char *name, const char *value)
{
	const char *item = arena_printf(env->plan->arena, "%s=%s", name, value);
	size_t len = strlen(name);

	for (size_t i = 0; i < env->count; i++) {
		if (!strncmp(env->items[i], item, len + 1)) {
			env->items[i] = item;
			return;
		}
	}
	env->items = arena_grow(env->plan->arena, env->items, env->count, sizeof(char *));
	env->items[env->count++] = item;
}

static void put_default(struct environment *env, const char *name, const char *value)
{
	if (value && !lookup(env, name))
		put(env, name, value);
}

static void inherit(struct environment *env, const struct text_list *patterns)
{
	for (char *const *e = env->plan->host->environment; *e; e++) {
		const char *equals = strchr(*e, '=');
		const char *name = equals ? arena_strndup(env->plan->arena, *e, (size_t)(equals - *e)) : NULL;

		for (size_t i = 0; name && i < patterns->count; i++) {
			if (fnmatch(patterns->items[i].v, name, 0) == 0) {
				put(env, name, equals + 1);
				break;
			}
		}
	}
}

static void take_images(struct environment *env, const struct image_texts *variables)
{
	for (size_t i = 0; i < variables->count; i++) {
		const char *equals = strchr(variables->items[i], '=');

		if (equals && equals != variables->items[i])
			put(env, arena_strndup(env->plan->arena, variables->items[i], (size_t)(equals - variables->items[i])), equals + 1);
	}
}

/* Who the payload is, as far as that is known before the root's own files are read. */
static const char *user_name(const struct plan *plan)
{
	const char *text = plan->process.user_text;

	if (plan->process.user == PLAN_USER_ROOT || (plan->process.user == PLAN_USER_NAMED && text[0] == '0' && strchr(":", text[1])))
		return "root";
	if (plan->process.user == PLAN_USER_NAMED)
		return arena_strndup(plan->arena, text, strcspn(text, ":"));
	return plan->host->account.name ? plan->host->account.name : "user";
}

static void plan_environment(struct plan *plan, const struct profile *profile)
{
	struct environment env = {.plan = plan};
	const char *user = user_name(plan), *image_path = NULL, *image_home = NULL;

	if (plan->image) {
		take_images(&env, &plan->image->image.environment);
		image_path = lookup(&env, "PATH");
		image_home = lookup(&env, "HOME");
	}
	inherit(&env, &profile->environment.inherit);
	if (profile->filesystem.root.v != ROOT_HOST) /* the host's folders mean nothing in another root */
		put(&env, "PATH", image_path ? image_path : PROC_SYSTEM_PATH);
	if (image_home) {
		put(&env, "HOME", image_home);
		plan->process.home_is_set = true;
	}
	for (size_t i = 0; i < profile->environment.set_count; i++) {
		put(&env, profile->environment.set[i].key.v, profile->environment.set[i].value.v);
		if (!strcmp(profile->environment.set[i].key.v, "HOME"))
			plan->process.home_is_set = true;
	}
	put_default(&env, "PATH", PROC_SYSTEM_PATH);
	if (!plan->process.home_is_set)
		put(&env, "HOME", !strcmp(user, "root") ? "/root" : plan->process.user == PLAN_USER_SELF ? plan->host->account.home : "/");
	put(&env, "USER", user);
	put(&env, "LOGNAME", lookup(&env, "USER"));
	put(&env, "container", "carrel"); /* the convention of systemd's container interface */
	plan->process.path = lookup(&env, "PATH");
	env.items = arena_grow(plan->arena, env.items, env.count, sizeof(char *));
	env.items[env.count] = NULL;
	plan->process.environment = env.items;
}

/* --- directory, terminal, words ------------------------------------------------------------------------------------------------ */

static int plan_workdir(struct plan *plan, const struct profile *profile, struct error *err)
{
	const struct text_value *workdir = &profile->process.workdir;

	plan->process.workdir_asked = workdir->v || plan->image;
	if (workdir->v) {
		int r = plan_expand(plan, workdir, "process.workdir", &plan->process.workdir, err);

		if (r < 0)
			return r;
	} else if (plan->image) {
		plan->process.workdir = plan_image_workdir(plan->arena, plan->image);
	}
	if (plan->image) /* Docker makes it, too, whoever named it */
		plan_add_directory(plan, plan->process.workdir);
	if (plan->process.workdir)
		return 0;
	if (profile->filesystem.root.v == ROOT_HOST && !plan->host->cwd) {
		error_set(err, plan->host->cwd_error, "cannot name the working directory");
		return error_hint(err, "change to a directory that exists, or say where to start:  -w /");
	}
	plan->process.workdir = plan->host->cwd ? plan->host->cwd : "/";
	return 0;
}

static void plan_stop_signal(struct plan *plan, const struct request *request)
{
	const char *text = plan->image ? plan->image->image.stop_signal : NULL;

	plan->process.stop_signal = request->stop_signal ? request->stop_signal : text ? plan_image_signal(text) : SIGTERM;
	plan->process.stop_signal_at.file = request->stop_signal ? request->stop_signal_label : text ? "the image" : "built in";
	if (plan->process.stop_signal)
		return;
	plan->process.stop_signal = SIGTERM;
	plan->process.stop_signal_at.file = "built in";
	plan_note(plan, false, "the image's stop signal '%s' is none: SIGTERM takes its place", text);
}

static bool wants_pty(const struct request *request)
{
	if (request->tty != TTY_AUTO)
		return request->tty == TTY_YES;
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

int plan_process(struct plan *plan, const struct plan_input *in, struct error *err)
{
	const struct profile *profile = in->profile;
	const struct request *request = in->request;
	struct plan_process *process = &plan->process;

	int r = plan_image_command(plan->arena, request, plan->image, &process->argv, err);

	if (r < 0)
		return r;
	process->pty = wants_pty(request);
	process->hostname = profile->process.hostname.v;
	process->umask = profile->process.umask.v >= 0 ? (mode_t)profile->process.umask.v : 0022;
	process->own_keyring = !profile->process.keyring.v || !strcmp(profile->process.keyring.v, "own");
	process->nice = profile->resources.nice.v > 0 ? (int)profile->resources.nice.v : 0;
	process->nice_at = profile->resources.nice.at;
	process->io_class = profile->resources.io_class.v;
	process->io_class_at = profile->resources.io_class.at;
	process->has_output_max = profile->resources.output.v >= 0;
	process->output_max = process->has_output_max ? (uint64_t)profile->resources.output.v : 0;
	process->output_at = profile->resources.output.at;
	process->timeout_ms = profile->resources.timeout.v > 0 ? (uint64_t)profile->resources.timeout.v : 0;
	process->timeout_at = profile->resources.timeout.at;
	process->grace_ms = profile->resources.grace.v >= 0 ? (uint64_t)profile->resources.grace.v : 10000;
	process->grace_at = profile->resources.grace.at;
	process->preserve_fds = request->preserve_fds;
	process->preserve_fd_count = request->preserve_fd_count;
	plan_stop_signal(plan, request);
	plan_environment(plan, profile);
	return plan_workdir(plan, profile, err);
}
