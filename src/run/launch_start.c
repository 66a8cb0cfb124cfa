/* From nothing to a running payload: make what can be made before, clone, map the ids, and serve the stage's requests. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "isolate/placeholder.h"
#include "run/channel.h"
#include "run/kept.h"
#include "run/launch_parts.h"
#include "run/stage.h"
#include "run/storage.h"
#include "run/supervise.h"
#include "run/trace.h"
#include "util/fd.h"
#include "util/path.h"
#include "util/proc.h"
#include "util/units.h"
#include "util/sys.h"

enum {
	SERVER_ANSWER_MS = 20000, /* it answers at once, but on a loaded machine with slow storage */
	STARTED_LATE_MS = 500,
};

/* --- before the clone ------------------------------------------------------------------------------------------------------------ */

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
	if (flock(launch->instance, LOCK_EX | LOCK_NB) == 0) {
		r = kept_check(launch->instance, path_basename(dir), launch->plan.image, err);
		if (r == 0 && !launch->plan.image && launch->plan.tree.root_keep)
			r = kept_note_root(launch->instance, path_basename(dir), &launch->plan.tree, err);
		return r;
	}
	error_set(err, errno, "cannot run the sandbox '%s'", path_basename(dir));
	if (errno == EWOULDBLOCK)
		error_cause(err, "it is running already");
	return error_hint(err, "wait for its end, or give this one another --name");
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
		(void)fd_close(launch->image_hold); /* the launcher's holds it as long as we live */
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

static int start_server(struct launch *launch, int server, int fds[FD_PASS_MAX], struct error *err)
{
	struct channel_message answer = {.type = CHANNEL_FUSE};
	size_t count = count_fds(fds);
	int r;

	if (launch->server_count == LAUNCH_SERVERS)
		r = error_set(err, E2BIG, "cannot mount more than %d filesystems with FUSE", LAUNCH_SERVERS);
	else if (count < 2 || server < 0 || server >= FUSE_SERVER_MAX)
		r = error_set(err, EPROTO, "cannot start a FUSE server without its descriptors");
	else
		r = server_start(&launch->servers[launch->server_count++], &(struct server_plan){
			.kind = (enum fuse_server)server, .user_fd = fds[0], .fds = fds + 1, .count = count - 1,
			.single_id = launch->plan.ids.rung == IDMAP_SINGLE, .cache_dir = launch->plan.seccomp.cache_dir,
		}, err);
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

	if (count < (size_t)1 + (watch->has_sysvipc ? 2 : 0) + watch->has_scratch)
		return;
	watch_sources_close(&launch->sources);
	launch->sources.procfs = fds[next++];
	launch->sources.sysvipc_shm = watch->has_sysvipc ? fds[next++] : -1;
	launch->sources.sysvipc_msg = watch->has_sysvipc ? fds[next++] : -1;
	launch->sources.scratch = watch->has_scratch ? fds[next++] : -1;
	launch->sources.scratch_on_disk = watch->scratch_on_disk;
	while (next < count && launch->sources.tmpfs_count < WATCH_TMPFS_MAX)
		launch->sources.tmpfs[launch->sources.tmpfs_count++] = fds[next++];
	while (next < count)
		(void)fd_close(fds[next++]);
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
		error_set(err, ETIMEDOUT, "cannot mount with FUSE");
		error_cause(err, "the server does not answer");
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
			r = start_server(launch, message.server, fds, err);
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

int launch_start(struct launch *launch, struct error *err)
{
	int r = prepare(launch, err);

	if (r == 0)
		r = clone_init(launch, err);
	if (r == 0)
		r = map_ids(launch, err);
	if (r == 0)
		r = serve_stage(launch, err);
	if (r == 0 && launch->plan.has_limits) {
		const struct watch_sources *sources = &launch->sources;

		scratch_open(&launch->room, sources->scratch_on_disk ? -1 : fcntl(sources->scratch, F_DUPFD_CLOEXEC, 3), launch->plan.tree.scratch_size != 0);
		r = limits_start(&launch->limits, &launch->sources, err);
	}
	return r < 0 && launch->interrupts >= 0 ? explain_interrupt(launch, err) : r;
}
