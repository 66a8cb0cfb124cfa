/* Theory of operation, payload's side.
 *
 *   payload                              helper (same memory, same descriptors, no filter)
 *   clones the helper ─────────────────▶ looks for the listener's number
 *   seccomp(NEW_LISTENER)                .
 *   stores the number ─────────────────▶ sends the listener to the launcher
 *   waits ◀───────────────────────────── says so, and ends
 *   execve: the kernel closes the payload's copy
 *
 * From its seccomp(2) on the payload makes no call that its filter may answer with kill: it would wait for the launcher, which does not listen yet. So they
 * wake each other with futex(2) where the filter allows that, as most do; else the one looks again and again, and the other goes round without a call.
 */
#include "isolate/seccomp_notify.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "isolate/seccomp_tree.h"
#include "util/fd.h"
#include "util/sys.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5) /* 5.19 */
#endif

enum {
	STACK_SIZE = 32768, /* fd_send has room for descriptors on its own */
	LOOK_AGAIN_NS = 20000,
	WAKE_LATEST_NS = 200000000,
	WAITS = 50, /* of these: ten seconds */
	NO_LISTENER_YET = -2,
	NO_LISTENER = -1,
};

/* Seconds, on any processor. Reached only when somebody outside killed the helper. */
#define PATIENCE (UINT64_C(1) << 29)

bool seccomp_notify_wanted(const struct seccomp_program *program)
{
	for (size_t i = 0; i < program->length; i++) {
		if (program->code[i].code == (BPF_RET | BPF_K) && program->code[i].k == SECCOMP_RET_KILL_PROCESS)
			return true;
	}
	return false;
}

/* Does the program allow this call of ours by its number alone? It is made of the instructions of seccomp_tree.h; those of seccomp_args.h look at arguments. */
static bool allows(const struct seccomp_program *program, uint32_t number)
{
	const struct seccomp_data data = {.nr = (int)number, .arch = SECCOMP_TREE_ARCH};
	uint32_t a = 0;

	for (size_t pc = 0; pc < program->length; pc++) {
		const struct sock_filter *at = &program->code[pc];
		bool is_true = BPF_OP(at->code) == BPF_JGE ? a >= at->k : a == at->k;

		if (at->code == (BPF_RET | BPF_K))
			return at->k == SECCOMP_RET_ALLOW;
		if (at->code == (BPF_LD | BPF_W | BPF_ABS) && at->k < offsetof(struct seccomp_data, args))
			memcpy(&a, (const char *)&data + at->k, sizeof(a));
		else if (at->code == (BPF_JMP | BPF_JA))
			pc += at->k;
		else if (at->code == (BPF_JMP | BPF_JEQ | BPF_K) || at->code == (BPF_JMP | BPF_JGE | BPF_K))
			pc += is_true ? at->jt : at->jf;
		else
			break;
	}
	return false;
}

static void replace_result(struct seccomp_program *program, uint32_t from, uint32_t to)
{
	for (size_t i = 0; i < program->length; i++) {
		if (program->code[i].code == (BPF_RET | BPF_K) && program->code[i].k == from)
			program->code[i].k = to;
	}
}

/* --- the helper -------------------------------------------------------------------------------------------------------------------- */

struct helper {
	bool can_wake; /* the payload may call futex(2) */
	int (*hand_over)(void *context, int listener);
	void *context;
	int listener; /* written by the payload */
	int result;   /* written by the helper: 1: not yet, 0 or -errno */
};

static void futex_wait(const int *word, int value, long ns)
{
	const struct timespec limit = {.tv_nsec = ns};

	(void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, &limit, NULL, 0); /* who called looks again, whatever it says */
}

