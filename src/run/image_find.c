#include "run/image_find.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/store.h"
#include "image/transport.h"
#include "run/binfmt.h"
#include "util/fd.h"
#include "util/interrupt.h"
#include "util/proc.h"

static int fail(const struct image_wish *wish, int errnum, struct error *err)
{
	(void)error_set(err, errnum, "cannot run from the image '%s'", wish->word->v);
	return error_at(err, &wish->word->at, "filesystem.root");
}

static int refuse_by_policy(const struct image_wish *wish, const char *name, struct error *err)
{
	const struct policy *policy = wish->policy;

	(void)fail(wish, EPERM, err);
	(void)error_cause(err, "images from '%s' are not allowed on this machine (%s:%u)", name, policy->file, policy->images.at.line);
	return error_hint(err, "%s", policy->message.v ? policy->message.v : "the administrator of this machine can change the policy");
}

/* --- platforms ------------------------------------------------------------------------------------------------------------------- */

static bool is_runnable(const struct image_wish *wish, const struct platform *platform, const struct platform *host)
{
	struct platform machine = *host;
	bool is_linux = !platform->os || !strcmp(platform->os, "linux");

	/* What uname(2) says has no variant of the processor: who asks for amd64/v3 knows that the machine is one. */
	if (wish->platform && wish->platform->variant && host->architecture && !strcmp(wish->platform->architecture, host->architecture))
		machine.variant = wish->platform->variant;
	return platform_runs(platform, &machine) || (is_linux && platform->architecture && binfmt_runs(BINFMT_FOLDER, platform->architecture));
}

static bool is_wanted(const struct image_wish *wish, const struct platform *platform)
{
	return !wish->platform || platform_runs(platform, wish->platform);
}

static int not_wanted(struct arena *arena, const struct image_wish *wish, const struct platform *platform, struct error *err)
{
	(void)fail(wish, ENOEXEC, err);
	(void)error_cause(err, "it is for %s, and --platform wants %s", platform_format(arena, platform), platform_format(arena, wish->platform));
	if (wish->pull == PULL_NEVER)
		return error_hint(err, "carrel pull --platform %s %s", platform_format(arena, wish->platform), wish->word->v);
	return error_hint(err, "there is no other of this name; leave --platform out, and what is there is run");
}

int image_check_platform(struct arena *arena, const struct image_wish *wish, const struct platform *platform, const struct platform *host, struct error *err)
{
	if (!is_wanted(wish, platform))
		return not_wanted(arena, wish, platform, err);
	if (is_runnable(wish, platform, host))
		return 0;
	(void)fail(wish, ENOEXEC, err);
	(void)error_cause(err, "%s %s, and this machine is %s", platform == wish->platform ? "--platform wants one for" : "it is for", platform_format(arena, platform), platform_format(arena, host));
	if (platform->os && strcmp(platform->os, "linux") != 0)
		return error_hint(err, "carrel runs images for Linux only");
	if (wish->platform)
		return error_hint(err, "have the programs of %s emulated: qemu-user-static (binfmt_misc);  carrel pull  fetches the image without running it", platform->architecture);
	return error_hint(err, "carrel run --platform %s %s ; or have the programs of %s emulated: qemu-user-static (binfmt_misc)", platform_format(arena, host), wish->word->v,
	    platform->architecture);
}

/* --- pulling --------------------------------------------------------------------------------------------------------------------- */

/* Its messages and its progress go to the user; what it prints as its result is none of this run's output. When we end it does, too. */
static _Noreturn void become_puller(const struct image_wish *wish, const char *platform, pid_t launcher)
{
	const char *argv[8] = {"carrel-image", "pull", wish->for_single_id ? "--userns=single" : "--userns=auto"};
	size_t count = 3;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != launcher || null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		_exit(EXIT_CARREL);
	fd_close_range(3, ~0u);
	if (wish->quiet)
		argv[count++] = "--quiet";
	if (platform)
		argv[count++] = platform;
	argv[count++] = "--";
	argv[count] = wish->word->v;
	(void)execve(wish->puller, (char *const *)(uintptr_t)argv, wish->host->environment);
	_exit(EXIT_NOT_FOUND);
}

static bool has_other_tags(const struct image_wish *wish, struct error *err)
{
	struct store store;
	bool has;

	if (!err || store_open(wish->host->store_dir, &store, NULL) < 0)
		return false;
	has = store_hint_tags(&store, wish->word->v, err);
	store_close(&store);
	return has;
}

