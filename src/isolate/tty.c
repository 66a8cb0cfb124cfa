#include "isolate/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "util/fd.h"

int tty_open_pty(const char *ptmx_path, int *ret_master, int *ret_slave, struct error *err)
{
	cleanup_close int master = open(ptmx_path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	int unlock = 0;

	if (master < 0)
		return error_set(err, errno, "cannot open a terminal at %s", ptmx_path);
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return error_set(err, errno, "cannot unlock the terminal of %s", ptmx_path);
	int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return error_set(err, errno, "cannot open the other side of the terminal of %s", ptmx_path);
	*ret_master = take_fd(master);
	*ret_slave = slave;
	return 0;
}

int tty_adopt(int slave, struct error *err)
{
	bool has_error_file = !isatty(STDERR_FILENO) && fcntl(STDERR_FILENO, F_GETFD) >= 0;

	if (setsid() < 0 && getsid(0) != getpid())
		return error_set(err, errno, "cannot begin a session for the terminal");
	if (ioctl(slave, TIOCSCTTY, 0) < 0)
		return error_set(err, errno, "cannot make the new terminal the controlling one");
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fd == STDERR_FILENO && has_error_file)
			continue;
		/* dup2 onto itself would keep close-on-exec. */
		if (fd == slave ? fcntl(fd, F_SETFD, 0) < 0 : dup2(slave, fd) < 0)
			return error_set(err, errno, "cannot put the terminal on descriptor %d", fd);
	}
	if (slave > STDERR_FILENO)
		(void)fd_close(slave);
	return 0;
}

void tty_copy_size(int from, int to)
{
	struct winsize size;

	if (ioctl(from, TIOCGWINSZ, &size) == 0)
		(void)ioctl(to, TIOCSWINSZ, &size); /* a pty that hung up needs no size */
}

bool tty_is_foreground(int fd)
{
	pid_t group = tcgetpgrp(fd);

	return group < 0 || group == getpgrp();
}

int tty_open_copy(int fd, int access)
{
	char path[40];
	struct stat st;

	/* Nothing else can be opened again with the same meaning: a file would lose its offset, a socket cannot. */
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISFIFO(st.st_mode) && !isatty(fd))
		return -ENOTTY;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int copy = open(path, access | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return copy < 0 ? -errno : copy;
}

/* With SIGTTOU blocked tcsetattr works from the background too (tty_ioctl(4)): a race with the shell must not stop us for good. */
static int set_attributes(int fd, const struct termios *attributes)
{
	sigset_t block, old;

	sigemptyset(&block);
	sigaddset(&block, SIGTTOU);
	(void)sigprocmask(SIG_BLOCK, &block, &old);
	int r = tcsetattr(fd, TCSANOW, attributes) < 0 ? -errno : 0;
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	return r;
}

int tty_make_raw(struct tty_mode *mode, int fd)
{
	struct termios raw;

	if (mode->changed)
		return 0;
	if (tcgetattr(fd, &mode->saved) < 0)
		return -errno;
	raw = mode->saved;
	cfmakeraw(&raw);
	int r = set_attributes(fd, &raw);
	if (r < 0)
		return r;
	mode->fd = fd;
	mode->changed = true;
	return 0;
}

void tty_restore(struct tty_mode *mode)
{
	if (!mode->changed)
		return;
	mode->changed = false;
	(void)set_attributes(mode->fd, &mode->saved); /* a terminal that is gone has no mode */
}

int tty_ring_fill(struct tty_ring *ring, int fd)
{
	size_t end = (ring->start + ring->size) % sizeof(ring->data), room = sizeof(ring->data) - ring->size;
	size_t first = room < sizeof(ring->data) - end ? room : sizeof(ring->data) - end;
	struct iovec parts[2] = {
	    {.iov_base = ring->data + end, .iov_len = first},
	    {.iov_base = ring->data, .iov_len = room - first},
	};
	ssize_t n;

	if (room == 0)
		return -EAGAIN;
	do
		n = readv(fd, parts, room > first ? 2 : 1);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EIO ? 0 : -errno;
	ring->size += (unsigned)n;
	return n > 0;
}

int tty_ring_drain(struct tty_ring *ring, int fd)
{
	int flags = fcntl(fd, F_GETFL);
	bool blocks = flags >= 0 && !(flags & O_NONBLOCK);

	while (ring->size) {
		size_t part = sizeof(ring->data) - ring->start;

		if (part > ring->size)
			part = ring->size;
		if (blocks && part > TTY_SHORT_WRITE)
			part = TTY_SHORT_WRITE;
		ssize_t n = write(fd, ring->data + ring->start, part);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		ring->start = (ring->start + (unsigned)n) % (unsigned)sizeof(ring->data);
		ring->size -= (unsigned)n;
		if (blocks)
			return ring->size ? -EAGAIN : 0;
	}
	ring->start = 0;
	return 0;
}
