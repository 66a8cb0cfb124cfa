/* Theory of operation. The child is alone in new user, mount, pid, ipc, uts and cgroup namespaces; its ids are not mapped yet, since only
 * somebody outside can do that. It does what needs none (network, host name), then waits for the launcher's word, and from then on has all
 * capabilities over its namespaces and none over the host. It builds the tree, forks the payload, gives up what it has, and stays as init.
 */
#include "run/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isolate/caps.h"
#include "isolate/mount.h"
#include "isolate/net.h"
#include "isolate/tty.h"
#include "run/channel.h"
#include "run/init.h"
#include "run/stage_parts.h"
#include "run/trace.h"
#include "util/fd.h"
#include "util/mem.h"

/* Die with the launcher. The kernel forgets this whenever credentials change, so it is asked for again after that. The launcher may have died
 * before: then the channel is at its end, which the next receive finds. */
static void die_with_launcher(void)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* fails for no signal number of the kernel's */
}

static int before_mapping(const struct stage *stage, struct tree *tree, struct net *net, struct error *err)
{
	struct plan *plan = stage->plan;
	int r = plan->ns.network ? net_begin(net, err) : 0;

	tree_init(tree, plan->arena, &plan->tree);
	tree->guard = stage->guard;
	tree->tty_gid = idmap_has(plan->ids.gids, plan->ids.gid_count, 5) ? 5 : -1;
	if (r == 0)
		r = tree_prepare(tree, plan->tree.entries, err);
	trace_mark("filesystems made");
	if (r == 0 && plan->ns.hostname && plan->process.hostname)
		r = ns_set_hostname(plan->process.hostname, err);
	return r;
}

static int wait_for_mapping(const struct stage *stage, struct error *err)
{
	struct channel_message message;
	int fds[FD_PASS_MAX];
	int r = channel_receive(stage->channel, &message, fds);

	if (r < 0 || message.type != CHANNEL_GO)
		return error_set(err, r < 0 ? -r : EPROTO, "cannot go on without the launcher");
	trace_mark("ids mapped");
	if (message.no_scope) {
		limits_fall_back(&stage->plan->limits, stage->plan->arena, "the launcher has found out");
		plan_take_rungs(stage->plan);
	}
	/* From here on nobody in the sandbox can look at us: our memory belongs to the host's user namespace, since we never
	 * called execve in this one. Not earlier: /proc/PID/uid_map of what is not dumpable belongs to root. */
	(void)prctl(PR_SET_DUMPABLE, 0); /* fails for no value but 0 and 1 */
	die_with_launcher();
	return stage->plan->ns.own_cgroup ? ns_unshare_cgroup(err) : 0;
}

/* Called back by the FUSE back end: hand everything to the launcher, which starts the server, and wait for its word. */
static int ask_for_server(void *context, enum fuse_server server, const int *fds, size_t count, struct error *err)
{
	const struct stage *stage = context;
	struct channel_message message = {.type = CHANNEL_FUSE, .server = (int)server};
	cleanup_close int user = ns_open_user(err);
	int all[FD_PASS_MAX] = {user}, ignored[FD_PASS_MAX];
	int r;

	if (user < 0 || count + 1 > FD_PASS_MAX)
		return user < 0 ? user : error_set(err, E2BIG, "cannot start %s with %zu layers", fuse_server_names[server], count);
	memcpy(all + 1, fds, count * sizeof(*fds));
	r = channel_send(stage->channel, &message, all, count + 1);

	if (r == 0)
		r = channel_receive(stage->channel, &message, ignored);
	if (r == 0 && message.type == CHANNEL_ERROR) {
		*err = message.error;
		return -err->code;
	}
	return r < 0 ? error_set(err, -r, "cannot start %s", fuse_server_names[server]) : 0;
}

/* /sys shows the devices of the network namespace that it is made in: enter the one that a thread has been making. */
static int enter_network(const struct stage *stage, struct tree *tree, struct net *net, struct error *err)
{
	int r = stage->plan->ns.network ? net_join(net, err) : 0;

	trace_mark("network joined");
	return r < 0 ? r : tree_open_sys(tree, stage->plan->tree.entries, err);
}

static int build_tree(const struct stage *stage, struct tree *tree, struct net *net, struct error *err)
{
	struct plan *plan = stage->plan;
	bool late = tree_sys_can_wait(&plan->tree);
	int r = mount_isolate(0, err);

	(void)umask(0); /* modes of the plan are exact; the payload gets its own mask */
	if (r == 0)
		r = tree_open(tree, plan->tree.entries, err);
	trace_mark("sources opened");
	if (r == 0 && !late)
		r = enter_network(stage, tree, net, err);
	if (r == 0)
		r = tree_make_root(tree, err);
	trace_mark("root made");
	if (r == 0)
		r = tree_mount_entries(tree, TREE_PART_PLACES, err);
	trace_mark("places mounted");
	if (r == 0 && late)
		r = enter_network(stage, tree, net, err);
	if (r == 0)
		r = tree_mount_entries(tree, TREE_PART_SYS, err);
	if (r == 0)
		r = tree_mount_entries(tree, TREE_PART_COVERS, err);
	trace_mark("covers mounted");
	return r < 0 ? r : tree_finish(tree, err);
}

