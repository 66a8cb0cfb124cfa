/* Giving up, in the one right order: ids, then capabilities, then no_new_privs, which Landlock and seccomp need, and seccomp last, since it may
 * forbid everything before it. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isolate/account.h"
#include "isolate/caps.h"
#include "isolate/keyring.h"
#include "isolate/landlock.h"
#include "isolate/rlimit.h"
#include "isolate/seccomp_notify.h"
#include "isolate/tty.h"
#include "run/channel.h"
#include "run/plan_image.h"
#include "run/stage.h"
#include "run/supervise.h"
#include "util/fd.h"
#include "util/path.h"
#include "util/proc.h"
#include "util/sys.h"

/* --- who --------------------------------------------------------------------------------------------------------------------- */

static uint32_t inside_id(const struct idmap_extent *extents, size_t count, uint32_t outside)
{
	for (size_t i = 0; i < count; i++) {
		if (outside >= extents[i].outside && outside - extents[i].outside < extents[i].count)
			return extents[i].inside + (outside - extents[i].outside);
	}
	return 0;
}

static int find_account(const struct plan *plan, struct account *ret, struct error *err)
{
	const struct idmap_plan *ids = &plan->ids;

	*ret = (struct account){.uid = inside_id(ids->uids, ids->uid_count, plan->host->uid), .gid = inside_id(ids->gids, ids->gid_count, plan->host->gid)};
	if (plan->process.user == PLAN_USER_SELF)
		return 0;
	if (plan->process.user == PLAN_USER_ROOT)
		ret->uid = ret->gid = 0;
	if (plan->process.user == PLAN_USER_NAMED) {
		cleanup_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		int r = account_lookup(plan->arena, root, plan->process.user_text, ret, err);
		if (r < 0)
			return error_at(err, &plan->process.user_at, "identity.user");
	}
	if (idmap_has(ids->uids, ids->uid_count, ret->uid) && idmap_has(ids->gids, ids->gid_count, ret->gid))
		return 0;
	error_set(err, EINVAL, "cannot run as user %u, group %u", ret->uid, ret->gid);
	error_cause(err, "these ids are not mapped in the sandbox%s", ids->rung == IDMAP_SINGLE ? ", which has a single one" : "");
	error_hint(err, "use --userns subids, which needs a range in /etc/subuid and /etc/subgid; carrel doctor says whether there is one");
	return error_at(err, &plan->process.user_at, "identity.user");
}

static int become(const struct plan *plan, const struct account *account, uint64_t capabilities, struct error *err)
{
	gid_t groups[64];
	size_t count = 0;

	/* With a single id the kernel forbids setgroups(2): the caller's groups stay, as "nobody" to look at. */
	for (size_t i = 0; i < account->group_count && count < ARRAY_SIZE(groups); i++) {
		if (idmap_has(plan->ids.gids, plan->ids.gid_count, account->groups[i]))
			groups[count++] = account->groups[i];
	}
	if (plan->ids.rung != IDMAP_SINGLE && setgroups(count, groups) < 0)
		return error_set(err, errno, "cannot set the supplementary groups");
	if (prctl(PR_SET_KEEPCAPS, capabilities != 0, 0, 0, 0) < 0)
		return error_set(err, errno, "cannot keep the capabilities");
	if (setresgid(account->gid, account->gid, account->gid) < 0 || setresuid(account->uid, account->uid, account->uid) < 0)
		return error_set(err, errno, "cannot become user %u, group %u", account->uid, account->gid);
	return 0;
}

/* --- where and with what --------------------------------------------------------------------------------------------------------- */

/* The directory may be named by somebody who is not the user, such as an image: only inside the root, and through no magic link, which would lead to
 * wherever a descriptor of ours stands (CVE-2024-21626). */