static void futex_wake(const int *word)
{
	(void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static int run_helper(void *argument)
{
	struct helper *helper = argument;
	sigset_t all;
	int listener;

	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	while ((listener = __atomic_load_n(&helper->listener, __ATOMIC_ACQUIRE)) == NO_LISTENER_YET)
		futex_wait(&helper->listener, NO_LISTENER_YET, helper->can_wake ? WAKE_LATEST_NS : LOOK_AGAIN_NS);
	/* The last word: the payload goes on at once, with the same errno and the same memory. */
	__atomic_store_n(&helper->result, listener < 0 ? 0 : helper->hand_over(helper->context, listener), __ATOMIC_RELEASE);
	if (helper->can_wake)
		futex_wake(&helper->result); /* nobody waits: no error */
	return 0;
}

static int start_helper(struct helper *helper)
{
	/* Not in the caller's frame, which may be gone when the helper returns through its own. Untouched, and no memory, without "kill". */
	static _Alignas(16) char stack[STACK_SIZE];

	/* The helper has the payload's ids, and for a moment runs beside it: nobody may look at it, whatever fs.suid_dumpable made of our memory (proc(5)). */
	(void)prctl(PR_SET_DUMPABLE, 0);
	return clone(run_helper, stack + STACK_SIZE, CLONE_VM | CLONE_FILES | CLONE_PARENT | SIGCHLD, helper) < 0 ? -errno : 0;
}

static int wait_for_helper(struct helper *helper, int listener)
{
	int result = 1;

	__atomic_store_n(&helper->listener, listener, __ATOMIC_RELEASE);
	if (helper->can_wake)
		futex_wake(&helper->listener);
	for (int i = 0; helper->can_wake && i < WAITS && __atomic_load_n(&helper->result, __ATOMIC_ACQUIRE) > 0; i++)
		futex_wait(&helper->result, 1, WAKE_LATEST_NS);
	for (uint64_t i = 0; i < PATIENCE && (result = __atomic_load_n(&helper->result, __ATOMIC_ACQUIRE)) > 0; i++) {
#if defined(__x86_64__)
		__builtin_ia32_pause();
#endif
	}
	return result > 0 ? -ETIMEDOUT : result;
}

/* --- the payload ------------------------------------------------------------------------------------------------------------------- */

static int install_with_listener(const struct seccomp_program *program)
{
	struct sock_fprog filter = {.len = program->length, .filter = program->code};
	/* Once taken down, only a deadly signal ends the wait. */
	long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &filter);

	if (fd < 0 && errno == EINVAL)
		fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter); /* 5.0 */
	return (int)fd;
}

int seccomp_notify_apply(struct seccomp_program *program, int (*hand_over)(void *context, int listener), void *context, struct error *err)
{
	/* In memory that outlives this frame, as the stack. */
	static struct helper helper;
	int listener, r;

	if (!seccomp_notify_wanted(program))
		return seccomp_apply(program, err);
	helper = (struct helper){.hand_over = hand_over, .context = context, .listener = NO_LISTENER_YET, .result = 1, .can_wake = allows(program, SYS_futex)};
	if (start_helper(&helper) < 0)
		return seccomp_apply(program, err); /* no process to be had under the limits: kill without a witness */
	replace_result(program, SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_USER_NOTIF);
	listener = install_with_listener(program);
	if (listener < 0)
		replace_result(program, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_KILL_PROCESS);
	r = wait_for_helper(&helper, listener < 0 ? NO_LISTENER : listener);
	if (listener < 0)
		return seccomp_apply(program, err);
	return r < 0 ? error_set(err, -r, "cannot hand the filter's listener to the launcher") : 0;
}

/* --- the launcher ------------------------------------------------------------------------------------------------------------------ */

void seccomp_notify_init(struct seccomp_notify *notify, const struct seccomp_spec *spec)
{
	*notify = (struct seccomp_notify){.spec = spec, .fd = -1};
}

void seccomp_notify_open(struct seccomp_notify *notify, int listener, pid_t payload)
{
	(void)fd_close(notify->fd);
	notify->fd = listener;
	notify->payload = payload;
	notify->opened = true;
}

void seccomp_notify_close(struct seccomp_notify *notify)
{
	notify->fd = fd_close(notify->fd);
}

