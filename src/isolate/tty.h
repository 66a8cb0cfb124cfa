/* Terminals: the pty that a payload gets in place of the user's own (pty(7), TIOCSTI: CVE-2017-5226). */
#ifndef CARREL_ISOLATE_TTY_H
#define CARREL_ISOLATE_TTY_H

#include <stdbool.h>
#include <termios.h>

#include "util/error.h"

/* In the sandbox, after its devpts is mounted: open a new pty through `ptmx_path`. *ret_slave is opened with TIOCGPTPEER (4.13), so no path is
 * trusted. O_CLOEXEC both. */
int tty_open_pty(const char *ptmx_path, int *ret_master, int *ret_slave, struct error *err) MUST_CHECK;

/* In the payload: new session (unless it leads one already), the slave its controlling terminal and its 0, 1 and, where that is a terminal, 2:
 * `2>FILE` stays a file. Closes `slave` when it is none of the three. */
int tty_adopt(int slave, struct error *err) MUST_CHECK;

/* In the launcher: copy the window size of `from` to `to`; without one (not a terminal) nothing happens. */
void tty_copy_size(int from, int to);

/* May we read and change this terminal? True as well for one that is not our controlling terminal: there is no job control then. */
bool tty_is_foreground(int fd);

/* A second file description, non-blocking, of a terminal or FIFO that others share: O_NONBLOCK on `fd` itself would break the shell that it came from.
 * `access` is O_RDONLY or O_WRONLY. O_CLOEXEC. A descriptor, or -errno for other kinds of files and for what may not be opened again. */
int tty_open_copy(int fd, int access) MUST_CHECK;

/* Raw mode with the way back, both at once (TCSANOW: waiting for output could block for ever). tty_restore may be called twice and does nothing for
 * a terminal never changed; neither is stopped by SIGTTOU. */
struct tty_mode {
	int fd;
	bool changed;
	struct termios saved;
};
int tty_make_raw(struct tty_mode *mode, int fd) MUST_CHECK;
void tty_restore(struct tty_mode *mode);

/* One step of the relay between the user's terminal and the pty's master, both non-blocking or polled before: two small rings, nothing lost when
 * the other side is slow. */
struct tty_ring {
	char data[4096];
	unsigned start, size;
};
/* Read into the ring from `fd` as much as fits. 1: something; 0: end of file (EIO of a hung-up master counts); -EAGAIN; -errno. */
int tty_ring_fill(struct tty_ring *ring, int fd);
/* Write from the ring to `fd` what it takes; to a blocking one, polled before, at most TTY_SHORT_WRITE bytes. 0, or -EAGAIN when the ring
 * still holds some, or -errno. */
enum { TTY_SHORT_WRITE = 256 };
int tty_ring_drain(struct tty_ring *ring, int fd);

#endif
