#include "cli/prompt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/fd.h"
#include "util/mem.h"

enum { LINE_MAX_BYTES = 65536 };

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

/* Signals that end us wait until the terminal is as it was: they are blocked except in ppoll, where the handler notes which one came. ^Z waits for the answer. */
static volatile sig_atomic_t caught;

static void note_signal(int signal)
{
	caught = signal;
}

struct guard {
	sigset_t mask;
	struct sigaction actions[ARRAY_SIZE(signals)];
	struct termios terminal;
	bool is_hidden;
};

static void guard_begin(struct guard *guard, bool hidden)
{
	struct sigaction action = {.sa_handler = note_signal};
	struct termios silent;
	sigset_t block;

	caught = 0;
	(void)sigemptyset(&block);
	(void)sigaddset(&block, SIGTSTP);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		(void)sigaddset(&block, signals[i]);
	(void)sigprocmask(SIG_BLOCK, &block, &guard->mask);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		(void)sigaction(signals[i], NULL, &guard->actions[i]);
		if (guard->actions[i].sa_handler != SIG_IGN) /* nohup(1) stays nohup */
			(void)sigaction(signals[i], &action, NULL);
	}
	guard->is_hidden = hidden && tcgetattr(STDIN_FILENO, &guard->terminal) == 0;
	if (guard->is_hidden) {
		silent = guard->terminal;
		silent.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK);
		silent.c_lflag |= ECHONL;
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent); /* flushed: what was typed before was meant for somebody else */
	}
}

static void guard_end(const struct guard *guard)
{
	if (guard->is_hidden)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &guard->terminal);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		(void)sigaction(signals[i], &guard->actions[i], NULL);
	if (caught)
		(void)kill(getpid(), caught);
	(void)sigprocmask(SIG_SETMASK, &guard->mask, NULL);
}

/* To its end. 0, or -errno; -EINTR: a signal that ends us. */
static int read_line(const sigset_t *mask, struct buf *line)
{
	struct pollfd wait = {.fd = STDIN_FILENO, .events = POLLIN};
	sigset_t open = *mask;
	char byte;

	(void)sigaddset(&open, SIGTSTP);
	while (line->size < LINE_MAX_BYTES) {
		ssize_t got;

		if (!caught && ppoll(&wait, 1, NULL, &open) < 0 && errno != EINTR)
			return -errno;
		if (caught)
			return -EINTR;
		got = read(STDIN_FILENO, &byte, 1); /* a line is there as a whole: the terminal is in canonical mode */
		if (got < 0 && errno != EINTR)
			return -errno;
		if (got == 0)
			return line->size ? 0 : -ECANCELED;
		if (got > 0 && byte == '\n')
			return 0;
		if (got > 0)
			buf_add(line, &byte, 1);
	}
	return -E2BIG;
}

bool prompt_is_possible(void)
{
	return isatty(STDIN_FILENO);
}

int prompt_line(const char *question, bool hidden, char **ret, struct error *err)
{
	int screen = isatty(STDERR_FILENO) ? STDERR_FILENO : STDIN_FILENO; /* a terminal is open for both */
	struct guard guard;
	struct buf line = {0};
	int r;

	guard_begin(&guard, hidden);
	(void)!fd_write_all(screen, question, strlen(question)); /* unseen, it can still be answered */
	r = read_line(&guard.mask, &line);
	guard_end(&guard);
	buf_puts(&line, "");
	if (r == 0 && memchr(line.text, 0, line.size))
		r = -EINVAL;
	if (r == 0) {
		*ret = take_ptr(line.text);
	} else {
		(void)error_set(err, -r, "there was no answer to '%s'", question);
		if (r == -ECANCELED)
			(void)error_cause(err, "the input has ended");
		explicit_bzero(line.text, line.room);
	}
	buf_done(&line);
	return r;
}