static int open_terminal(const struct stage *stage, int *ret_slave, struct error *err)
{
	struct channel_message message = {.type = CHANNEL_PTY};
	cleanup_close int master = -1;
	int r;

	*ret_slave = -1;
	if (!stage->plan->process.pty)
		return 0;
	r = tty_open_pty("/dev/pts/ptmx", &master, ret_slave, err);
	if (r < 0)
		return r;
	/* Now, not when the launcher takes it over: the command may ask at once. */
	tty_copy_size(STDOUT_FILENO, master);
	tty_copy_size(STDIN_FILENO, master);
	r = channel_send(stage->channel, &message, &master, 1);
	return r < 0 ? error_set(err, -r, "cannot hand the terminal to the launcher") : 0;
}

/* The payload's words, away from the command line that they came in. */
static void copy_words(struct plan *plan)
{
	char *const *words = plan->process.argv;
	size_t count = 0;
	char **copy;

	while (words[count])
		count++;
	copy = arena_alloc(plan->arena, (count + 1) * sizeof(*copy)); /* zeroed: NULL ends it */
	for (size_t i = 0; i < count; i++)
		copy[i] = arena_strdup(plan->arena, words[i]);
	plan->process.argv = copy;
}

/* /proc/1/cmdline is open to everybody in the sandbox, and the launcher's words are not the payload's business: they name paths and options of the
 * host. The kernel shows what stands in this memory (proc(5)). The plan has copies of all that it still needs. */
static void forget_command_line(struct plan *plan)
{
	static const char name[] = "carrel";
	cleanup_free char *words = NULL;
	size_t size;

	if (fd_slurp_at(AT_FDCWD, "/proc/self/cmdline", 1 << 22, &words, &size) < 0)
		return;
	if (size < sizeof(name) || memcmp(program_invocation_name, words, size) != 0)
		return;
	copy_words(plan);
	memset(program_invocation_name, 0, size);
	memcpy(program_invocation_name, name, sizeof(name));
}

/* The payload shares our memory until it calls execve, and we wait for that (vfork(2)): no page is copied, and what it writes into `err` when it
 * fails is ours to read. It never comes back through this frame. Signals stay blocked in both. */
static int fork_payload(const struct stage *stage, int slave, pid_t *ret_pid, struct error *err)
{
	pid_t pid;

	forget_command_line(stage->plan);
	pid = vfork();

	if (pid == 0) {
		(void)!payload_exec(stage, slave, err); /* it returned: it failed, and says why in `err` */
		_exit(EXIT_CARREL);
	}
	if (pid < 0)
		return error_set(err, errno, "cannot fork the payload");
	(void)fd_close(slave);
	output_leave(stage->output);
	*ret_pid = pid;
	return -err->code;
}

/* Init keeps one capability: to send signals to processes that changed their user. */
static void give_up(void)
{
	uint64_t kill_only = 0;

	(void)!caps_parse("CAP_KILL", &kill_only); /* a known name */
	/* Best effort, and no promise hangs on it: nobody inside can make init do anything. It never calls execve, so the bounding set is nothing to it. */
	(void)!caps_apply(kill_only, geteuid(), NULL);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	/* The payload changed its user in memory that it shared with us, which gives that memory the value of fs.suid_dumpable (proc(5)): not always 0. */
	(void)prctl(PR_SET_DUMPABLE, 0);
	die_with_launcher();
	for (int fd = 0; fd < 3; fd++)
		(void)close(fd); /* who reads the payload's output must see its end, not ours */
}

static int stage_steps(const struct stage *stage, pid_t *ret_payload, struct error *err)
{
	const struct overlay_host host = {.start_server = ask_for_server, .context = (void *)stage};
	struct tree tree;
	struct net net;
	int slave = -1;
	int r = before_mapping(stage, &tree, &net, err);

	if (r == 0)
		r = wait_for_mapping(stage, err);
	tree.host = &host;
	if (r == 0)
		r = build_tree(stage, &tree, &net, err);
	if (r == 0)
		r = stage_send_watch(stage, &tree, err);
	if (r == 0)
		r = open_terminal(stage, &slave, err);
	return r < 0 ? r : fork_payload(stage, slave, ret_payload, err);
}

_Noreturn void stage_run(const struct stage *stage)
{
	struct channel_message message = {.type = CHANNEL_STARTED};
	pid_t payload = -1;

	die_with_launcher();
	if (stage_steps(stage, &payload, &message.error) < 0) {
		message.type = CHANNEL_ERROR;
		(void)!channel_send(stage->channel, &message, NULL, 0); /* a launcher that is gone needs no message */
		_exit(EXIT_CARREL);
	}
	trace_mark("payload started");
	give_up();
	if (channel_send(stage->channel, &message, NULL, 0) == 0)
		(void)!init_run(&(struct init_plan){.channel = stage->channel, .payload = payload}); /* the end is the same */
	_exit(0);
}
