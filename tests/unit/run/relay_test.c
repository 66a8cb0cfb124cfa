/* The relay, with supervise around it, on real terminals: `screen` is the user's side of the outer one. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "run/relay.h"
#include "util/fd.h"
#include "util/mem.h"
#include "unit/run/tree.h"

struct desk {
	int screen, terminal;
	struct termios mode;
	struct launcher launcher;
};

static struct desk start(const char *script, bool foreground)
{
	struct desk d;

	d.screen = desk_open(&d.terminal);
	cr_assert_eq(tcgetattr(d.terminal, &d.mode), 0);
	(void)ioctl(d.terminal, TIOCSWINSZ, &(struct winsize){.ws_row = 31, .ws_col = 97});
	struct tree tree = {.script = script, .pty = true, .grace_ms = 500, .input = d.terminal, .output = d.terminal};
	launcher_start(&d.launcher, &tree);
	if (foreground)
		cr_assert_eq(tcsetpgrp(d.terminal, d.launcher.pid), 0);
	return d;
}

static void type(const struct desk *d, const char *text)
{
	cr_assert_eq(fd_write_all(d->screen, text, strlen(text)), 0);
}

static bool is_restored(const struct desk *d)
{
	struct termios now;

	return tcgetattr(d->terminal, &now) == 0 && now.c_lflag == d->mode.c_lflag && now.c_iflag == d->mode.c_iflag && now.c_oflag == d->mode.c_oflag;
}

static bool is_raw(const struct desk *d)
{
	for (int i = 0; i < 400; i++, usleep(5000)) {
		struct termios now;

		if (tcgetattr(d->terminal, &now) == 0 && !(now.c_lflag & ICANON))
			return true;
	}
	return false;
}

static struct outcome end_of(struct desk *d)
{
	struct outcome outcome;

	cr_assert(launcher_wait(&d->launcher, 8000, &outcome), "no outcome");
	cr_assert(is_restored(d), "the terminal is not as it was");
	return outcome;
}

Test(relay, echo_and_status, .timeout = 20)
{
	struct desk d = start("read -r line; echo \"got $line\"; exit 12", true);

	cr_assert(is_raw(&d));
	type(&d, "hello\r");
	cr_assert(expect(d.screen, "hello\r\n", 3000), "no echo");
	cr_assert(expect(d.screen, "got hello\r\n", 3000));
	cr_assert_eq(end_of(&d).wait_status, 12 << 8);
}

Test(relay, the_window_size_goes_in_and_follows, .timeout = 20)
{
	struct desk d = start("trap 'stty size; exit' WINCH; stty size; while :; do sleep 0.05; done", true);

	cr_assert(expect(d.screen, "31 97\r\n", 3000));
	(void)ioctl(d.screen, TIOCSWINSZ, &(struct winsize){.ws_row = 50, .ws_col = 132});
	cr_assert(expect(d.screen, "50 132\r\n", 3000));
	(void)end_of(&d);
}

Test(relay, control_c_reaches_the_payload_only, .timeout = 20)
{
	struct desk d = start("trap 'echo caught; exit 33' INT; echo up; while :; do sleep 0.05; done", true);

	cr_assert(expect(d.screen, "up\r\n", 3000));
	cr_assert(is_raw(&d));
	type(&d, "\003");
	cr_assert(expect(d.screen, "caught", 3000));
	struct outcome outcome = end_of(&d);
	cr_assert_eq(outcome.wait_status, 33 << 8);
	cr_assert_eq(outcome.outside_signal, 0);
}

Test(relay, control_z_belongs_to_the_shell_inside, .timeout = 30)
{
	struct desk d = start("exec bash --norc --noprofile -i", true);

	cr_assert(is_raw(&d));
	type(&d, "PS1='> '; echo g''o; sleep 100\r");
	cr_assert(expect(d.screen, "go\r\n", 5000)); /* not the echo of the line */
	usleep(300000);
	type(&d, "\032");
	cr_assert(expect(d.screen, "Stopped", 3000));
	type(&d, "kill %1; fg; exit 9\r");
	cr_assert_eq(end_of(&d).wait_status, 9 << 8);
}