/* The kernel may know longer records than we, and wants room for its own (SECCOMP_GET_NOTIF_SIZES). */
union notification {
	struct seccomp_notif notif;
	char room[1024];
};

/* The process of a thread, by the names that /proc has for it: "Name:", and "NStgid:", in each namespace from /proc's own inwards (4.1). */
static void read_status(pid_t thread, struct seccomp_victim *victim)
{
	char path[64];
	cleanup_free char *text = NULL;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)thread);
	victim->pid = thread;
	if (fd_slurp_at(AT_FDCWD, path, 1 << 16, &text, NULL) < 0)
		return;
	(void)sscanf(text, "Name: %63[^\n]", victim->comm);
	const char *ids = strstr(text, "\nNStgid:");
	int outside, inside;

	if (ids && sscanf(ids, " NStgid: %d %d", &outside, &inside) == 2) {
		victim->pid = outside;
		victim->inside = inside;
	}
}

/* Who waits under `id` cannot have ended when the id is still valid, and its pid belongs to nobody else: so that is asked when the pidfd is open. */
static int kill_victim(const struct seccomp_notify *notify, uint64_t id, const struct seccomp_victim *victim)
{
	cleanup_close int pidfd = sys_pidfd_open(victim->pid, 0);

	if (ioctl(notify->fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	/* Without a pidfd: /proc hides the process, and the pid may be a thread's. kill(2) takes that. */
	if ((pidfd >= 0 ? sys_pidfd_send_signal(pidfd, SIGKILL) : kill(victim->pid, SIGKILL)) < 0)
		return -errno;
	return 0;
}

static void take_down(struct seccomp_notify *notify, struct seccomp_victim *victim)
{
	bool is_payload = !victim->inside || victim->inside == notify->payload;

	if (notify->count++ && (!is_payload || notify->has_payload))
		return;
	if (seccomp_explain(notify->spec, victim->number, victim->args, &victim->reason) < 0)
		victim->reason.entry = NULL; /* the call has its name all the same */
	if (notify->count == 1)
		notify->first = *victim;
	if (is_payload && !notify->has_payload)
		notify->payload_victim = *victim;
	notify->has_payload |= is_payload;
}

int seccomp_notify_step(struct seccomp_notify *notify, short revents, struct error *err)
{
	union notification all;
	struct seccomp_victim victim = {0};
	int r;

	if (!(revents & POLLIN)) {
		if (revents) /* POLLHUP: nobody is left under the filter (5.9) */
			seccomp_notify_close(notify);
		return 0;
	}
	memset(&all, 0, sizeof(all)); /* the kernel refuses another */
	if (ioctl(notify->fd, SECCOMP_IOCTL_NOTIF_RECV, &all.notif) < 0) /* ENOENT: it ended meanwhile */
		return errno == ENOENT || errno == EINTR ? 0 : error_set(err, errno, "cannot read what the system call filter found");
	victim.number = all.notif.data.nr;
	victim.arch = all.notif.data.arch;
	for (size_t i = 0; i < ARRAY_SIZE(victim.args); i++)
		victim.args[i] = all.notif.data.args[i];
	read_status((pid_t)all.notif.pid, &victim);
	r = kill_victim(notify, all.notif.id, &victim);
	if (r == 0)
		take_down(notify, &victim);
	return r == 0 || r == -ESRCH ? 0 : error_set(err, -r, "cannot kill the process that made the system call %d", victim.number);
}

void seccomp_victim_format(const struct seccomp_victim *victim, char *buffer, size_t size)
{
	const struct seccomp_reason *reason = &victim->reason;
	char where[256] = "";

	if (reason->at.file)
		(void)snprintf(where, sizeof(where), reason->at.line ? " (%s:%u)" : " (%s)", reason->at.file, reason->at.line);
	(void)snprintf(buffer, size, "'%s'%s%s%s", reason->call, where, victim->comm[0] ? " by process " : "", victim->comm);
}