/* The first word without a "--" before it is an image to Docker's users, and often a program's name to everybody else. */
static int give_hint(const struct image_wish *wish, const char *otherwise, struct error *err)
{
	const char *word = wish->word->v, *path = host_env(wish->host, "PATH");
	bool is_plain = wish->is_command_line && !strpbrk(word, ":@");
	cleanup_free char *program = is_plain ? proc_find_program(word, path ? path : PROC_SYSTEM_PATH) : NULL;

	if (program)
		return error_hint(err, "a program of this machine stands behind  --  as in  carrel run -- %s", word);
	if (has_other_tags(wish, err))
		return -err->code;
	return error_hint(err, "%s", otherwise);
}

/* Neither what is no reference nor what the policy forbids is worth a process, nor what could not run here the bytes. */
static int may_be_pulled(struct arena *arena, const struct image_wish *wish, struct error *err)
{
	struct reference reference;
	int r = reference_parse(arena, wish->word->v, &reference, err);

	if (r < 0)
		return error_at(err, &wish->word->at, "filesystem.root");
	const char *name = reference_format(arena, &reference);
	if (wish->policy && !policy_allows_image(wish->policy, name))
		return refuse_by_policy(wish, name, err);
	const struct platform host = platform_host();
	return wish->platform ? image_check_platform(arena, wish, wish->platform, &host, err) : 0;
}

/* Its wait status. A signal that is for us is for it, too: it removes what it has begun, and then the signal ends us. */
static int run_puller(const struct image_wish *wish, const char *platform, struct error *err)
{
	pid_t launcher = getpid(), child;
	struct interrupt held;
	int status, signal = 0;

	interrupt_hold(&held);
	child = fork();
	if (child == 0) {
		interrupt_let_go(&held);
		become_puller(wish, platform, launcher);
	}
	status = child < 0 ? -errno : interrupt_wait(&held, child, &signal);
	interrupt_let_go(&held);
	if (signal) {
		interrupt_note(signal);
		return error_set(err, EINTR, "the pull was broken off");
	}
	if (status >= 0)
		return status;
	(void)fail(wish, -status, err);
	(void)error_cause(err, "no process for  carrel pull  can be had: %s", strerror(-status));
	return status;
}

static int pull(struct arena *arena, const struct image_wish *wish, struct error *err)
{
	const char *platform = wish->platform ? arena_printf(arena, "--platform=%s", platform_format(arena, wish->platform)) : NULL;
	int status = may_be_pulled(arena, wish, err);

	if (status == 0)
		status = run_puller(wish, platform, err);
	if (status <= 0)
		return status;
	(void)fail(wish, ENOENT, err);
	if (WIFSIGNALED(status)) {
		err->exit_status = 128 + WTERMSIG(status);
		return error_cause(err, "carrel pull  was ended by a signal (%s)", strsignal(WTERMSIG(status)));
	}
	if (WEXITSTATUS(status) == EXIT_NOT_FOUND) {
		(void)error_cause(err, "'%s', which pulls images, cannot be started", wish->puller);
		return error_hint(err, "it comes with carrel: run `make`, or install the whole of it");
	}
	(void)error_cause(err, "it could not be pulled");
	return give_hint(wish, "`carrel images` lists what is here already", err);
}

/* --- looking --------------------------------------------------------------------------------------------------------------------- */

static int look(struct arena *arena, const struct image_wish *wish, struct store *store, struct run_image *image, int *hold, struct error *err)
{
	int r = store_open(wish->host->store_dir, store, err);

	if (r < 0)
		return r;
	r = store_find(store, arena, wish->word->v, &image->image, hold, err);
	if (r < 0)
		store_close(store);
	return r;
}

static bool is_digest(const char *word)
{
	return !strncmp(word, "sha256:", 7);
}

/* The word as a reference in full, where it is one and not digits that begin an id. */
static bool name_of(struct arena *arena, const struct image_wish *wish, const struct store *store, const struct run_image *image, const char **ret)
{
	struct reference reference;
	struct digest manifest;
	bool is_name = !is_digest(wish->word->v) && reference_parse(arena, wish->word->v, &reference, NULL) == 0 &&
		       store_ref(store, arena, &reference, &manifest, NULL) == 0;

	*ret = is_name ? reference_format(arena, &reference) : image->image.manifest.text;
	return is_name;
}

static int never_pulled(const struct image_wish *wish, struct error *err)
{
	char hint[384];

	(void)fail(wish, ENOENT, err);
	if (is_digest(wish->word->v)) {
		(void)error_cause(err, "it is not here, and nobody knows where such an image could be pulled from");
		return error_hint(err, "`carrel images` lists what is here");
	}
	(void)error_cause(err, "it is not here, and --pull never forbids to fetch it");
	(void)snprintf(hint, sizeof(hint), "carrel pull %s", wish->word->v);
	return give_hint(wish, hint, err);
}