Test(relay, a_closed_terminal_ends_the_tree, .timeout = 30)
{
	static const struct {
		const char *name, *script;
	} cases[] = {
	    {"that listens", "echo up; exec sleep 100"},
	    {"that ignores SIGHUP", "trap '' HUP TERM; echo up; while :; do sleep 100; done"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int ends[2];
		cr_assert_eq(pipe(ends), 0);
		/* A session of its own each time, the terminal's only other holder. */
		if (fork() == 0) {
			struct desk d = start(cases[i].script, true);
			struct outcome outcome = {0};
			char result = 'n';

			if (expect(d.screen, "up\r\n", 3000)) {
				close(d.terminal);
				close(d.screen);
				if (launcher_wait(&d.launcher, 5000, &outcome))
					result = outcome.cause == OUTCOME_TERMINAL_CLOSED ? 'y' : 'c';
			}
			_exit(write(ends[1], &result, 1) != 1);
		}
		char result = 0;
		cr_assert_eq(read(ends[0], &result, 1), 1);
		cr_assert_eq(result, 'y', "%s: %c", cases[i].name, result);
		close(ends[0]);
		close(ends[1]);
	}
}

/* Write `size` bytes of a pattern to the screen's keyboard while reading back what comes; 0 when all came back. */
static size_t pump(int screen, size_t size, unsigned pause_us)
{
	static char out[1 << 20], in[1 << 20];
	size_t sent = 0, got = 0;

	cr_assert_leq(size, sizeof(out));
	for (size_t i = 0; i < size; i++)
		out[i] = (char)(i * 31 + i / 251);
	(void)fcntl(screen, F_SETFL, O_RDWR | O_NONBLOCK);
	for (uint64_t until = clock_ms() + 20000; got < size && clock_ms() < until;) {
		struct pollfd fd = {.fd = screen, .events = (short)(POLLIN | (sent < size ? POLLOUT : 0))};

		if (poll(&fd, 1, 1000) <= 0)
			continue;
		if (fd.revents & POLLOUT) {
			ssize_t n = write(screen, out + sent, size - sent < 4096 ? size - sent : 4096);
			sent += n > 0 ? (size_t)n : 0;
		}
		if (fd.revents & POLLIN) {
			ssize_t n = read(screen, in + got, size - got);
			got += n > 0 ? (size_t)n : 0;
			if (pause_us)
				usleep(pause_us);
		}
	}
	(void)fcntl(screen, F_SETFL, O_RDWR);
	cr_assert_eq(got, size, "%zu of %zu bytes came back", got, size);
	return memcmp(in, out, size) == 0 ? 0 : 1;
}

Test(relay, a_mebibyte_both_ways_without_loss, .timeout = 40)
{
	struct desk d = start("stty raw -echo; printf ready; head -c 1048576", true);

	cr_assert(is_raw(&d));
	cr_assert(expect(d.screen, "ready", 3000));
	cr_assert_eq(pump(d.screen, 1 << 20, 0), 0, "bytes were changed");
	cr_assert_eq(end_of(&d).wait_status, 0);
}

Test(relay, a_slow_reader_loses_nothing_after_the_end, .timeout = 40)
{
	struct desk d = start("seq 1 30000; echo last", true);
	char line[16] = "";
	size_t lines = 0;
	FILE *screen = fdopen(dup(d.screen), "r");

	while (strcmp(line, "last\r\n") != 0 && fgets(line, sizeof(line), screen)) {
		lines++;
		if (lines % 3000 == 0)
			usleep(50000);
	}
	cr_assert_eq(lines, 30001);
	cr_assert_eq(end_of(&d).wait_status, 0);
	(void)fclose(screen);
}

Test(relay, sigterm_restores_the_terminal, .timeout = 20)
{
	struct desk d = start("echo up; exec sleep 100", true);

	cr_assert(expect(d.screen, "up\r\n", 3000));
	cr_assert(is_raw(&d));
	kill(d.launcher.pid, SIGTERM);
	struct outcome outcome = end_of(&d);
	cr_assert_eq(outcome.cause, OUTCOME_INTERRUPTED);
	cr_assert_eq(outcome.wait_status, SIGTERM);
}

Test(relay, suspended_from_outside_and_back, .timeout = 20)
{
	struct desk d = start("echo up; read -r x; echo \"got $x\"; stty size", true);

	cr_assert(expect(d.screen, "up\r\n", 3000));
	cr_assert(is_raw(&d));
	kill(d.launcher.pid, SIGTSTP);
	cr_assert(launcher_stopped(&d.launcher, 3000));
	cr_assert(is_restored(&d), "stopped with a raw terminal");
	cr_assert_eq(tcsetpgrp(d.terminal, getpgrp()), 0);
	(void)ioctl(d.terminal, TIOCSWINSZ, &(struct winsize){.ws_row = 11, .ws_col = 22});
	cr_assert_eq(tcsetpgrp(d.terminal, d.launcher.pid), 0);
	kill(d.launcher.pid, SIGCONT);
	cr_assert(is_raw(&d), "not raw again");
	type(&d, "again\r");
	cr_assert(expect(d.screen, "got again\r\n", 3000));
	cr_assert(expect(d.screen, "11 22\r\n", 3000));
	(void)end_of(&d);
}

Test(relay, in_the_background_it_leaves_the_terminal_alone, .timeout = 20)
{
	struct desk d = start("echo up; read -r x; echo \"got $x\"", false);

	/* A terminal that is not raw adds a second \r, which nobody sees. */
	cr_assert(expect(d.screen, "up\r", 3000), "output comes from the background too");
	cr_assert(is_restored(&d), "raw from the background");
	/* What fg of a shell does with a job that runs: no SIGCONT. */
	cr_assert_eq(tcsetpgrp(d.terminal, d.launcher.pid), 0);
	cr_assert(is_raw(&d));
	type(&d, "x\r");
	cr_assert(expect(d.screen, "got x\r\n", 3000));
	(void)end_of(&d);
}

/* With -t and input from a pipe. */
Test(relay, the_end_of_a_piped_input_is_the_end_key, .timeout = 30)
{
	static const struct {
		const char *name, *input, *output;
	} cases[] = {
	    {"nothing", "", "end\r\n"},
	    {"a line", "abc\n", "abc\r\nend\r\n"},
	    {"half a line", "abc", "abcend\r\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int in[2], out[2];
		struct launcher launcher;
		struct outcome outcome;

		cr_assert(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
		struct tree tree = {.script = "stty -echo; echo up; cat; echo end", .pty = true, .input = in[0], .output = out[1]};
		launcher_start(&launcher, &tree);
		close(in[0]);
		close(out[1]);
		cr_assert(expect(out[0], "up\r\n", 3000), "%s", cases[i].name);
		cr_assert_eq(fd_write_all(in[1], cases[i].input, strlen(cases[i].input)), 0);
		close(in[1]);
		const char *text = read_rest(out[0], 3000);
		cr_assert_str_eq(text, cases[i].output, "%s: %s", cases[i].name, text);
		cr_assert(launcher_wait(&launcher, 5000, &outcome), "%s", cases[i].name);
		close(out[0]);
	}
}

Test(relay, a_broken_output_ends_the_tree, .timeout = 20)
{
	int out[2], in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct launcher launcher;
	struct outcome outcome;

	cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
	launcher_start(&launcher, &(struct tree){.script = "trap '' HUP; while :; do echo y; done", .pty = true, .grace_ms = 300, .input = in, .output = out[1]});
	close(out[1]);
	cr_assert(expect(out[0], "y\r\n", 3000));
	close(out[0]);
	cr_assert(launcher_wait(&launcher, 5000, &outcome));
	cr_assert_eq(outcome.cause, OUTCOME_TERMINAL_CLOSED);
}

Test(relay, the_payload_may_let_go_of_the_terminal_for_a_while, .timeout = 20)
{
	struct desk d = start("exec </dev/null >/dev/null 2>&1; sleep 0.3; exec >/dev/tty; echo back", true);

	cr_assert(expect(d.screen, "back\r\n", 3000));
	(void)end_of(&d);
}

Test(relay, shared_descriptions_stay_blocking, .timeout = 20)
{
	struct desk d = start("echo up; read -r x", true);

	cr_assert(expect(d.screen, "up\r\n", 3000));
	cr_assert_not(fcntl(d.terminal, F_GETFL) & O_NONBLOCK);
	type(&d, "\r");
	(void)end_of(&d);
	cr_assert_not(fcntl(d.terminal, F_GETFL) & O_NONBLOCK);
}

Test(relay, control_c_works_when_the_reader_stands_still_at_the_end, .timeout = 20)
{
	int out[2], terminal, screen = desk_open(&terminal);
	struct launcher launcher;
	struct outcome outcome;

	cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
	cr_assert_geq(fcntl(out[1], F_SETPIPE_SZ, 4096), 4096);
	launcher_start(&launcher, &(struct tree){.script = "head -c 6000 /dev/zero", .pty = true, .input = terminal, .output = out[1]});
	cr_assert_eq(tcsetpgrp(terminal, launcher.pid), 0);
	usleep(800000); /* the payload has ended by then, or ^C would be its own */
	for (int i = 0; i < 20; i++, usleep(100000)) /* typed until it is heard */
		cr_assert_eq(fd_write_all(screen, "\003", 1), 0);
	cr_assert(launcher_wait(&launcher, 3000, &outcome));
	cr_assert_eq(outcome.wait_status, 0);
}
