/* Checks of the kernel: its version, namespaces, ids, filters. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "isolate/explain.h"
#include "isolate/idmap.h"
#include "isolate/mount.h"
#include "isolate/net.h"
#include "isolate/ns.h"
#include "run/doctor.h"
#include "util/fd.h"
#include "util/sys.h"

enum { SMALL_FILE = 4096 };

static int version_number(unsigned major, unsigned minor)
{
	return (int)(major * 1000 + minor);
}

/* A container's filter may answer ENOSYS or EPERM for calls that the kernel has. */
static const char *missing_call(void)
{
	int fd = sys_openat2(AT_FDCWD, "/", O_PATH | O_CLOEXEC, 0, RESOLVE_IN_ROOT);

	if (fd < 0)
		return "openat2";
	(void)fd_close(fd);
	fd = sys_pidfd_open(getpid(), 0);
	if (fd < 0)
		return "pidfd_open";
	(void)fd_close(fd);
	return NULL;
}

void doctor_kernel(struct doctor_row *row)
{
	unsigned major = 0, minor = 0;
	const char *missing = missing_call();
	struct utsname name;
	int version;

	(void)uname(&name); /* cannot fail */
	(void)sscanf(name.release, "%u.%u", &major, &minor);
	version = version_number(major, minor);
	if (version < version_number(5, 6)) {
		doctor_say(row, DOCTOR_MISSING, "Linux %s is older than 5.6 (openat2); 5.10 and newer are tested", name.release);
		doctor_consequence(row, "no sandbox can be made");
	} else if (missing) {
		doctor_say(row, DOCTOR_MISSING, "Linux %s, but the call %s is refused", name.release, missing);
		doctor_consequence(row, "a system call filter of what carrel runs in refuses it: no sandbox can be made");
		doctor_command(row, "start the outer container with  --security-opt seccomp=unconfined");
	} else if (version < version_number(5, 12)) {
		doctor_say(row, DOCTOR_DEGRADED, "Linux %s has no mount_setattr (5.12)", name.release);
		doctor_consequence(row, "mounts are made read-only one by one, which takes longer where there are many");
	} else {
		doctor_say(row, DOCTOR_WORKS, "Linux %s", name.release);
	}
}

/* --- namespaces, really made --- */

/* How far a trial came; the child tells it. */
struct trial_result {
	int errnum;
	char step[64];
};

static struct trial_result trial_failure(int result, const char *step)
{
	struct trial_result failure = {.errnum = -result};

	(void)snprintf(failure.step, sizeof(failure.step), "%s", step);
	return failure;
}

static int close_mount(int fd)
{
	int result = fd < 0 ? fd : 0;

	(void)fd_close(fd);
	return result;
}

static int try_network(void)
{
	struct net net;
	int result = net_begin(&net, NULL);

	return result < 0 ? result : net_join(&net, NULL);
}

static int try_isolate(void)
{
	return mount_isolate(MOUNT_NOSUID, NULL);
}

static int try_tmpfs(void)
{
	return close_mount(mount_new_tmpfs(1 << 20, 0700, MOUNT_NODEV | MOUNT_NOSUID));
}

static int try_proc(void)
{
	return close_mount(mount_new("proc", NULL, MOUNT_NODEV | MOUNT_NOSUID | MOUNT_NOEXEC, NULL));
}

struct trial_step {
	const char *name;
	int (*run)(void);
};

static const struct trial_step basic_steps[] = {
	{"the mounts of a mount namespace cannot be made its own", try_isolate},
	{"a tmpfs cannot be mounted", try_tmpfs},
	{"a fresh /proc cannot be mounted", try_proc},
	{NULL, NULL},
};
static const struct trial_step network_steps[] = {{"a network namespace cannot be made", try_network}, {NULL, NULL}};
static const struct trial_step no_steps[] = {{NULL, NULL}};