static int enter_workdir(const struct plan_process *process, struct error *err)
{
	cleanup_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int dir = root < 0 ? -errno : path_open_in(root, process->workdir, O_PATH | O_DIRECTORY);
	int r = dir < 0 ? dir : fchdir(dir) < 0 ? -errno : 0;

	if (r == 0)
		return 0;
	if (!process->workdir_asked && (r == -ENOENT || r == -ENOTDIR) && root >= 0 && fchdir(root) == 0)
		return 0;
	error_set(err, -r, "cannot enter '%s' in the sandbox", process->workdir);
	if (r == -ENOENT)
		return error_hint(err, "the path is not there inside; mount it with  -v %s:%s", process->workdir, process->workdir);
	return r;
}

/* The smallest descriptor from `first` on that the payload gets; -1: there is none. */
static int next_preserved(const struct plan_process *process, int first)
{
	int next = -1;

	for (size_t i = 0; i < process->preserve_fd_count; i++) {
		int fd = process->preserve_fds[i];

		if (fd >= first && (next < 0 || fd < next))
			next = fd;
	}
	return next;
}

/* Closed now, and not by execve, so that no path through /proc/self/fd leads anywhere while the program is looked for. Only the channel (-1: neither)
 * stays until then: nobody opens a socket by its path. */
static int close_descriptors(const struct plan_process *process, int channel, struct error *err)
{
	int first = 3;

	for (int fd; (fd = next_preserved(process, first)) >= 0 || channel >= first; first = fd + 1) {
		if (channel >= first && (fd < 0 || channel < fd))
			fd = channel;
		if (fd > first)
			fd_close_range((unsigned)first, (unsigned)fd - 1);
		if (fd != channel && fcntl(fd, F_SETFD, 0) < 0)
			return error_set(err, errno, "cannot hand descriptor %d to the payload", fd);
	}
	fd_close_range((unsigned)first, ~0u);
	return 0;
}

/* Never less patient than the caller is: that wants a privilege (setpriority(2)). */
static int be_nice(const struct plan_process *process, struct error *err)
{
	if (!process->nice || getpriority(PRIO_PROCESS, 0) >= process->nice || setpriority(PRIO_PROCESS, 0, process->nice) == 0)
		return 0;
	error_set(err, errno, "cannot set the niceness %d", process->nice);
	return error_at(err, &process->nice_at, "resources.nice");
}

/* The scheduler for disks of each process (ioprio_set(2)). */
static int be_patient_with_disks(const struct plan_process *process, struct error *err)
{
	static const int classes[] = {[IO_CLASS_BEST_EFFORT] = IOPRIO_CLASS_BE, [IO_CLASS_IDLE] = IOPRIO_CLASS_IDLE};

	if (process->io_class == IO_CLASS_NONE || sys_ioprio_set(IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(classes[process->io_class], IOPRIO_BE_NORM)) == 0)
		return 0;
	error_set(err, errno, "cannot set the I/O class");
	return error_at(err, &process->io_class_at, "resources.io_class");
}

/* "0-3,6", whose form the profile's check has seen. */
static void read_cpuset(const char *text, cpu_set_t *ret)
{
	CPU_ZERO(ret);
	for (const char *at = text; *at; at += *at == ',') {
		char *end;
		unsigned long low = strtoul(at, &end, 10), high = low;

		if (*end == '-')
			high = strtoul(end + 1, &end, 10);
		for (unsigned long cpu = low; cpu <= high && cpu < CPU_SETSIZE; cpu++)
			CPU_SET(cpu, ret);
		at = end;
	}
}

static int keep_to_processors(const struct plan_process *process, struct error *err)
{
	cpu_set_t set;

	if (!process->cpuset)
		return 0;
	read_cpuset(process->cpuset, &set);
	if (sched_setaffinity(0, sizeof(set), &set) == 0)
		return 0;
	error_set(err, errno, "cannot keep to the processors %s", process->cpuset);
	if (errno == EINVAL)
		error_cause(err, "this machine, or the set that carrel was given itself, has none of them");
	return error_at(err, &process->cpuset_at, "resources.cpuset");
}

/* RLIMIT_NPROC counts init, too, where the payload is the same user; it is not one of the payload's tasks. A limit of the caller's own that is lower
 * holds already. */
