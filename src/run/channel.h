/* The channel between the launcher (host side) and init (PID 1 of the sandbox): a SOCK_SEQPACKET socketpair, one message
 * a packet. Only set-up code and init hold its ends, both close-on-exec: the payload never sees it.
 *
 *   launcher → init   GO (ids are mapped, the cgroup is entered), FUSE (the server is up), SIGNAL, SUSPEND, RESUME
 *   init → launcher   ERROR, FUSE (with the /dev/fuse descriptor), PTY (with the master), WATCH, LISTENER, STARTED, EXIT
 */
#ifndef CARREL_RUN_CHANNEL_H
#define CARREL_RUN_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>

#include "util/error.h"
#include "util/fd.h"

enum channel_type {
	CHANNEL_GO = 1,  /* .no_scope: the limits have fallen back */
	CHANNEL_ERROR,   /* .error; nothing follows */
	CHANNEL_FUSE,    /* .server (FUSE_…) */
	CHANNEL_PTY,
	CHANNEL_WATCH,   /* .watch, with the descriptors that it counts */
	CHANNEL_LISTENER, /* .payload, with the descriptor that tells of its filter's kills */
	CHANNEL_STARTED, /* the payload's execve succeeded */
	CHANNEL_SIGNAL,  /* .signal, for the payload */
	CHANNEL_SUSPEND, /* stop every process of the sandbox but init */
	CHANNEL_RESUME,
	CHANNEL_EXIT,    /* .exit; nothing follows */
	CHANNEL_TYPE_MAX,
};

/* What the launcher looks at while it runs (isolate/watch.h), in this order: procfs, then those that are there, then tmpfs mounts. */
struct channel_watch {
	bool has_sysvipc, has_scratch, scratch_on_disk;
};

/* How the payload ended, and what its whole tree used. */
struct channel_exit {
	int wait_status;
	struct rusage usage;
};

struct channel_message {
	enum channel_type type;
	union {
		bool no_scope;
		int signal;
		int server;
		pid_t payload; /* as the sandbox sees it */
		struct channel_watch watch;
		struct channel_exit exit;
		struct error error;
	};
};

/* Send one message, only as many bytes of the union as its type has, with `n` descriptors (at most FD_PASS_MAX).
 * 0 or -errno; -EPIPE when the other side is gone (no SIGPIPE). */
int channel_send(int socket, const struct channel_message *message, const int *fds, size_t n) MUST_CHECK;

/* Receive one message; blocks when there is none. fds[] gets what came with it, -1 for the rest; the caller owns them.
 * 0; -EPIPE at the end of file; -EBADMSG for something that is no message (its descriptors are closed); -errno. */
int channel_receive(int socket, struct channel_message *ret, int fds[FD_PASS_MAX]) MUST_CHECK;

#endif
