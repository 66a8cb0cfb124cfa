/* The launcher's side: prepare everything that can be prepared, clone, map the ids, serve the stage's requests until the payload runs, watch over
 * it, and leave nothing behind. */
#include "run/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "isolate/placeholder.h"
#include "run/channel.h"
#include "run/launch_policy.h"
#include "run/output.h"
#include "run/plan.h"
#include "run/record.h"
#include "run/scratch.h"
#include "run/server.h"
#include "run/stage.h"
#include "run/storage.h"
#include "run/supervise.h"
#include "run/trace.h"
#include "util/fd.h"
#include "util/path.h"
#include "util/proc.h"
#include "util/units.h"
#include "util/sys.h"

extern char **environ;

enum {
	LAUNCH_SERVERS = 16,
	SERVER_ANSWER_MS = 20000, /* it answers at once, but on a loaded machine with slow storage */
	INIT_END_MS = 1000,
	STARTED_LATE_MS = 500,
};

struct launch {
	struct plan plan;
	struct seccomp_program filter;
	struct server servers[LAUNCH_SERVERS]; /* one for each layered mount */
	size_t server_count;
	sigset_t signals; /* the caller's mask */
	int channel;      /* our end */
	int guard;
	pid_t guard_pid;
	pid_t init;       /* 0: not cloned, or gone already */
	int pidfd;
	int master;       /* of the pty */
	int instance;     /* the lock of a named sandbox */
	int scratch;      /* the lock of the scratch folder on disk */
	int interrupts;   /* a signalfd, until the payload runs */
	struct output output;  /* of the payload, where it is limited */
	struct scratch room;   /* where resources.scratch is a tmpfs */
	struct limits limits;
	struct seccomp_notify notify;
	struct instance_lock record;
	struct watch_sources sources; /* that the stage sent, until limits_start takes them */
};

/* --- before the clone ------------------------------------------------------------------------------------------------------------ */

static int load_profile(const struct request *request, const struct launch_paths *paths, struct profile **ret, struct error *err)
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
		r = launch_policy(request, &paths->profiles, profile, err);
	if (r == 0)
		*ret = profile;
	else
		profile_free(profile);
	return r;
}

/* Two sandboxes must not write into one layer: the kernel leaves open what happens then. */
static int lock_instance(struct launch *launch, struct error *err)
{
	const char *dir = launch->plan.instance_dir;
	int r;

	if (!dir)
		return 0;
	r = path_make_dirs(dir, 0700);
	launch->instance = r < 0 ? -1 : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (launch->instance < 0)
		return error_set(err, r < 0 ? -r : errno, "cannot open the sandbox's folder '%s'", dir);
	if (flock(launch->instance, LOCK_EX | LOCK_NB) == 0)
		return 0;
	error_set(err, errno, "cannot run the sandbox '%s'", path_basename(dir));
	if (errno == EWOULDBLOCK)
		error_cause(err, "it is running already");
	return error_hint(err, "wait for its end, or give this one another --name");
}

static const struct watch_sources no_sources = {.procfs = -1, .sysvipc_shm = -1, .scratch = -1};

static void close_sources(struct watch_sources *sources)
{
	(void)fd_close(sources->procfs);
	(void)fd_close(sources->sysvipc_shm);
	(void)fd_close(sources->scratch);
	for (size_t i = 0; i < sources->tmpfs_count; i++)
		(void)fd_close(sources->tmpfs[i]);
	*sources = no_sources;
}

