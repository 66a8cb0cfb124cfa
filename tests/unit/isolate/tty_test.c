#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "isolate/tty.h"
#include "util/fd.h"
#include "util/mem.h"

static void open_pair(int *master, int *slave)
{
	struct error err = {0};

	cr_assert_eq(tty_open_pty("/dev/ptmx", master, slave, &err), 0, "%s: %s", err.what, err.cause);
}

Test(tty, a_pty_is_close_on_exec_and_connected)
{
	int master, slave;
	char text[8] = "";

	open_pair(&master, &slave);
	cr_assert(fcntl(master, F_GETFD) & FD_CLOEXEC);
	cr_assert(fcntl(slave, F_GETFD) & FD_CLOEXEC);
	cr_assert(isatty(slave));
	cr_assert_eq(write(slave, "hi", 2), 2);
	cr_assert_eq(read(master, text, sizeof(text)), 2);
	cr_assert_str_eq(text, "hi");
}

Test(tty, what_is_no_ptmx_is_refused)
{
	static const struct {
		const char *name, *path;
		int code;
	} cases[] = {
	    {"nothing", "/nonexistent", ENOENT},
	    {"a device that is no terminal", "/dev/null", ENOTTY},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int master = -1, slave = -1;
		struct error err = {0};

		cr_assert_eq(tty_open_pty(cases[i].path, &master, &slave, &err), -cases[i].code, "%s", cases[i].name);
		cr_assert(master == -1 && slave == -1 && strstr(err.what, cases[i].path), "%s", cases[i].name);
	}
}

/* In a child: adopt `slave` and check; its exit status tells. */
static int adopt(int slave, const char *stderr_path)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		struct error err;
		int file = stderr_path ? open(stderr_path, O_WRONLY | O_CLOEXEC) : dup(slave);

		(void)dup2(file, 2);
		if (tty_adopt(slave, &err) < 0)
			_exit(1);
		if (!isatty(0) || !isatty(1) || getsid(0) != getpid() || tcgetpgrp(0) != getpid())
			_exit(2);
		if (isatty(2) != !stderr_path)
			_exit(3);
		for (int fd = 0; fd < 3; fd++)
			if (fcntl(fd, F_GETFD) & FD_CLOEXEC)
				_exit(4);
		_exit(open("/dev/tty", O_RDWR | O_CLOEXEC) < 0 ? 5 : 0);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	return status;
}

Test(tty, adopting_makes_it_the_controlling_terminal)
{
	int master, slave;

	open_pair(&master, &slave);
	cr_assert_eq(adopt(slave, NULL), 0);
	cr_assert_eq(adopt(slave, "/dev/null"), 0, "a redirected stderr is kept");
}

Test(tty, raw_and_back)
{
	int master, slave;
	struct tty_mode mode = {0};
	struct termios before, raw, after;

	open_pair(&master, &slave);
	cr_assert_eq(tcgetattr(slave, &before), 0);
	cr_assert_eq(tty_make_raw(&mode, slave), 0);
	cr_assert_eq(tcgetattr(slave, &raw), 0);
	cr_assert_eq(raw.c_lflag & (ICANON | ECHO | ISIG), 0);
	cr_assert_eq(tty_make_raw(&mode, slave), 0, "a second time must not save the raw mode");
	tty_restore(&mode);
	tty_restore(&mode);
	cr_assert_eq(tcgetattr(slave, &after), 0);
	cr_assert(before.c_lflag == after.c_lflag && before.c_iflag == after.c_iflag && before.c_oflag == after.c_oflag && before.c_cflag == after.c_cflag);
	cr_assert_eq(memcmp(before.c_cc, after.c_cc, sizeof(before.c_cc)), 0);
	cr_assert_eq(tty_make_raw(&mode, open("/dev/null", O_RDWR | O_CLOEXEC)), -ENOTTY);
	cr_assert_not(mode.changed);
}

Test(tty, the_size_is_copied_from_terminals_only)
{
	int master, slave, other, other_slave;
	struct winsize size = {.ws_row = 12, .ws_col = 34};

	open_pair(&master, &slave);
	open_pair(&other, &other_slave);
	cr_assert_eq(ioctl(slave, TIOCSWINSZ, &size), 0);
	tty_copy_size(slave, other);
	cr_assert_eq(ioctl(other_slave, TIOCGWINSZ, &size), 0);
	cr_assert(size.ws_row == 12 && size.ws_col == 34);
	tty_copy_size(open("/dev/null", O_RDONLY | O_CLOEXEC), other);
	cr_assert_eq(ioctl(other_slave, TIOCGWINSZ, &size), 0);
	cr_assert_eq(size.ws_row, 12);
}

