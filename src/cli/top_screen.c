/* The live screen. It is drawn with one write(2) from the upper left corner, each line cleared behind its text, so that nothing flickers. The terminal
 * is taken before the first frame and given back before anything that ends or stops us: signals come by a signalfd, and after the terminal is as
 * it was they do what they do to any program. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "cli/report.h"
#include "cli/top.h"
#include "util/fd.h"
#include "util/proc.h"

/* The alternate screen, and no cursor (xterm's control sequences; every terminal in use knows them). */
#define TAKE "\033[?1049h\033[?25l"
#define GIVE_BACK "\033[?25h\033[?1049l"
#define HOME "\033[H"
#define LINE_END "\033[K\r\n"
#define CLEAR_BELOW "\033[J"

struct screen {
	struct top_settings *settings;
	struct top_sample sample;
	struct termios before;
	int signals;
	int ending;  /* the signal that ends us; 0: none */
	bool done;
	sigset_t mask; /* the caller's */
};

static const int taken[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH};

static int open_signals(struct screen *screen)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
		struct sigaction action;

		if (sigaction(taken[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			sigaddset(&set, taken[i]);
	}
	if (sigprocmask(SIG_BLOCK, &set, &screen->mask) < 0)
		return -errno;
	screen->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return screen->signals < 0 ? -errno : 0;
}

/* From the background the kernel stops us here, as it does any such program. */
static int take_terminal(struct screen *screen)
{
	struct termios mode;

	if (tcgetattr(STDIN_FILENO, &screen->before) < 0)
		return -errno;
	mode = screen->before;
	mode.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	mode.c_cc[VMIN] = 1;
	mode.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &mode) < 0)
		return -errno;
	return fd_write_all(STDOUT_FILENO, TAKE, sizeof(TAKE) - 1);
}

static void give_back_terminal(const struct screen *screen)
{
	/* A terminal that has gone needs nothing back. */
	(void)!fd_write_all(STDOUT_FILENO, GIVE_BACK, sizeof(GIVE_BACK) - 1);
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &screen->before);
}

/* Let a signal do what it does by default. Execution goes on here after SIGCONT. */
static void obey(int signal)
{
	sigset_t one, old;

	sigemptyset(&one);
	sigaddset(&one, signal);
	(void)raise(signal);
	(void)sigprocmask(SIG_UNBLOCK, &one, &old);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
}

static int draw(struct screen *screen)
{
	static const char *const orders[] = {[TOP_BY_AGE] = "age", [TOP_BY_MEMORY] = "memory", [TOP_BY_CPU] = "cpu", [TOP_BY_TASKS] = "tasks"};
	struct winsize size = {0};
	cleanup_buf struct buf out = {0};
	cleanup_free char *head = mem_printf("carrel top: %zu running, by %s   q quit, m memory, c cpu, t tasks, a age", screen->sample.count, orders[screen->settings->sort]);

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_row || !size.ws_col)
		size = (struct winsize){.ws_row = 24, .ws_col = 80};
	buf_puts(&out, HOME);
	(void)top_put_text(&out, head, size.ws_col);
	buf_puts(&out, LINE_END);
	/* The last line stays free: a new line there would scroll. */
	if (size.ws_row > 2)
		top_format_table(&screen->sample, size.ws_col, size.ws_row - 2U, LINE_END, &out);
	buf_puts(&out, CLEAR_BELOW);
	return fd_write_all(STDOUT_FILENO, out.text, out.size);
}

static int refresh(struct screen *screen, struct error *err)
{
	struct top_sample next;
	int r = top_sample_take(screen->settings->runtime_dir, screen->sample.boot_ms ? &screen->sample : NULL, &next, err);

	if (r < 0)
		return r;
	top_sample_done(&screen->sample);
	screen->sample = next;
	top_sort_rows(&screen->sample, screen->settings->sort);
	return 0;
}

static void take_key(struct screen *screen)
{
	static const struct {
		char key;
		enum top_sort sort;
	} keys[] = {{'m', TOP_BY_MEMORY}, {'c', TOP_BY_CPU}, {'t', TOP_BY_TASKS}, {'a', TOP_BY_AGE}};
	char key;
	ssize_t r = read(STDIN_FILENO, &key, 1);

	if (r < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (r <= 0) {
		screen->ending = SIGHUP; /* the terminal is closed */
		return;
	}
	screen->done = key == 'q' || key == 'Q';
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].key == key)
			screen->settings->sort = keys[i].sort;
	top_sort_rows(&screen->sample, screen->settings->sort);
}

static int take_signal(struct screen *screen)
{
	struct signalfd_siginfo info;

	if (read(screen->signals, &info, sizeof(info)) != sizeof(info))
		return 0;
	int signal = (int)info.ssi_signo;
	if (signal == SIGTSTP) {
		give_back_terminal(screen);
		obey(SIGTSTP);
		return take_terminal(screen);
	}
	if (signal != SIGCONT && signal != SIGWINCH)
		screen->ending = signal;
	return 0;
}

static int run(struct screen *screen, struct error *err)
{
	struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = screen->signals, .events = POLLIN}};
	int64_t due = proc_now_ms();

	while (!screen->done && !screen->ending) {
		int64_t now = proc_now_ms();

		if (now >= due) {
			int r = refresh(screen, err);

			if (r < 0)
				return r;
			due = now + (int64_t)screen->settings->delay_ms;
		}
		if (draw(screen) < 0) {
			screen->ending = SIGHUP;
			break;
		}
		int64_t left = due - proc_now_ms();
		if (poll(fds, 2, left < 0 ? 0 : left < INT32_MAX ? (int)left : INT32_MAX) <= 0)
			continue;
		if (fds[1].revents && take_signal(screen) < 0)
			screen->ending = SIGHUP;
		else if (fds[0].revents)
			take_key(screen);
	}
	return 0;
}

int top_screen_run(struct top_settings *settings)
{
	struct screen screen = {.settings = settings, .signals = -1};
	struct error err = {0};
	int r = open_signals(&screen);

	if (r == 0)
		r = take_terminal(&screen);
	if (r < 0) {
		(void)error_set(&err, -r, "cannot take the terminal");
	} else {
		r = run(&screen, &err);
		give_back_terminal(&screen);
	}
	top_sample_done(&screen.sample);
	screen.signals = fd_close(screen.signals);
	if (screen.ending)
		obey(screen.ending); /* ends us, unless somebody ignores it */
	(void)sigprocmask(SIG_SETMASK, &screen.mask, NULL);
	if (r < 0)
		report_error(&err);
	return r < 0 ? EXIT_CARREL : screen.ending ? 128 + screen.ending : 0;
}