static int prepare(struct launch *launch, struct error *err)
{
	int r = launch->plan.seccomp.enabled ? seccomp_prepare(&launch->plan.seccomp, &launch->filter, err) : 0;

	seccomp_notify_init(&launch->notify, &launch->plan.seccomp);
	trace_mark(launch->filter.from_cache ? "filter loaded" : "filter compiled");
	if (r == 0)
		r = lock_instance(launch, err);
	if (r == 0 && supervise_block_signals(&launch->signals) < 0)
		r = error_set(err, errno, "cannot block signals");
	if (r == 0 && (launch->interrupts = supervise_open_ending_signals()) < 0)
		r = error_set(err, -launch->interrupts, "cannot receive signals");
	if (r == 0 && launch->plan.tree.scratch == TREE_SCRATCH_DISK)
		r = storage_make_scratch(&launch->plan, &launch->scratch, err);
	if (r == 0 && launch->plan.needs_guard)
		r = placeholder_start_guard(&launch->guard, &launch->guard_pid, err);
	if (r == 0)
		r = output_begin(&launch->output, &launch->plan.process, err);
	if (r == 0 && launch->plan.has_limits)
		r = limits_begin(&launch->limits, err);
	return r;
}

/* --- from the clone to the payload --------------------------------------------------------------------------------------------------- */

static int clone_init(struct launch *launch, struct error *err)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, errno, "cannot make the channel to the sandbox");
	trace_mark("ready to clone");
	pid = ns_clone(&launch->plan.ns, limits_clone_into(&launch->limits), &launch->pidfd, err);
	if (pid == 0) {
		(void)fd_close(pair[0]);
		limits_forget(&launch->limits);
		stage_run(&(struct stage){.plan = &launch->plan, .filter = &launch->filter, .channel = pair[1], .guard = launch->guard, .signals = &launch->signals, .output = &launch->output});
	}
	(void)fd_close(pair[1]);
	output_close_write_ends(&launch->output);
	launch->channel = pair[0];
	if (pid < 0)
		return pid;
	launch->init = pid;
	trace_mark("namespaces cloned");
	if (launch->guard >= 0) {
		int r = placeholder_watch(launch->guard, launch->pidfd);

		launch->guard = fd_close(launch->guard); /* init has the other copy: the guard works when that closes */
		if (r < 0)
			return error_set(err, -r, "cannot start the guard of placeholders");
	}
	return 0;
}

/* A scope that cannot be had: other rungs hold what they can. What they cannot was not asked for with `require`, or the start ends here. */
static int fall_back(struct launch *launch, const struct error *why, struct error *err)
{
	struct plan *plan = &launch->plan;

	plan_note(plan, true, "no scope of systemd's (%s: %s)", why->what, why->cause);
	plan_take_rungs(plan);
	int r = plan_tell_rungs(plan, err);
	return r < 0 ? r : plan_require(plan, err);
}

/* systemd makes the scope while newuidmap maps the ids; both are done before the sandbox goes on, since it changes its user then. */
static int map_ids(struct launch *launch, struct error *err)
{
	struct channel_message go = {.type = CHANNEL_GO};
	struct error no_scope = {0};
	struct idmap_job job;
	int r;

	limits_ask(&launch->limits, launch->init, &no_scope);
	r = idmap_begin(&launch->plan.ids, launch->init, launch->pidfd, &job, err);
	if (r < 0)
		return r;
	job.interrupt = launch->interrupts;
	r = idmap_finish(&launch->plan.ids, &job, err);
	if (r < 0)
		return r;
	r = limits_adopt(&launch->limits, launch->init, &no_scope);
	if (r < 0) {
		*err = no_scope;
		return r;
	}
	go.no_scope = r > 0;
	r = go.no_scope ? fall_back(launch, &no_scope, err) : 0;
	if (r < 0)
		return r;
	r = channel_send(launch->channel, &go, NULL, 0);
	return r < 0 && r != -EPIPE ? error_set(err, -r, "cannot tell the sandbox to go on") : 0; /* EPIPE: its own error comes next */
}

static size_t count_fds(const int fds[FD_PASS_MAX])
{
	size_t count = 0;

	while (count < FD_PASS_MAX && fds[count] >= 0)
		count++;
	return count;
}

