/* The launcher's side, from a request to an outcome: profile, policy, plan; the start (launch_start.c); watch over it, and leave nothing behind. */
#include "run/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "image/sqfs.h"
#include "profile/policy.h"
#include "run/image_find.h"
#include "run/launch_parts.h"
#include "run/launch_policy.h"
#include "run/sqfs_find.h"
#include "run/stage.h"
#include "run/storage.h"
#include "run/supervise.h"
#include "run/trace.h"
#include "util/fd.h"
#include "util/proc.h"
#include "util/sys.h"

extern char **environ;

enum { INIT_END_MS = 1000 };

/* --- before the clone ------------------------------------------------------------------------------------------------------------ */

static int load_profile(const struct request *request, const struct launch_paths *paths, struct profile **ret, struct policy **ret_policy, struct error *err)
{
	struct profile *profile;
	int r = profile_load(&paths->profiles, request->profiles, request->profile_count, &profile, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < request->override_count && r == 0; i++)
		r = profile_set(profile, request->overrides[i].key, request->overrides[i].yaml, request->overrides[i].label, err);
	if (r == 0)
		r = profile_check(profile, err);
	if (r == 0)
		r = launch_policy(request, &paths->profiles, profile, ret_policy, err);
	if (r == 0)
		*ret = profile;
	else
		profile_free(profile);
	return r;
}

/* The image that the root is to be, where it is one. */
static int find_image(struct launch *launch, const struct plan_input *in, const struct policy *policy, const struct launch_paths *paths, struct error *err)
{
	const struct image_wish wish = {
	    .word = &in->profile->filesystem.root_argument,
	    .pull = in->request->pull,
	    .quiet = in->request->quiet,
	    .platform = in->request->platform,
	    .for_single_id = in->profile->identity.map.v == MAP_SINGLE,
	    .is_command_line = in->request->image,
	    .puller = paths->puller,
	    .policy = policy,
	    .host = in->host,
	};

	if (in->profile->filesystem.root.v == ROOT_IMAGE && wish.word->v && sqfs_is_path(wish.word->v))
		return sqfs_find(in->host->arena, &wish, &launch->image, &launch->image_hold, err);
	if (in->profile->filesystem.root.v == ROOT_IMAGE)
		return image_find(in->host->arena, &wish, &launch->image, &launch->image_hold, err);
	if (!in->request->pull_label && !in->request->platform)
		return 0;
	(void)error_set(err, EINVAL, in->request->platform ? "cannot choose a platform (--platform)" : "cannot pull (--pull)");
	(void)error_cause(err, "the root is no image's");
	return error_hint(err, "write  carrel run [OPTIONS] IMAGE [ARG…]");
}

/* Everything that is known before anything is started. */
static int make_plan(struct launch *launch, struct plan_input *in, const struct launch_paths *paths, struct profile **ret_profile, struct error *err)
{
	struct policy *policy = NULL;
	int r = load_profile(in->request, paths, ret_profile, &policy, err);

	trace_mark("profile loaded");
	if (r < 0)
		return r;
	in->profile = *ret_profile;
	r = find_image(launch, in, policy, paths, err);
	policy_free(policy);
	if (r < 0)
		return r;
	if (launch->image_hold >= 0) {
		in->image = &launch->image;
		trace_mark("image found");
	}
	return plan_make(in->host->arena, in, &launch->plan, err);
}

/* --- while it runs, and after --------------------------------------------------------------------------------------------------------- */

static int supervise(struct launch *launch, struct outcome *outcome, struct error *err)
{
	const struct plan_process *process = &launch->plan.process;
	struct supervise_plan plan = {
	    .channel = launch->channel,
	    .pidfd = launch->pidfd,
	    .servers = launch->servers,
	    .server_count = launch->server_count,
	    .pty_master = launch->master,
	    .input = STDIN_FILENO,
	    .output = STDOUT_FILENO,
	    .limits = &launch->limits,
	    .notify = &launch->notify,
	    .pipes = &launch->output,
	    .room = &launch->room,
	    .timeout_ms = process->timeout_ms,
	    .stop_signal = process->stop_signal,
	    .grace_ms = process->grace_ms,
	};

	record_publish(&launch->plan, &launch->limits, launch->init, &launch->record);
	launch->master = -1;
	launch->init = 0; /* reaped by supervise_run, however it ends */
	return supervise_run(&plan, outcome, err);
}

