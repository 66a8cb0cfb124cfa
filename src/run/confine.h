/* A process that is about to read bytes of strangers gives up what it does not need (DESIGN.md, invariant 6): Landlock, a filter of system calls that
 * knows no execve, ptrace, mount, namespaces or signals to others, no new privileges, not dumpable.
 *
 * For ever, and for the whole process: to be called before threads are made, after everything else is open.
 */
#ifndef CARREL_RUN_CONFINE_H
#define CARREL_RUN_CONFINE_H

#include "run/host.h"
#include "util/error.h"

enum confine_role {
	CONFINE_READ,   /* reads the store; no network */
	CONFINE_STORE,  /* writes in the store; no network */
	CONFINE_FETCH,  /* writes in the store; the network, and what name resolution and TLS read below /etc, /usr and /run (resolv.conf's target) */
	CONFINE_UNPACK, /* writes in the one folder; no network, no new descriptors but files beneath it; gives up the capabilities that unpacking does not need */
	CONFINE_PIPE,   /* no files at all */
};

/* `folder`: the store, or for UNPACK the target; NULL for PIPE. Where the kernel lacks Landlock (before 5.19) the filter stands alone. */
int confine_self(const struct host *host, const char *data_dir, enum confine_role role, const char *folder, struct error *err) MUST_CHECK;

#endif