static _Noreturn void trial_child(int go, int answer, const struct trial_step *steps)
{
	struct trial_result result = {0};
	char byte;

	if (read(go, &byte, 1) != 1)
		_exit(1);
	for (; steps->name && !result.errnum; steps++) {
		int failure = steps->run();

		if (failure < 0)
			result = trial_failure(failure, steps->name);
	}
	_exit(fd_write_all(answer, &result, sizeof(result)) < 0);
}

/* Map the child and let it go on. */
static struct trial_result trial_parent(pid_t pid, int pidfd, int go, int answer, const struct idmap_plan *plan, struct error *err)
{
	struct trial_result result = {0};
	struct idmap_job job;
	int failure = idmap_begin(plan, pid, pidfd, &job, err);

	if (failure == 0)
		failure = idmap_finish(plan, &job, err);
	if (failure < 0)
		return trial_failure(failure, "its ids cannot be mapped");
	failure = fd_write_all(go, "x", 1);
	if (failure == 0)
		failure = fd_read_all(answer, &result, sizeof(result));
	return failure < 0 ? trial_failure(failure, "a process in it was ended") : result;
}

static struct trial_result try_namespaces(const struct idmap_plan *ids, const struct trial_step *steps, struct error *err)
{
	static const struct ns_plan plan = {.hostname = true};
	cleanup_close int pidfd = -1, go_out = -1, go_in = -1, answer_out = -1, answer_in = -1;
	struct trial_result result;
	int go[2], answer[2];
	pid_t pid;

	(void)signal(SIGPIPE, SIG_IGN); /* this process is the check's own */
	if (pipe2(go, O_CLOEXEC) < 0)
		return trial_failure(-errno, "no pipe");
	go_out = go[0];
	go_in = go[1];
	if (pipe2(answer, O_CLOEXEC) < 0)
		return trial_failure(-errno, "no pipe");
	answer_out = answer[0];
	answer_in = answer[1];
	pid = ns_clone(&plan, -1, &pidfd, err);
	if (pid < 0)
		return trial_failure(pid, "none can be made");
	if (pid == 0) {
		go_in = fd_close(go_in);
		trial_child(go_out, answer_in, steps);
	}
	answer_in = fd_close(answer_in);
	result = trial_parent(pid, pidfd, go_in, answer_out, ids, err);
	(void)kill(pid, SIGKILL); /* unreaped */
	(void)waitpid(pid, NULL, 0);
	return result;
}

static struct trial_result try_single(const struct trial_step *steps)
{
	struct idmap_extent uid = {0, geteuid(), 1}, gid = {0, getegid(), 1};
	struct idmap_plan plan = {.rung = IDMAP_SINGLE, .uids = &uid, .uid_count = 1, .gids = &gid, .gid_count = 1};

	return try_namespaces(&plan, steps, NULL);
}

static void say_failure(struct doctor_row *row, enum doctor_state state, const struct trial_result *result)
{
	struct explanation found;

	if (explain_userns(result->errnum, &found)) {
		doctor_say(row, state, "%s: %s", result->step, found.cause);
		doctor_command(row, "%s", found.hint);
	} else {
		doctor_say(row, state, "%s: %s", result->step, strerror(result->errnum));
	}
}

/* The settings that decide, where this kernel has them. */
static void add_settings(struct doctor_row *row)
{
	static const char *const names[] = {"kernel/unprivileged_userns_clone", "user/max_user_namespaces", "kernel/apparmor_restrict_unprivileged_userns"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		long value = explain_sysctl(names[i]);
		size_t used = strlen(row->what), folder = strcspn(names[i], "/");

		if (value >= 0)
			(void)snprintf(row->what + used, sizeof(row->what) - used, "; %.*s.%s=%ld", (int)folder, names[i], names[i] + folder + 1, value);
	}
}