static int start_server(struct launch *launch, int fds[FD_PASS_MAX], struct error *err)
{
	struct channel_message answer = {.type = CHANNEL_FUSE};
	size_t count = count_fds(fds);
	int r;

	if (launch->server_count == LAUNCH_SERVERS)
		r = error_set(err, E2BIG, "cannot mount more than %d layers with fuse-overlayfs", LAUNCH_SERVERS);
	else if (count < 2)
		r = error_set(err, EPROTO, "cannot start fuse-overlayfs without its descriptors");
	else
		r = server_start(&launch->servers[launch->server_count++], fds[0], launch->plan.ids.rung == IDMAP_SINGLE, fds + 1, count - 1, err);
	for (size_t i = 0; i < count; i++)
		(void)fd_close(fds[i]);
	if (r < 0)
		return r;
	r = channel_send(launch->channel, &answer, NULL, 0);
	return r < 0 && r != -EPIPE ? error_set(err, -r, "cannot tell the sandbox of its layers") : 0; /* EPIPE: the next receive says so */
}

/* In the order of stage_send_watch. */
static void take_sources(struct launch *launch, const struct channel_watch *watch, const int fds[FD_PASS_MAX])
{
	size_t count = count_fds(fds), next = 0;

	if (count < (size_t)1 + watch->has_sysvipc + watch->has_scratch)
		return;
	close_sources(&launch->sources);
	launch->sources.procfs = fds[next++];
	launch->sources.sysvipc_shm = watch->has_sysvipc ? fds[next++] : -1;
	launch->sources.scratch = watch->has_scratch ? fds[next++] : -1;
	launch->sources.scratch_on_disk = watch->scratch_on_disk;
	while (next < count && launch->sources.tmpfs_count < WATCH_TMPFS_MAX)
		launch->sources.tmpfs[launch->sources.tmpfs_count++] = fds[next++];
}

/* A memory limit that is too low for a program to begin strikes before anything runs. */
static bool explain_limit(struct launch *launch, struct error *err)
{
	struct limit_verdict verdict = {.order = LIMIT_GO_ON};
	const struct limit_value *value;
	char size[UNITS_TEXT];

	limits_tick(&launch->limits, (uint64_t)proc_now_ms(), &verdict);
	if (verdict.order != LIMIT_END_TREE || verdict.limit != LIMIT_MEMORY)
		return false;
	value = &launch->plan.limits.spec.values[LIMIT_MEMORY];
	error_set(err, ENOMEM, "cannot start the command within the memory limit of %s", units_format_size(value->value, size));
	error_cause(err, "the sandbox had reached it before the command ran");
	error_hint(err, "a few megabytes are the least; give it more");
	error_at(err, &value->at, limit_key(LIMIT_MEMORY));
	return true;
}

static int init_died(struct launch *launch, struct error *err)
{
	if (explain_limit(launch, err))
		return -err->code;
	error_set(err, ECHILD, "cannot set up the sandbox");
	error_cause(err, "its first process died before the command started");
	return error_hint(err, "killed from outside, or out of memory: see  dmesg");
}

static void explain_by_servers(const struct launch *launch, struct error *err)
{
	for (size_t i = 0; i < launch->server_count; i++)
		server_explain(&launch->servers[i], err);
}

/* Until the stage says something, somebody wants us to end, or a server is found to give no answer. */
static int wait_for_stage(struct launch *launch, struct error *err)
{
	struct pollfd fds[] = {{.fd = launch->channel, .events = POLLIN}, {.fd = launch->interrupts, .events = POLLIN}, {.events = POLLIN}};
	bool again;
	int ready;

	do {
		fds[2].fd = launch->notify.fd;
		ready = poll(fds, 3, launch->server_count ? SERVER_ANSWER_MS : -1);
		again = ready < 0 ? errno == EINTR : ready > 0 && !fds[0].revents && !fds[1].revents;
		/* The profile may answer execve itself with kill. */
		if (ready > 0 && fds[2].revents && seccomp_notify_step(&launch->notify, fds[2].revents, err) < 0)
			return -err->code;
	} while (again);
	if (ready < 0)
		return error_set(err, errno, "cannot wait for the sandbox");
	if (ready == 0) {
		error_set(err, ETIMEDOUT, "cannot mount with fuse-overlayfs");
		error_cause(err, "it does not answer");
		explain_by_servers(launch, err);
		return -ETIMEDOUT;
	}
	/* The command may run already, and the word of it be on its way. Then the signal, which nobody has read yet, is the command's. */
	if (!fds[0].revents)
		(void)poll(fds, 1, STARTED_LATE_MS);
	return fds[0].revents ? 0 : error_set(err, EINTR, "cannot go on");
}

