/* A FUSE server of a sandbox: a child of the launcher, outside the sandbox's pid namespace and inside its user namespace. */
#ifndef CARREL_RUN_SERVER_H
#define CARREL_RUN_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "isolate/fuse.h"
#include "util/error.h"

struct server {
	enum fuse_server kind;
	pid_t pid; /* 0: none was started */
	int log;   /* what it printed, a memfd; -1 */
};

struct server_plan {
	enum fuse_server kind;
	int user_fd; /* the user namespace to join */
	const int *fds; /* as overlay_fuse_exec and squash_exec take them */
	size_t count;
	bool single_id;
	const char *cache_dir; /* of its filter, as in seccomp_spec */
};

/* Start one, under a filter of system calls (CONFINE_SQUASH, CONFINE_OVERLAY). It dies with the launcher (PR_SET_PDEATHSIG). */
int server_start(struct server *server, const struct server_plan *plan, struct error *err) MUST_CHECK;

/* When the sandbox failed while it had a server: what the server said of it becomes the cause. */
void server_explain(const struct server *server, struct error *err);

/* The sandbox does not end: a process of it waits for an answer, which not even SIGKILL interrupts once the server has the question. Without the
 * server the kernel answers with an error. */
void server_kill(const struct server *server);

/* The sandbox is gone: the kernel has ended the server's connection. Wait for it; two seconds later, kill it. */
void server_end(struct server *server);

#endif
