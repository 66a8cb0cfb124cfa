/* Placeholders: what stands for a while on the host where a path is protected, or a mount point is wanted, that does not exist in a
 * writable directory of the host.
 *
 * The kernel cannot mount on a name that is not there, and a name that can be made from inside cannot be trusted afterwards
 * (CVE-2026-25725). So carrel makes the name itself, for the time of the run: an empty file (mode 01400) or directory (01500),
 * a mode that nobody else gives, and mounts on it. A guard, a small process outside the sandbox that outlives the launcher by a
 * moment, removes it after the last process of the sandbox is gone, also when the launcher was killed with SIGKILL. It removes only what
 * still is an empty placeholder. Two sandboxes may share one: each holds a shared lock (flock(2)), and only the guard that
 * gets the exclusive lock removes. What a power cut leaves is taken over, and then removed, by the next sandbox there.
 */
#ifndef CARREL_ISOLATE_PLACEHOLDER_H
#define CARREL_ISOLATE_PLACEHOLDER_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "util/error.h"

/* In the launcher, before the clone: start the guard. *ret_socket is our end, close-on-exec; the sandbox's PID 1 inherits it. */
int placeholder_start_guard(int *ret_socket, pid_t *ret_pid, struct error *err) MUST_CHECK;
/* Tell the guard whose end to wait for. */
int placeholder_watch(int socket, int pidfd) MUST_CHECK;

/* Is this (stat(2)) a placeholder of the caller's, of whichever sandbox? Then it counts as not there. */
bool placeholder_is_lent(const struct stat *st);

/* In PID 1: make or join the placeholder `name` in the directory `dir_fd` of the host. *ret_fd holds the shared lock and must stay
 * open until PID 1 ends; the umask must be 0. -EEXIST: something else stands there by now. */
int placeholder_lend(int socket, int dir_fd, const char *name, bool directory, int *ret_fd) MUST_CHECK;

#endif
