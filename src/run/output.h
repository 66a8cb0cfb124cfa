/* resources.output: how much a payload may say. Its stdout and stderr are pipes then, which the launcher empties into its own, counting; where the
 * payload has a terminal, the relay counts (relay.h) and only a stderr that is none is a pipe.
 *
 * What the payload notices: it writes to a pipe, whatever stands behind. When the reader is gone, it gets SIGPIPE as ever; a target that takes no more for
 * another reason (a full disk) is, to it, a reader that is gone. The bytes that fit are written and no others.
 */
#ifndef CARREL_RUN_OUTPUT_H
#define CARREL_RUN_OUTPUT_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

/* Of all streams together. */
struct output_budget {
	bool is_limited, is_over; /* is_over: more was said than may be */
	uint64_t left;
};

/* How many of `size` bytes more may pass. NULL: all. */
size_t output_admit(struct output_budget *budget, size_t size) MUST_CHECK;

enum { OUTPUT_STREAMS = 2, OUTPUT_FDS = 2 * OUTPUT_STREAMS };

struct output_stream {
	int read_end, write_end; /* -1: closed, or not used */
	int target;              /* ours to write to */
	bool own_target;         /* a second description of it, non-blocking */
	bool is_socket;
	size_t most;             /* that one write takes without blocking, after poll(2) said that there is room */
	char *data;
	size_t start, size;
};

struct output {
	struct output_budget budget;
	struct output_stream streams[OUTPUT_STREAMS];
	bool err_is_out; /* stderr goes the way of stdout, in whose pipe their order is kept */
};

void output_init(struct output *output);

/* In the launcher, before the clone: at most `max` bytes to the descriptors `out` and `err_fd`, -1 for one that is not to be a pipe. Others may have them,
 * too: nothing about them is changed. */
int output_open(struct output *output, uint64_t max, int out, int err_fd, struct error *err) MUST_CHECK;

/* The same for the launcher's own stdout and stderr, where the plan limits them. A terminal's output comes through the relay. */
struct plan_process;
int output_begin(struct output *output, const struct plan_process *process, struct error *err) MUST_CHECK;

/* In the payload: the pipes become its stdout and stderr. 0 or -errno. */
int output_adopt(const struct output *output) MUST_CHECK;

/* In the launcher, as soon as the others have been cloned: only then do pipes come to their end. */
void output_close_write_ends(struct output *output);

/* In init, which has copies of all ends: with one that reads nobody would get SIGPIPE. */
void output_leave(struct output *output);

/* For poll(2), and after it. Nothing blocks. */
void output_prepare(const struct output *output, struct pollfd fds[OUTPUT_FDS]);
void output_step(struct output *output, const struct pollfd fds[OUTPUT_FDS]);

/* After the end of the last writer: pass on what is left. A slow reader is waited for, unless `stop_fd` (-1: none) becomes readable. */
void output_finish(struct output *output, int stop_fd);

/* May be called twice. */
void output_close(struct output *output);

#endif