static void leave_room_for_init(const struct plan *plan, uid_t init)
{
	struct rlimit own;

	for (size_t i = 0; i < plan->rlimit_count; i++) {
		struct rlimit_entry *entry = &plan->rlimits[i];

		if (strcmp(entry->key, limit_key(LIMIT_TASKS)) != 0 || getrlimit(RLIMIT_NPROC, &own) < 0)
			continue;
		entry->hard += geteuid() == init;
		if (entry->hard > own.rlim_max)
			entry->hard = own.rlim_max;
		entry->soft = entry->hard;
	}
}

static int prepare_session(int slave, const struct output *output, struct error *err)
{
	int r = slave >= 0 ? tty_adopt(slave, err) : 0;

	if (r < 0)
		return r;
	if (slave < 0 && setsid() < 0)
		return error_set(err, errno, "cannot begin a session");
	r = output_adopt(output);
	return r < 0 ? error_set(err, -r, "cannot hand the output's pipes to the payload") : 0;
}

/* --- what ------------------------------------------------------------------------------------------------------------------------ */

/* What the root's own files say of the user goes into the environment. */
static void name_account(const struct plan *plan, const struct account *account)
{
	const char **items = plan->process.environment;
	const char *home = account->home ? account->home : "/";

	for (size_t i = 0; items[i]; i++) {
		if (!plan->process.home_is_set && !strncmp(items[i], "HOME=", 5))
			items[i] = arena_printf(plan->arena, "HOME=%s", home);
		else if (account->name && !strncmp(items[i], "USER=", 5))
			items[i] = arena_printf(plan->arena, "USER=%s", account->name);
		else if (account->name && !strncmp(items[i], "LOGNAME=", 8))
			items[i] = arena_printf(plan->arena, "LOGNAME=%s", account->name);
	}
}

static int not_found(const struct plan *plan, struct error *err)
{
	const char *name = plan->process.argv[0];
	int errnum = errno;
	struct stat st;

	error_set(err, errnum, "cannot execute '%s'", name);
	err->exit_status = errnum == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXEC;
	if (errnum == ENOENT && !strchr(name, '/'))
		error_cause(err, "no such program in the sandbox's PATH (%s)", plan->process.path);
	else if (errnum == ENOENT)
		error_cause(err, "no such file in the sandbox");
	else if (errnum == EACCES && strchr(name, '/') && stat(name, &st) == 0 && S_ISDIR(st.st_mode))
		error_cause(err, "it is a directory");
	else if (errnum == EACCES && strchr(name, '/'))
		error_hint(err, "make it executable, with  chmod +x %s , or name the program that reads it: sh %s", name, name);
	if (errnum == ENOENT && plan->image && plan->tree.root == TREE_ROOT_EMPTY)
		error_hint(err, "the image '%s' has no layers, so no files but those that are mounted into it", plan->image->name);
	return -errnum;
}