Test(tty, a_copy_is_non_blocking_by_itself)
{
	int master, slave, ends[2], pair[2];

	open_pair(&master, &slave);
	cr_assert(pipe2(ends, O_CLOEXEC) == 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	const struct {
		const char *name;
		int fd, access, code;
	} cases[] = {
	    {"terminal, to read", slave, O_RDONLY, 0},
	    {"terminal, to write", slave, O_WRONLY, 0},
	    {"pipe, to read", ends[0], O_RDONLY, 0},
	    {"pipe, to write", ends[1], O_WRONLY, 0},
	    {"socket", pair[0], O_RDONLY, -ENOTTY},
	    {"device", open("/dev/null", O_RDWR | O_CLOEXEC), O_RDONLY, -ENOTTY},
	    {"nothing", -1, O_RDONLY, -EBADF},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int copy = tty_open_copy(cases[i].fd, cases[i].access);

		if (cases[i].code) {
			cr_assert_eq(copy, cases[i].code, "%s: %d", cases[i].name, copy);
			continue;
		}
		cr_assert_geq(copy, 0, "%s: %d", cases[i].name, copy);
		cr_assert(fcntl(copy, F_GETFL) & O_NONBLOCK, "%s", cases[i].name);
		cr_assert_not(fcntl(cases[i].fd, F_GETFL) & O_NONBLOCK, "%s: the shared one changed", cases[i].name);
		close(copy);
	}
}

Test(tty, a_ring_keeps_the_order_around_its_end)
{
	static struct tty_ring ring;
	int in[2], out[2];
	unsigned char next_in = 0, next_out = 0, buffer[3000];

	cr_assert(pipe2(in, O_CLOEXEC | O_NONBLOCK) == 0 && pipe2(out, O_CLOEXEC | O_NONBLOCK) == 0);
	for (int round = 0; round < 50; round++) {
		size_t size = (size_t)(1 + round * 59 % 3000);

		for (size_t i = 0; i < size; i++)
			buffer[i] = next_in++;
		cr_assert_eq(write(in[1], buffer, size), (ssize_t)size);
		cr_assert_eq(tty_ring_fill(&ring, in[0]), 1);
		cr_assert_eq(ring.size, size);
		ring.start = ring.start % sizeof(ring.data);
		cr_assert_eq(tty_ring_drain(&ring, out[1]), 0);
		cr_assert_eq(read(out[0], buffer, sizeof(buffer)), (ssize_t)size);
		for (size_t i = 0; i < size; i++)
			cr_assert_eq(buffer[i], next_out++, "round %d, byte %zu", round, i);
	}
}

Test(tty, ring_limits)
{
	static struct tty_ring ring;
	static char block[65536];
	int in[2], out[2], blocking[2];

	cr_assert(pipe2(in, O_CLOEXEC | O_NONBLOCK) == 0 && pipe2(out, O_CLOEXEC | O_NONBLOCK) == 0 && pipe2(blocking, O_CLOEXEC) == 0);
	cr_assert_eq(tty_ring_fill(&ring, in[0]), -EAGAIN, "nothing there");
	cr_assert_eq(write(in[1], block, 10000), 10000);
	cr_assert_eq(tty_ring_fill(&ring, in[0]), 1);
	cr_assert_eq(ring.size, sizeof(ring.data));
	cr_assert_eq(tty_ring_fill(&ring, in[0]), -EAGAIN, "full");
	cr_assert_eq(tty_ring_drain(&ring, blocking[1]), -EAGAIN, "a blocking one gets a short write");
	cr_assert_eq(ring.size, sizeof(ring.data) - TTY_SHORT_WRITE);
	cr_assert_eq(write(out[1], block, sizeof(block)), (ssize_t)sizeof(block));
	cr_assert_eq(tty_ring_drain(&ring, out[1]), -EAGAIN, "the reader is slow");
	close(in[1]);
	cr_assert_eq(read(in[0], block, sizeof(block)), (ssize_t)(10000 - sizeof(ring.data)));
	cr_assert_eq(tty_ring_fill(&ring, in[0]), 0, "the end");
}

Test(tty, a_hung_up_pty_ends)
{
	static struct tty_ring ring;
	int master, slave;

	open_pair(&master, &slave);
	cr_assert_eq(write(slave, "last", 4), 4);
	close(slave);
	cr_assert_eq(tty_ring_fill(&ring, master), 1);
	cr_assert_eq(memcmp(ring.data, "last", 4), 0);
	cr_assert_eq(tty_ring_fill(&ring, master), 0);
}
