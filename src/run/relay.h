/* The relay between the user's terminal and the pty of the payload: raw mode, window size, bytes in both directions.
 *
 * Nothing here blocks for long. The pty's master is ours alone and non-blocking. The user's descriptors share their file description with
 * the shell, so O_NONBLOCK must not be set on them: terminals and pipes are opened a second time through /proc/self/fd, which
 * makes a file description of our own; where that is not allowed (a terminal of another user, after su), poll(2) is
 * asked first and writes are kept short (tty_ring_drain).
 */
#ifndef CARREL_RUN_RELAY_H
#define CARREL_RUN_RELAY_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "isolate/tty.h"
#include "run/output.h"
#include "util/error.h"

enum { RELAY_FDS = 3 };

struct relay {
	int master;        /* -1: no pty, and every function does nothing */
	int input, output; /* the user's, or our own copies of them */
	bool own_input, own_output;
	bool terminal;   /* the input is a terminal */
	bool foreground; /* we may read and change it */
	bool input_open, output_open;
	unsigned end_keys; /* ^D still to be typed for an input that ended */
	char last;         /* byte that went in */
	uint64_t look_at;  /* ms: when to look again for the foreground, or for a pty that nobody had open; 0: not */
	bool master_idle;
	struct tty_mode mode;
	struct tty_ring to_master, to_output;
	struct output_budget *budget; /* NULL: no limit on what is said */
};

/* Takes over `master`. Sets raw mode and the window size when we are in the foreground. At most what `budget` (NULL: everything) admits is passed on. */
void relay_open(struct relay *relay, int master, int input, int output, struct output_budget *budget);

/* Around being stopped: give the terminal back, take it again (also: the window has changed). */
void relay_detach(struct relay *relay);
void relay_attach(struct relay *relay);

/* Fill in what to poll for; the result is the time limit for poll(2), -1 for none. */
int relay_prepare(struct relay *relay, uint64_t now_ms, struct pollfd fds[RELAY_FDS]);

/* Move bytes. 0, or -EPIPE when the user's side is gone (closed terminal, broken pipe). */
int relay_step(struct relay *relay, uint64_t now_ms, const struct pollfd fds[RELAY_FDS]) MUST_CHECK;

/* After the payload's end: pass on what the pty still holds, until its end or 100 ms of silence; a slow reader is waited
 * for, unless `stop_fd` (-1: none) becomes readable. */
void relay_finish(struct relay *relay, int stop_fd);

/* The user's side is gone: hang up the pty, which sends SIGHUP to its foreground group. */
void relay_hang_up(struct relay *relay);

/* Restores the terminal and closes what is ours. May be called twice. */
void relay_close(struct relay *relay);

#endif