void doctor_userns(struct doctor_row *row)
{
	struct trial_result result = try_single(basic_steps);

	if (result.errnum) {
		say_failure(row, DOCTOR_MISSING, &result);
		doctor_consequence(row, "no sandbox can be made");
		if (!row->command[0] && result.errnum == EPERM && strstr(result.step, "/proc")) {
			/* The kernel lets a user namespace mount /proc only where nothing of the old one is covered (mount_namespaces(7)). */
			doctor_say(row, DOCTOR_MISSING, "%s: parts of /proc are covered, as in a container", result.step);
			doctor_command(row, "start the outer container with  --security-opt systempaths=unconfined  (podman: --security-opt unmask=ALL)");
		}
	} else {
		doctor_say(row, DOCTOR_WORKS, "one was made, mapped and mounted in");
	}
	add_settings(row);
}

void doctor_network_namespace(struct doctor_row *row)
{
	struct trial_result result = try_single(network_steps);

	if (result.errnum) {
		say_failure(row, DOCTOR_MISSING, &result);
		doctor_consequence(row, "--network none and nat do not work, only host");
	} else {
		doctor_say(row, DOCTOR_WORKS, "one was made, its loopback is up");
	}
}

void doctor_apparmor(struct doctor_row *row)
{
	cleanup_free char *label = NULL;

	if (fd_slurp_at(AT_FDCWD, "/proc/self/attr/apparmor/current", SMALL_FILE, &label, NULL) < 0) {
		doctor_say(row, DOCTOR_WORKS, "not in use");
		return;
	}
	label[strcspn(label, "\n")] = 0;
	doctor_say(row, DOCTOR_WORKS, "this process is %s", label);
	if (strstr(label, "(enforce)")) {
		row->state = DOCTOR_DEGRADED;
		doctor_consequence(row, "that profile may refuse mounts and namespaces");
	} else if (explain_apparmor_restricts() && !strcmp(label, "unconfined")) {
		char command[sizeof(row->command)];

		explain_apparmor_command(command, sizeof(command));
		doctor_say(row, DOCTOR_MISSING, "user namespaces are restricted to programs with a profile, and carrel has none");
		doctor_consequence(row, "no sandbox can be made");
		doctor_command(row, "%s", command);
	}
}

/* --- ids --- */

void doctor_account(struct doctor_row *row)
{
	struct arena arena = {0};
	struct idmap_facts facts;
	struct error err;

	if (idmap_facts_load(&arena, &facts, &err) < 0) {
		doctor_say(row, DOCTOR_DEGRADED, "%s: %s", err.what, err.cause);
	} else if (facts.uid == 0) {
		doctor_say(row, DOCTOR_DEGRADED, "root");
		doctor_consequence(row, "carrel works for root, but is meant for ordinary users: what breaks out of a sandbox of root's is root");
	} else if (!facts.user_name) {
		doctor_say(row, DOCTOR_DEGRADED, "the user %" PRIu32 " has no name: no /etc/passwd and no name service knows it", facts.uid);
		doctor_consequence(row, "newuidmap refuses users without a name, so there is no id range");
	} else {
		doctor_say(row, DOCTOR_WORKS, "%s (%" PRIu32 ":%" PRIu32 ")", facts.user_name, facts.uid, facts.gid);
	}
	arena_done(&arena);
}

static void say_mapped(struct doctor_row *row, const struct idmap_facts *facts, const struct idmap_plan *plan)
{
	uint64_t uids = 0, gids = 0;

	for (size_t i = 0; i < plan->uid_count; i++)
		uids += plan->uids[i].count;
	for (size_t i = 0; i < plan->gid_count; i++)
		gids += plan->gids[i].count;
	doctor_say(row, DOCTOR_WORKS, "%" PRIu64 " users and %" PRIu64 " groups were mapped, from %" PRIu32 " and %" PRIu32 " on%s%s", uids, gids,
	    facts->uid_ranges[0].start, facts->gid_ranges[0].start, plan->newuidmap ? ", by " : "", plan->newuidmap ? plan->newuidmap : "");
	if (uids >= SUBID_USUAL_SIZE && gids >= SUBID_USUAL_SIZE)
		return;
	row->state = DOCTOR_DEGRADED;
	doctor_consequence(row, "images have files of ids up to 65535, which this range does not reach");
}