static int look_or_pull(struct arena *arena, const struct image_wish *wish, struct store *store, struct run_image *image, int *hold, struct error *err)
{
	bool may_pull = wish->pull != PULL_NEVER && !is_digest(wish->word->v);
	struct error why = {0};
	int r = wish->pull == PULL_ALWAYS && may_pull ? -ENOENT : look(arena, wish, store, image, hold, &why);

	/* As with Docker, the one for the other platform takes its name. */
	if (r == 0 && may_pull && !is_wanted(wish, &image->image.platform) && name_of(arena, wish, store, image, &image->name)) {
		store_close(store);
		*hold = fd_close(*hold);
		r = -ENOENT;
	}
	if (r < 0 && transport_check(wish->word->v, TRANSPORT_RUN, NULL, err) < 0)
		return error_at(err, &wish->word->at, "filesystem.root");
	if (r == -ENOENT && may_pull) {
		r = pull(arena, wish, err);
		return r < 0 ? r : look(arena, wish, store, image, hold, err);
	}
	if (r == -ENOENT)
		return never_pulled(wish, err);
	if (r < 0) {
		*err = why;
		if (!err->hint[0] && r != -EPERM)
			(void)error_hint(err, "carrel pull %s", wish->word->v);
		return error_at(err, &wish->word->at, "filesystem.root");
	}
	return 0;
}

/* --- is it what can be run? ---------------------------------------------------------------------------------------------------------- */

static bool any_name_is_allowed(struct arena *arena, const struct policy *policy, const struct store *store, const struct digest *manifest)
{
	struct store_ref *refs;
	size_t count;

	if (store_refs(store, arena, &refs, &count, NULL) < 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (digest_equal(&refs[i].manifest, manifest) && policy_allows_image(policy, refs[i].name))
			return true;
	}
	return false;
}

/* An image that was chosen by its digits comes from where one of its names says. */
static int check_policy(struct arena *arena, const struct image_wish *wish, const struct store *store, const struct run_image *image, bool is_name, struct error *err)
{
	const struct policy *policy = wish->policy;
	bool allowed = !policy || policy_allows_image(policy, image->name);

	if (allowed || (!is_name && any_name_is_allowed(arena, policy, store, &image->image.manifest)))
		return 0;
	(void)fail(wish, EPERM, err);
	(void)error_cause(err, "images from '%s' are not allowed on this machine (%s:%u)", image->name, policy->file, policy->images.at.line);
	return error_hint(err, "%s", policy->message.v ? policy->message.v : "the administrator of this machine can change the policy");
}

/* Their paths: the sandbox opens them anew, in its own mount namespace. */
static int find_layers(struct arena *arena, const struct image_wish *wish, const struct store *store, struct run_image *image, struct error *err)
{
	image->layers = arena_alloc(arena, (image->image.layer_count + 1) * sizeof(*image->layers));
	for (size_t i = 0; i < image->image.layer_count; i++) {
		enum layer_owner owner = LAYER_RANGE;
		cleanup_close int fd = store_open_layer(store, &image->image.layers[i], &owner);
		char link[32], path[PATH_MAX];
		ssize_t size = -1;

		if (fd >= 0) {
			(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
			size = readlink(link, path, sizeof(path));
		}
		if (size <= 0 || size == sizeof(path)) {
			(void)fail(wish, fd < 0 ? -fd : ENOENT, err);
			(void)error_cause(err, "its layer %.19s… is not unpacked in '%s'", image->image.layers[i].text, store->path);
			return error_hint(err, "carrel pull %s", wish->word->v);
		}
		image->layers[i] = arena_strndup(arena, path, (size_t)size);
		image->single_count += owner == LAYER_SINGLE;
	}
	return 0;
}

static int no_image(const struct image_wish *wish, struct error *err)
{
	(void)error_set(err, EINVAL, "no image was given");
	(void)error_cause(err, "the root is an image's, and nobody says which");
	(void)error_hint(err, "write  carrel run [OPTIONS] IMAGE [ARG…] ; or --rootfs DIR for an extracted root filesystem");
	return error_at(err, &wish->word->at, "filesystem.root");
}

int image_find(struct arena *arena, const struct image_wish *wish, struct run_image *ret, int *ret_hold, struct error *err)
{
	const struct platform host = platform_host();
	struct run_image image = {.single_count = 0};
	cleanup_close int hold = -1;
	struct store store;
	int r;

	if (!wish->word->v)
		return no_image(wish, err);
	r = look_or_pull(arena, wish, &store, &image, &hold, err);
	if (r < 0)
		return r;
	bool is_name = name_of(arena, wish, &store, &image, &image.name);
	r = check_policy(arena, wish, &store, &image, is_name, err);
	if (r == 0)
		r = image_check_platform(arena, wish, &image.image.platform, &host, err);
	if (r == 0)
		r = find_layers(arena, wish, &store, &image, err);
	store_close(&store);
	if (r < 0)
		return r;
	*ret = image;
	*ret_hold = take_fd(hold);
	return 0;
}
