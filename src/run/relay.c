#include "run/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/mem.h"

/* Which place in the poll array is whose. */
enum { INPUT, MASTER, OUTPUT };

enum {
	FOREGROUND_LOOK_MS = 250, /* bash's fg sends no SIGCONT to a job that runs in the background: we have to look */
	IDLE_LOOK_MS = 100,       /* nobody has the pty open just now; a process without a terminal may open /dev/tty again */
	FINISH_SILENCE_MS = 100,
	FINISH_STALL_MS = 1000,
};

void relay_open(struct relay *relay, int master, int input, int output, struct output_budget *budget)
{
	*relay = (struct relay){.master = master, .input = input, .output = output, .budget = budget};
	if (master < 0)
		return;
	/* The file description was made for us and nobody else has it. */
	(void)fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK);
	relay->terminal = isatty(input);
	relay->input_open = relay->output_open = true;
	relay->last = '\n';
	int copy = tty_open_copy(input, O_RDONLY);
	if (copy >= 0) {
		relay->input = copy;
		relay->own_input = true;
	}
	copy = tty_open_copy(output, O_WRONLY);
	if (copy >= 0) {
		relay->output = copy;
		relay->own_output = true;
	}
	relay_attach(relay);
}

void relay_detach(struct relay *relay)
{
	tty_restore(&relay->mode);
}

void relay_attach(struct relay *relay)
{
	if (relay->master < 0)
		return;
	tty_copy_size(relay->terminal ? relay->input : relay->output, relay->master);
	relay->foreground = !relay->terminal || tty_is_foreground(relay->input);
	if (!relay->foreground)
		relay->mode.changed = false; /* the shell has set its own mode meanwhile */
	else if (relay->terminal && tty_make_raw(&relay->mode, relay->input) < 0)
		return; /* it closed just now, which poll(2) will say */
}

WHILE_IDLE int relay_prepare(struct relay *relay, uint64_t now_ms, struct pollfd fds[RELAY_FDS])
{
	bool room_in = relay->to_master.size < sizeof(relay->to_master.data);
	bool room_out = relay->to_output.size < sizeof(relay->to_output.data);

	for (int i = 0; i < RELAY_FDS; i++)
		fds[i] = (struct pollfd){.fd = -1};
	if (relay->master < 0)
		return -1;
	/* A terminal is always there, without events: its POLLHUP counts. A pipe's POLLHUP is permanent and only means "read to the end". */
	if (relay->input_open && (relay->terminal || room_in))
		fds[INPUT] = (struct pollfd){.fd = relay->input, .events = room_in && relay->foreground ? POLLIN : 0};
	if (!relay->master_idle && (room_out || relay->to_master.size))
		fds[MASTER] = (struct pollfd){.fd = relay->master,
		    .events = (short)((room_out ? POLLIN : 0) | (relay->to_master.size ? POLLOUT : 0))};
	if (relay->output_open && relay->to_output.size)
		fds[OUTPUT] = (struct pollfd){.fd = relay->output, .events = POLLOUT};

	if (!relay->look_at && (relay->master_idle || !relay->foreground))
		relay->look_at = now_ms + (relay->master_idle ? IDLE_LOOK_MS : FOREGROUND_LOOK_MS);
	if (!relay->look_at)
		return -1;
	return relay->look_at > now_ms ? (int)(relay->look_at - now_ms) : 0;
}

/* What ends a terminal's input is a key. In the middle of a line the first one only passes the line on (termios(3), VEOF). */
static void type_end_keys(struct relay *relay)
{
	struct tty_ring *ring = &relay->to_master;
	struct termios pty;
	char key = 4;

	/* On Linux the master answers with the slave's attributes. */
	if (tcgetattr(relay->master, &pty) == 0 && pty.c_cc[VEOF])
		key = (char)pty.c_cc[VEOF];
	while (relay->end_keys && ring->size < sizeof(ring->data)) {
		ring->data[(ring->start + ring->size) % sizeof(ring->data)] = key;
		ring->size++;
		relay->end_keys--;
	}
}

