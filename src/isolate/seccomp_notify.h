/* The verdict "kill" with a witness. SECCOMP_RET_KILL_PROCESS leaves no trace that an unprivileged launcher could read, so a filter that has it is
 * installed with SECCOMP_RET_USER_NOTIF in its place (Linux 5.0, seccomp_unotify(2)): the call waits, the launcher takes down who made which call,
 * and kills that process. The call gets no answer, no handler for SIGSYS sees it, and it is never executed.
 *
 * Two things are milder than with KILL_PROCESS, and both only refuse the call in another way: a filter of the payload's own may answer it with an errno
 * (it ranks above), and a signal may interrupt it (before it was taken down, or before Linux 5.19 at all). A filter without "kill" gets no listener,
 * since the kernel lets a process have one only.
 */
#ifndef CARREL_ISOLATE_SECCOMP_NOTIFY_H
#define CARREL_ISOLATE_SECCOMP_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "isolate/seccomp.h"
#include "isolate/seccomp_explain.h"

/* --- in the payload ---------------------------------------------------------------------------------------------------------------- */

/* Does the program answer anything with kill? */
bool seccomp_notify_wanted(const struct seccomp_program *program);

/* seccomp_apply with a listener where the program wants one, and without where none is to be had (an outer sandbox has one, or the kernel is too old).
 * The filter may forbid every call to who installs it, so `hand_over` is called with the listener by a process that shares the caller's memory and
 * descriptors and has no filter: a child of the caller's parent, gone at once. When this returns, it was called. The listener is close-on-exec. */
int seccomp_notify_apply(struct seccomp_program *program, int (*hand_over)(void *context, int listener), void *context, struct error *err) MUST_CHECK;

/* --- in the launcher --------------------------------------------------------------------------------------------------------------- */

enum { SECCOMP_COMM = 64 }; /* 15 bytes, escaped */

struct seccomp_victim {
	pid_t pid;    /* of the process, as we see it */
	pid_t inside; /* as the sandbox sees it; 0: /proc would not say */
	char comm[SECCOMP_COMM]; /* "" likewise */
	int number;
	uint32_t arch;
	uint64_t args[6];
	struct seccomp_reason reason; /* entry NULL and no line: the groups could not be read any more */
};

struct seccomp_notify {
	const struct seccomp_spec *spec;
	int fd;        /* for poll(2) with POLLIN; -1: none */
	pid_t payload; /* as the sandbox sees it */
	bool opened;   /* there was a listener */
	uint64_t count; /* processes that were killed */
	bool has_payload; /* the payload itself was, or it cannot be told which process was */
	struct seccomp_victim first, payload_victim;
};

void seccomp_notify_init(struct seccomp_notify *notify, const struct seccomp_spec *spec);

/* Take over the listener; `payload` is its pid in the sandbox's namespace, which is the one right below ours. */
void seccomp_notify_open(struct seccomp_notify *notify, int listener, pid_t payload);

/* With what poll(2) said of notify->fd; never blocks. Takes down one call and kills its process. -errno: it could not be killed, and waits forever
 * unless the caller ends the whole sandbox. */
int seccomp_notify_step(struct seccomp_notify *notify, short revents, struct error *err) MUST_CHECK;

void seccomp_notify_close(struct seccomp_notify *notify);

/* "'swapon' (web.yaml:12) by process prog", cut where it does not fit. */
void seccomp_victim_format(const struct seccomp_victim *victim, char *buffer, size_t size);

#endif