/* The hint of a failed plan is written for `run`: here only the command is wanted. */
static void say_no_range(struct doctor_row *row, const struct error *err)
{
	static const char ask[] = "ask the administrator for  ";
	const char *command = strstr(err->hint, ask) == err->hint ? err->hint + strlen(ask) : err->hint;
	const char *rest = strstr(command, " ; or use --userns single");

	doctor_say(row, DOCTOR_DEGRADED, "%s", err->cause);
	doctor_consequence(row, "sandboxes have your own id only: images and a `user:` other than yourself want the range");
	doctor_command(row, "%.*s", (int)(rest ? (size_t)(rest - command) : strlen(command)), command);
}

static int try_range(struct doctor_row *row, struct arena *arena, struct error *err)
{
	struct idmap_spec spec = {.mode = IDMAP_SUBIDS};
	struct idmap_facts facts;
	struct idmap_plan plan;
	struct trial_result result;
	int failure = idmap_facts_load(arena, &facts, err);

	if (failure == 0)
		failure = idmap_plan(arena, &spec, &facts, &plan, err);
	if (failure < 0)
		return failure;
	*err = (struct error){0};
	result = try_namespaces(&plan, no_steps, err);
	if (result.errnum == 0)
		say_mapped(row, &facts, &plan);
	else if (!err->code)
		(void)error_set(err, result.errnum, "%s", result.step);
	return -result.errnum;
}

void doctor_ids(struct doctor_row *row)
{
	struct arena arena = {0};
	struct error err = {0};

	if (try_range(row, &arena, &err) < 0)
		say_no_range(row, &err);
	arena_done(&arena);
}

/* --- filters --- */

void doctor_landlock(struct doctor_row *row)
{
	int abi = sys_landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (abi < 0) {
		doctor_say(row, DOCTOR_DEGRADED, errno == EOPNOTSUPP ? "switched off when this kernel was booted" : "this kernel has none (5.13)");
		doctor_consequence(row, "the second wall is missing: mounts and namespaces alone hold the rules");
		if (errno == EOPNOTSUPP)
			doctor_command(row, "add landlock to the boot parameter lsm=, as in  lsm=landlock,lockdown,yama,integrity,apparmor,bpf");
	} else if (abi < 4) {
		doctor_say(row, DOCTOR_DEGRADED, "ABI %d: files, no TCP ports (4, Linux 6.7), no scopes of signals and abstract sockets (6, Linux 6.12)", abi);
		doctor_consequence(row, "the second wall repeats the file rules only");
	} else {
		doctor_say(row, DOCTOR_WORKS, "ABI %d: files and TCP ports%s", abi, abi >= 6 ? ", scopes of signals and abstract sockets" : "");
	}
}

void doctor_seccomp(struct doctor_row *row)
{
	cleanup_free char *actions = NULL;

	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0 && errno == EINVAL) {
		doctor_say(row, DOCTOR_MISSING, "this kernel has no system call filters (CONFIG_SECCOMP_FILTER)");
		doctor_consequence(row, "profiles with system call rules, as the shipped ones, cannot be enforced");
		return;
	}
	if (fd_slurp_at(AT_FDCWD, "/proc/sys/kernel/seccomp/actions_avail", SMALL_FILE, &actions, NULL) < 0) {
		doctor_say(row, DOCTOR_WORKS, "filters; the list of actions is not readable");
		return;
	}
	actions[strcspn(actions, "\n")] = 0;
	doctor_say(row, DOCTOR_WORKS, "actions: %s", actions);
	if (strstr(actions, "kill_process") && strstr(actions, "errno") && strstr(actions, "log"))
		return;
	row->state = DOCTOR_DEGRADED;
	doctor_consequence(row, "rules with an action that is missing are refused");
}