/* A program of the user's own home is the one that is missed most often: it is there when they look, and hidden in here. */
static void explain_missing(const struct launch *launch, struct error *err)
{
	const char *name = launch->plan.process.argv[0], *path = getenv("PATH"), *root = launch->plan.tree.root_source;
	bool is_host = root && !strcmp(root, "/"), is_found = name[0] == '/' || !strchr(name, '/');
	cleanup_free char *program = is_host && is_found ? proc_find_program(name, path ? path : "") : NULL;

	if (!program || err->hint[0])
		return;
	const char *slash = strrchr(program, '/');
	int size = slash > program ? (int)(slash - program) : 1;
	error_hint(err, "this machine has %s, in a folder that the sandbox hides; show it with  -v %.*s:%.*s:ro", program, size, program, size, program);
}

/* Serve what the stage asks for until the payload runs. */
static int serve_stage(struct launch *launch, struct error *err)
{
	for (;;) {
		struct channel_message message;
		int fds[FD_PASS_MAX];
		int r = wait_for_stage(launch, err);

		if (r < 0)
			return r;
		if (channel_receive(launch->channel, &message, fds) < 0)
			return init_died(launch, err);
		switch (message.type) {
		case CHANNEL_STARTED:
			return 0;
		case CHANNEL_WATCH:
			take_sources(launch, &message.watch, fds);
			break;
		case CHANNEL_LISTENER:
			if (fds[0] < 0)
				return error_set(err, EPROTO, "cannot watch over the system call filter without its descriptor");
			seccomp_notify_open(&launch->notify, fds[0], message.payload);
			break;
		case CHANNEL_PTY:
			launch->master = fds[0];
			break;
		case CHANNEL_FUSE:
			r = start_server(launch, fds, err);
			break;
		case CHANNEL_ERROR:
			*err = message.error;
			explain_by_servers(launch, err);
			if (err->exit_status == EXIT_NOT_FOUND)
				explain_missing(launch, err);
			return -err->code;
		default:
			r = error_set(err, EPROTO, "cannot understand the sandbox's first process");
		}
		if (r < 0)
			return r;
	}
}

/* A set-up that failed after somebody told us to end failed for that: the terminal's ^C reaches our helpers as well. */
static int explain_interrupt(const struct launch *launch, struct error *err)
{
	struct signalfd_siginfo info;

	if (read(launch->interrupts, &info, sizeof(info)) != sizeof(info))
		return -err->code;
	error_set(err, EINTR, "cannot start the command");
	error_cause(err, "ended by a signal during the set-up (%s)", strsignal((int)info.ssi_signo));
	err->exit_status = 128 + (int)info.ssi_signo;
	return -EINTR;
}

