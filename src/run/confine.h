/* A process that is about to read bytes of strangers gives up what it does not need (DESIGN.md, invariant 6): Landlock, an allow-list of system calls
 * with no execve, ptrace, mount, namespaces or signals to others, all capabilities, the right to new ones, and being dumpable.
 *
 * For ever, and for the whole process: to be called before threads are made, after everything else is open. What stays: memory, threads (not in UNPACK and PIPE),
 * descriptors that are open already, and what the role says. By path nothing can change a file's mode, owner, times or attributes but in UNPACK: Landlock
 * does not look at those. Only FETCH has sockets, and no Unix ones by which it would reach the user's services; so names are resolved by /etc/hosts and
 * DNS and not by nscd or resolved's own socket, which the C library takes as "not running".
 */
#ifndef CARREL_RUN_CONFINE_H
#define CARREL_RUN_CONFINE_H

#include "isolate/seccomp.h"
#include "run/host.h"
#include "util/error.h"

enum confine_role {
	CONFINE_READ,   /* reads the store; no network */
	CONFINE_MERGE,  /* the same, in a user namespace: files of all its ids */
	CONFINE_STORE,  /* writes in the store; no network */
	CONFINE_FETCH,  /* writes in the store; the network, and what name resolution and TLS read below /etc, /usr and /run (resolv.conf's target) */
	CONFINE_UNPACK, /* writes in the one folder; no network, no new descriptors but files beneath it; gives up the capabilities that unpacking does not need */
	CONFINE_PIPE,   /* no files at all */
	CONFINE_HASH,   /* the same, but it may duplicate what is in a pipe, and wait for its children */
	CONFINE_ROLE_MAX,
	/* Programs of others that serve a filesystem (server.h), for confine_filter only: they may be executed, and the dynamic linker may do its work. */
	CONFINE_SQUASH = CONFINE_ROLE_MAX,
	CONFINE_OVERLAY,
	CONFINE_FILTER_MAX,
};

/* `folder`: the store, or for UNPACK the target; NULL for PIPE and HASH. Where the kernel lacks Landlock (before 5.19) the filter stands alone. */
int confine_self(const struct host *host, enum confine_role role, const char *folder, struct error *err) MUST_CHECK;

/* The same in two steps, for who confines itself where the cache cannot be read any more, or gives the filter to another program: the role's filter
 * (`cache_dir` as in seccomp_spec), and all the rest with it. `extra`: further files and folders to read, NULL-terminated; may be NULL. */
int confine_filter(const char *cache_dir, enum confine_role role, struct seccomp_program *ret, struct error *err) MUST_CHECK;
int confine_apply(enum confine_role role, const char *folder, const char *const *extra, const struct seccomp_program *filter, struct error *err) MUST_CHECK;

/* Within confine.c: the lists of a role (confine_calls.c). The arrays in `ret` are the arena's. */
void confine_calls(struct arena *arena, enum confine_role role, struct seccomp_spec *ret);

#endif