static void end_init(const struct launch *launch)
{
	struct pollfd end = {.fd = launch->pidfd, .events = POLLIN};

	(void)sys_pidfd_send_signal(launch->pidfd, SIGKILL); /* it may be dead already */
	for (size_t i = 0; i < launch->server_count && poll(&end, 1, INIT_END_MS) <= 0; i++)
		server_kill(&launch->servers[i]);
	(void)!proc_wait(launch->init);
}

static void clean_up(struct launch *launch)
{
	instance_withdraw(&launch->record);
	if (launch->init)
		end_init(launch);
	launch->channel = fd_close(launch->channel);
	launch->guard = fd_close(launch->guard);
	for (size_t i = 0; i < launch->server_count; i++)
		server_end(&launch->servers[i]);
	if (launch->guard_pid)
		(void)!proc_wait(launch->guard_pid); /* placeholders are gone when we are */
	limits_end(&launch->limits);
	seccomp_notify_close(&launch->notify);
	watch_sources_close(&launch->sources);
	scratch_close(&launch->room);
	output_close(&launch->output);
	(void)fd_close(launch->master);
	(void)fd_close(launch->interrupts);
	(void)fd_close(launch->pidfd);
	(void)fd_close(launch->instance);
	if (launch->plan.tree.scratch_dir)
		(void)!storage_remove(launch->plan.host, launch->plan.tree.scratch_dir, NULL); /* else the next start does */
	(void)fd_close(launch->scratch);
	seccomp_done(&launch->filter);
}

static int run_sandbox(struct launch *launch, struct launch_result *result, struct error *err)
{
	int r = launch_start(launch, err);

	if (r == 0) {
		trace_mark("command running");
		r = supervise(launch, &result->outcome, err);
	}
	if (r == 0) {
		result->ran = true;
		launch_describe(launch, &result->outcome);
		result->status = outcome_exit_status(&result->outcome);
	}
	clean_up(launch);
	return r;
}

/* Before anything of ours is open: a number that is free now would be given to a descriptor of ours, and that to the payload. */
static int check_descriptors(const struct request *request, struct error *err)
{
	if (!request->dry_run && fd_fill_standard() < 0)
		return error_set(err, errno, "cannot open /dev/null in the place of a closed descriptor");
	for (size_t i = 0; i < request->preserve_fd_count; i++) {
		if (fcntl(request->preserve_fds[i], F_GETFD) >= 0)
			continue;
		error_set(err, errno, "cannot hand descriptor %d to the payload", request->preserve_fds[i]);
		return error_hint(err, "open it first, as a shell does with  %d<file", request->preserve_fds[i]);
	}
	return 0;
}

int launch_run(const struct request *request, const struct launch_paths *paths, struct launch_result *ret, struct error *err)
{
	struct launch launch = {.sources = WATCH_SOURCES_NONE, .room.fd = -1, .channel = -1, .guard = -1, .pidfd = -1, .master = -1, .instance = -1, .scratch = -1, .image_hold = -1, .record = INSTANCE_LOCK_NONE, .interrupts = -1};
	struct profile *profile = NULL;
	struct host host;
	struct plan_input in = {.request = request, .host = &host, .data_dir = paths->data_dir};
	int r;

	*ret = (struct launch_result){.status = EXIT_CARREL, .report = REPORT_FILE_NONE};
	if (request->trace_startup)
		trace_start();
	r = check_descriptors(request, err);
	if (r == 0 && request->report && !request->dry_run)
		r = report_file_open(request->report, &ret->report, err);
	if (r == 0)
		r = host_read(&ret->arena, environ, &host, err);
	trace_mark("host read");
	if (r == 0)
		r = make_plan(&launch, &in, paths, &profile, err);
	limits_init(&launch.limits, &launch.plan.limits, &ret->arena);
	output_init(&launch.output);
	trace_mark("plan made");
	if (r == 0 && request->dry_run) {
		plan_print(&launch.plan, profile, &ret->text);
		ret->status = 0;
	} else if (r == 0) {
		r = run_sandbox(&launch, ret, err);
	}
	(void)fd_close(launch.image_hold);
	ret->notes = launch.plan.notes;
	ret->note_count = launch.plan.note_count;
	ret->profile = profile; /* origins point into it */
	return r;
}

void launch_done(struct launch_result *result)
{
	report_file_close(&result->report);
	buf_done(&result->text);
	profile_free(result->profile);
	arena_done(&result->arena);
}