/* Of a script: what stands behind #!, with a carriage return where an editor left one. */
static bool read_interpreter(const char *program, char *buffer, size_t size)
{
	cleanup_close int fd = open(program, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t length = fd < 0 ? -1 : read(fd, buffer, size - 1);

	if (length < 3 || buffer[0] != '#' || buffer[1] != '!')
		return false;
	buffer[length] = 0;
	buffer[strcspn(buffer, "\n")] = 0;
	char *start = buffer + 2 + strspn(buffer + 2, " \t");
	start[strcspn(start, " \t")] = 0;
	memmove(buffer, start, strlen(start) + 1);
	return buffer[0] == '/';
}

static int no_interpreter(const char *program, struct error *err)
{
	char name[256];

	if (!read_interpreter(program, name, sizeof(name)))
		return error_cause(err, "the interpreter or the dynamic loader that it names is not in the sandbox");
	(void)error_cause(err, "its interpreter '%s' is not in the sandbox", name);
	return strchr(name, '\r') ? error_hint(err, "its lines end as on Windows; mend them with  sed -i 's/\\r$//' %s", program) : -ENOENT;
}

static int exec_failed(const char *program, struct error *err)
{
	int errnum = errno;

	error_set(err, errnum, "cannot execute '%s'", program);
	err->exit_status = EXIT_NOT_EXEC;
	if (errnum == ENOENT) /* the file is there: its interpreter is not */
		(void)no_interpreter(program, err); /* the code is the same below */
	if (errnum == ENOEXEC)
		error_hint(err, "it is no program for this machine; a script needs a first line such as  #!/bin/sh");
	if (errnum == EPERM || errnum == ENOSYS)
		error_hint(err, "the profile's syscalls must allow execve: see  carrel profile show");
	return -errnum;
}

/* The caller's session keyring is left in any case: without a session keyring a process would have the user's. */
static int leave_keyring(const struct plan_process *process, struct error *err)
{
	struct error why = {0};
	int r = keyring_apply(&why);

	/* A user has 200 keyrings (kernel.keys.maxkeys); the next sandbox leaves the caller's to the filter, which lets nobody reach it. */
	if (r == -EDQUOT && process->no_keyring_calls)
		return 0;
	if (r == -EPERM && !process->own_keyring)
		return 0; /* an outer container refuses keyctl(2), to the payload as well */
	if (r < 0)
		*err = why;
	return r;
}

static int give_up(const struct plan *plan, struct error *err)
{
	struct account account;
	int r = find_account(plan, &account, err);
	uint64_t keep = r == 0 && account.uid == 0 ? plan->capabilities : plan->user_capabilities;

	if (r == 0)
		r = caps_bound(keep, err);
	if (r == 0)
		r = become(plan, &account, keep, err);
	if (r == 0)
		r = leave_keyring(&plan->process, err);
	if (r == 0)
		r = caps_apply(keep, account.uid, err);
	if (r == 0 && plan->process.user == PLAN_USER_NAMED)
		name_account(plan, &account);
	return r;
}

/* What the helper of seccomp_notify_apply does. */
struct listener_way {
	int channel;
	pid_t payload;
};

static int send_listener(void *context, int listener)
{
	const struct listener_way *way = context;
	struct channel_message message = {.type = CHANNEL_LISTENER, .payload = way->payload};

	return channel_send(way->channel, &message, &listener, 1);
}

static bool wants_listener(const struct stage *stage)
{
	return stage->plan->seccomp.enabled && seccomp_notify_wanted(stage->filter);
}

static int install_filter(const struct stage *stage, struct error *err)
{
	struct listener_way way = {.channel = stage->channel, .payload = getpid()};
	int r = stage->plan->seccomp.enabled ? seccomp_notify_apply(stage->filter, send_listener, &way, err) : 0;

	return r == -ENOSYS ? error_hint(err, "'syscalls: {default: allow}' with no list does without") : r;
}

int payload_exec(const struct stage *stage, int slave, struct error *err)
{
	const struct plan *plan = stage->plan;
	const struct plan_process *process = &plan->process;
	cleanup_free char *program = NULL;
	uid_t init = geteuid();
	int r = prepare_session(slave, stage->output, err);

	if (r == 0)
		r = close_descriptors(process, wants_listener(stage) ? stage->channel : -1, err);
	if (r == 0)
		r = give_up(plan, err);
	(void)umask(process->umask);
	if (r == 0)
		r = enter_workdir(process, err);
	if (r == 0)
		r = be_nice(process, err);
	if (r == 0)
		r = be_patient_with_disks(process, err);
	if (r == 0)
		r = keep_to_processors(process, err);
	leave_room_for_init(plan, init);
	if (r == 0)
		r = rlimit_apply(plan->rlimits, plan->rlimit_count, err);
	if (r < 0)
		return r;
	program = proc_find_program(process->argv[0], process->path);
	if (!program)
		return not_found(plan, err);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set(err, errno, "cannot set no_new_privs");
	if (plan->landlock.enabled)
		r = landlock_apply(&plan->landlock, err);
	supervise_unblock_signals(stage->signals);
	if (r == 0)
		r = install_filter(stage, err);
	if (r < 0)
		return r;
	(void)execve(program, process->argv, (char *const *)process->environment);
	return exec_failed(program, err);
}
