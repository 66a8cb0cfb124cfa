/* Why this host refuses what a sandbox needs, found out after the fact: `run` says it when something failed, `doctor` says it beforehand, in the
 * same words.
 *
 * The kernel's answers are poor: EPERM from clone(2), from an id map or from the first mount can each have five reasons (user_namespaces(7),
 * "ERRORS"). So the facts are read again: sysctls, AppArmor's restriction, a chroot, limits, the seccomp filter of an outer container.
 */
#ifndef CARREL_ISOLATE_EXPLAIN_H
#define CARREL_ISOLATE_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

struct explanation {
	char cause[sizeof(((struct error *)0)->cause)];
	char hint[sizeof(((struct error *)0)->hint)];
};

/* A user namespace could not be made or used: `errnum` came from clone, from writing an id map or from the first mount in it. False: no reason was
 * found (*ret is untouched). */
bool explain_userns(int errnum, struct explanation *ret);

/* The same for an error that error_set() has begun: puts cause and hint, or leaves it as it is. Returns -err->code. */
int explain_userns_failure(int errnum, struct error *err);

/* For ENOSPC inside the new user namespace, where the setting outside cannot be read any more: names the one of `kind`, "net". Returns -err->code. */
int explain_namespace_limit(const char *kind, struct error *err);

/* Why the setuid helper at `path` (newuidmap, newgidmap, fusermount3) cannot raise its privileges here: no_new_privs, nosuid, neither setuid nor file
 * capabilities, not root's. False: nothing stands against it. */
bool explain_helper(const char *path, struct explanation *ret);

/* AppArmor's profile for the program that is running, "profile carrel /usr/local/bin/carrel flags=(unconfined) { userns, }"; the command that puts it
 * in place and loads it. The buffers are cut at `size`. */
void explain_apparmor_profile(char *buffer, size_t size);
void explain_apparmor_command(char *buffer, size_t size);
/* Does AppArmor restrict user namespaces on this host (Ubuntu 23.10 and newer)? */
bool explain_apparmor_restricts(void);

/* A kernel setting as a number, -1 where there is no such file: "kernel/unprivileged_userns_clone". */
long explain_sysctl(const char *name);

#endif