static int start(struct launch *launch, struct error *err)
{
	int r = prepare(launch, err);

	if (r == 0)
		r = clone_init(launch, err);
	if (r == 0)
		r = map_ids(launch, err);
	if (r == 0)
		r = serve_stage(launch, err);
	if (r == 0 && launch->plan.has_limits) {
		struct watch_sources sources = launch->sources;

		scratch_open(&launch->room, sources.scratch_on_disk ? -1 : fcntl(sources.scratch, F_DUPFD_CLOEXEC, 3), launch->plan.tree.scratch_size != 0);
		launch->sources = no_sources;
		r = limits_start(&launch->limits, &sources, err);
	}
	return r < 0 && launch->interrupts >= 0 ? explain_interrupt(launch, err) : r;
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
	close_sources(&launch->sources);
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

static const char *ids_rung(const struct idmap_plan *ids)
{
	return ids->rung == IDMAP_SINGLE ? "single" : ids->rung == IDMAP_KEEP_ID ? "keep-id" : "subids";
}

/* The rung that most of the tree's limits stand on, and each one's own. */
static void describe_limits(const struct launch *launch, struct outcome *outcome)
{
	const struct limits_plan *limits = &launch->plan.limits;

	outcome->rungs.limits = limits->wants_cgroup ? "cgroup" : limits->wants_scope ? "scope" : limits->wants_watcher ? "watcher" : "rlimit";
	for (enum limit limit = 0; limit < LIMIT_MAX; limit++) {
		const struct limit_value *value = &limits->spec.values[limit];

		if (!value->is_set)
			continue;
		outcome->tree_limits[limit] = (struct outcome_limit){.value = value->value, .origin = value->at};
		outcome->tree_rungs[limit] = limit_rung_name(limits->rungs[limit]);
	}
}

static void describe(struct launch *launch, struct launch_result *result)
{
	struct outcome *outcome = &result->outcome;
	struct plan *plan = &launch->plan;
	const char *killed = outcome_take_witness(outcome, &launch->notify, plan->arena);

	if (killed)
		plan_note(plan, false, "%s", killed);
	outcome->limits.timeout = (struct outcome_limit){.value = plan->process.timeout_ms, .origin = plan->process.timeout_at};
	for (size_t i = 0; i < plan->rlimit_count; i++) {
		struct outcome_limit limit = {.value = plan->rlimits[i].soft, .origin = plan->rlimits[i].at};

		if (!strcmp(plan->rlimits[i].key, "resources.cpu_time")) {
			limit.value *= 1000;
			outcome->limits.cpu_time = limit;
		} else if (!strcmp(plan->rlimits[i].key, "resources.file_size")) {
			outcome->limits.file_size = limit;
		}
	}
	outcome->limits.output = (struct outcome_limit){.value = plan->process.output_max, .origin = plan->process.output_at};
	outcome->scratch_note = scratch_note(&launch->room, plan->arena, plan->tree.scratch_size, &plan->limits.spec.values[LIMIT_SCRATCH].at);
	outcome->rungs.ids = ids_rung(&plan->ids);
	outcome->rungs.overlay = launch->server_count ? "fuse" : plan_uses_layers(plan) ? "kernel" : NULL;
	describe_limits(launch, outcome);
	outcome->rungs.network = plan->ns.network ? "none" : "host";
	if (outcome->scratch_note)
		outcome->notes[outcome->note_count++] = outcome->scratch_note;
	for (size_t i = 0; i < plan->note_count && outcome->note_count < OUTCOME_NOTES_MAX; i++)
		outcome->notes[outcome->note_count++] = plan->notes[i].text;
}

static int run_sandbox(struct launch *launch, struct launch_result *result, struct error *err)
{
	int r = start(launch, err);

	if (r == 0) {
		trace_mark("command running");
		r = supervise(launch, &result->outcome, err);
	}
	if (r == 0) {
		result->ran = true;
		describe(launch, result);
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
	struct launch launch = {.sources = no_sources, .room.fd = -1, .channel = -1, .guard = -1, .pidfd = -1, .master = -1, .instance = -1, .scratch = -1, .record = INSTANCE_LOCK_NONE, .interrupts = -1};
	struct profile *profile = NULL;
	struct host host;
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
		r = load_profile(request, paths, &profile, err);
	trace_mark("profile loaded");
	if (r == 0)
		r = plan_make(&ret->arena, request, profile, &host, paths->data_dir, &launch.plan, err);
	limits_init(&launch.limits, &launch.plan.limits, &ret->arena);
	output_init(&launch.output);
	trace_mark("plan made");
	if (r == 0 && request->dry_run) {
		plan_print(&launch.plan, profile, &ret->text);
		ret->status = 0;
	} else if (r == 0) {
		r = run_sandbox(&launch, ret, err);
	}
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