/* -EPIPE: the terminal is gone. */
static int step_input(struct relay *relay, short revents)
{
	struct tty_ring *ring = &relay->to_master;

	if (relay->terminal && revents & (POLLHUP | POLLERR | POLLNVAL)) {
		relay->input_open = false;
		return -EPIPE;
	}
	if (relay->terminal && revents) {
		/* Reading from the background would stop us (SIGTTIN): the shell may have taken the terminal back. */
		relay->foreground = tty_is_foreground(relay->input);
		if (!relay->foreground) {
			relay->mode.changed = false;
			return 0;
		}
	}
	if (revents) {
		int r = tty_ring_fill(ring, relay->input);

		if (r > 0)
			relay->last = ring->data[(ring->start + ring->size - 1) % sizeof(ring->data)];
		else if (r != -EAGAIN) {
			relay->input_open = false;
			if (relay->terminal)
				return -EPIPE;
			relay->end_keys = relay->last == '\n' ? 1 : 2;
		}
	}
	if (relay->end_keys)
		type_end_keys(relay);
	return 0;
}

/* As tty_ring_fill, of which only what fits the budget stays. */
static int fill_output(struct relay *relay)
{
	struct tty_ring *ring = &relay->to_output;
	unsigned before = ring->size;
	int r = tty_ring_fill(ring, relay->master);

	if (ring->size > before)
		ring->size = before + (unsigned)output_admit(relay->budget, ring->size - before);
	return r;
}

static void step_master(struct relay *relay, short revents)
{
	if (revents & POLLIN && fill_output(relay) == 0)
		relay->master_idle = true;
	else if (revents & (POLLHUP | POLLERR) && !(revents & POLLIN))
		relay->master_idle = true;
	if (relay->to_master.size && !relay->master_idle)
		(void)tty_ring_drain(&relay->to_master, relay->master); /* poll says when there is room again */
}

static int step_output(struct relay *relay)
{
	int r;

	if (!relay->output_open) {
		relay->to_output.size = 0;
		return 0;
	}
	r = tty_ring_drain(&relay->to_output, relay->output);
	if (r == 0 || r == -EAGAIN)
		return 0;
	relay->output_open = false;
	relay->to_output.size = 0;
	return -EPIPE;
}

int relay_step(struct relay *relay, uint64_t now_ms, const struct pollfd fds[RELAY_FDS])
{
	int gone = 0;

	if (relay->master < 0)
		return 0;
	if (relay->look_at && now_ms >= relay->look_at) {
		relay->look_at = 0;
		relay->master_idle = false;
		if (!relay->foreground)
			relay_attach(relay);
	}
	if (relay->input_open || relay->end_keys)
		gone = step_input(relay, fds[INPUT].revents);
	step_master(relay, fds[MASTER].revents);
	/* A blocking output may be written to only when poll(2) said so, a copy of our own at once. */
	if (relay->to_output.size && (relay->own_output || fds[OUTPUT].revents || !relay->output_open))
		gone = step_output(relay) < 0 ? -EPIPE : gone;
	return gone;
}

void relay_finish(struct relay *relay, int stop_fd)
{
	struct tty_ring *ring = &relay->to_output;
	bool open = relay->master >= 0;

	while (open || ring->size) {
		struct pollfd fds[] = {
		    {.fd = open && ring->size < sizeof(ring->data) ? relay->master : -1, .events = POLLIN},
		    {.fd = ring->size ? relay->output : -1, .events = POLLOUT},
		    {.fd = stop_fd, .events = POLLIN},
		};
		int n;

		if (!relay->output_open)
			return;
		n = poll(fds, 3, ring->size ? FINISH_STALL_MS : FINISH_SILENCE_MS);
		if (n == 0 && ring->size) {
			/* The reader stands still, and in raw mode ^C would be a byte that nobody reads: make it a signal again. */
			tty_restore(&relay->mode);
			continue;
		}
		if (n == 0 || (n > 0 && fds[2].revents))
			return;
		if (n < 0)
			continue;
		if (fds[0].revents && fill_output(relay) <= 0)
			open = false;
		if (fds[1].revents)
			(void)step_output(relay);
	}
}

void relay_hang_up(struct relay *relay)
{
	tty_restore(&relay->mode);
	relay->master = fd_close(relay->master);
}

void relay_close(struct relay *relay)
{
	relay_hang_up(relay);
	if (relay->own_input)
		relay->input = fd_close(relay->input);
	if (relay->own_output)
		relay->output = fd_close(relay->output);
	relay->own_input = relay->own_output = false;
}
