#include "unit/run/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "isolate/tty.h"
#include "run/channel.h"
#include "run/init.h"
#include "run/supervise.h"
#include "util/fd.h"
#include "util/sys.h"

uint64_t clock_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void be_payload(const struct tree *tree, int slave, const sigset_t *old)
{
	if (tree->pty) {
		(void)dup2(slave, 2); /* as the user's terminal would be there, which tty_adopt replaces */
		if (tty_adopt(slave, NULL) < 0)
			_exit(99);
	} else {
		(void)setsid();
		(void)dup2(tree->input, 0);
		(void)dup2(tree->output, 1);
	}
	(void)sys_close_range(3, ~0U, 0);
	supervise_unblock_signals(old);
	if (tree->act)
		tree->act();
	else
		(void)execl("/bin/bash", "bash", "-c", tree->script, (char *)NULL);
	_exit(98);
}

static void be_init(const struct tree *tree, int channel, const sigset_t *old)
{
	struct channel_message pty = {.type = CHANNEL_PTY}, started = {.type = CHANNEL_STARTED};
	int master = -1, slave = -1;

	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0) /* in a mount namespace of its own: init looks at its tree */
		_exit(94);
	if (tree->pty && (tty_open_pty("/dev/ptmx", &master, &slave, NULL) < 0 || channel_send(channel, &pty, &master, 1) < 0))
		_exit(97);
	(void)fd_close(master);
	pid_t payload = fork();
	if (payload == 0)
		be_payload(tree, slave, old);
	(void)fd_close(slave);
	(void)fd_close(tree->output);
	if (payload < 0 || channel_send(channel, &started, NULL, 0) < 0)
		_exit(96);
	_exit(init_run(&(struct init_plan){.channel = channel, .payload = payload}) < 0 ? 95 : 0);
}

pid_t tree_start(const struct tree *tree, int *ret_channel, int *ret_pidfd)
{
	int ends[2], pidfd = -1;
	sigset_t old;
	struct clone_args args = {.flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_PIDFD, .exit_signal = SIGCHLD, .pidfd = (uintptr_t)&pidfd};

	for (const int *s = tree->ignored; s && *s; s++)
		(void)signal(*s, SIG_IGN);
	if (supervise_block_signals(&old) < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	pid_t pid = sys_clone3(&args);
	if (pid == 0) {
		(void)close(ends[0]);
		be_init(tree, ends[1], &old);
	}
	(void)close(ends[1]);
	*ret_channel = ends[0];
	*ret_pidfd = pidfd;
	return pid;
}

int tree_run(const struct tree *tree, struct outcome *ret, struct error *err)
{
	struct supervise_plan plan = {.pty_master = -1, .input = tree->input, .output = tree->output, .timeout_ms = tree->timeout_ms, .grace_ms = tree->grace_ms};
	struct channel_message message = {.type = CHANNEL_GO};
	int fds[FD_PASS_MAX];

	if (tree_start(tree, &plan.channel, &plan.pidfd) < 0)
		return error_set(err, errno, "cannot clone");
	while (message.type != CHANNEL_STARTED) {
		int r = channel_receive(plan.channel, &message, fds);

		if (r < 0)
			return error_set(err, -r, "no answer from init");
		if (message.type == CHANNEL_PTY)
			plan.pty_master = fds[0];
	}
	int r = supervise_run(&plan, ret, err);
	(void)close(plan.channel);
	(void)close(plan.pidfd);
	return r;
}

/* A fork inherits what an execve would close, the other side of the terminal and of the pipes for instance: then they would never end. */
static void close_all_but(const int *kept, size_t count)
{
	for (int fd = 3; fd < 256; fd++) {
		bool keep = false;

		for (size_t i = 0; i < count; i++)
			keep = keep || kept[i] == fd;
		if (!keep)
			(void)close(fd);
	}
}

void launcher_start(struct launcher *launcher, const struct tree *tree)
{
	int result[2];

	if (pipe2(result, O_CLOEXEC) < 0)
		abort();
	launcher->pid = fork();
	if (launcher->pid == 0) {
		struct outcome outcome = {0};
		struct error err = {0};

		for (int s = 1; s < 32; s++)
			(void)signal(s, SIG_DFL);
		(void)(tree->new_session ? setsid() : setpgid(0, 0));
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that failed leaves nothing */
		close_all_but((int[]){tree->input, tree->output, result[1]}, 3);
		if (tree_run(tree, &outcome, &err) < 0) {
			(void)dprintf(2, "launcher: %s: %s\n", err.what, err.cause);
			_exit(1);
		}
		_exit(fd_write_all(result[1], &outcome, sizeof(outcome)) < 0);
	}
	if (!tree->new_session)
		(void)setpgid(launcher->pid, launcher->pid);
	(void)close(result[1]);
	launcher->result = result[0];
}

bool launcher_wait(struct launcher *launcher, int ms, struct outcome *ret)
{
	struct pollfd end = {.fd = launcher->result, .events = POLLIN};
	int status;
	bool ok = poll(&end, 1, ms) == 1;

	if (!ok)
		(void)kill(launcher->pid, SIGKILL);
	ok = ok && fd_read_all(launcher->result, ret, sizeof(*ret)) == 0;
	while (waitpid(launcher->pid, &status, 0) < 0 && errno == EINTR)
		;
	launcher->result = fd_close(launcher->result);
	return ok && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool launcher_stopped(const struct launcher *launcher, int ms)
{
	for (uint64_t until = clock_ms() + (uint64_t)ms; clock_ms() < until; (void)usleep(5000)) {
		siginfo_t info = {0};

		if (waitid(P_PID, (id_t)launcher->pid, &info, WSTOPPED | WNOHANG) == 0 && info.si_code == CLD_STOPPED)
			return true;
	}
	return false;
}

int desk_open(int *ret_terminal)
{
	int screen, terminal;

	if (tty_open_pty("/dev/ptmx", &screen, &terminal, NULL) < 0)
		abort();
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGTTOU, SIG_IGN);
	if ((setsid() < 0 && getsid(0) != getpid()) || ioctl(terminal, TIOCSCTTY, 0) < 0)
		abort();
	*ret_terminal = terminal;
	return screen;
}

static char seen[65536];
static size_t seen_size;

static ssize_t read_more(int fd, int ms)
{
	struct pollfd more = {.fd = fd, .events = POLLIN};

	if (seen_size >= sizeof(seen) - 1 || poll(&more, 1, ms) != 1)
		return 0;
	ssize_t n = read(fd, seen + seen_size, sizeof(seen) - 1 - seen_size);
	if (n > 0)
		seen_size += (size_t)n;
	seen[seen_size] = 0;
	return n;
}

bool expect(int fd, const char *text, int ms)
{
	uint64_t until = clock_ms() + (uint64_t)ms;

	for (;;) {
		char *found = strstr(seen, text);

		if (found) {
			size_t rest = (size_t)(found - seen) + strlen(text);

			memmove(seen, seen + rest, seen_size - rest + 1);
			seen_size -= rest;
			return true;
		}
		if (clock_ms() >= until || read_more(fd, (int)(until - clock_ms())) <= 0)
			return false;
	}
}

const char *read_rest(int fd, int ms)
{
	while (read_more(fd, ms) > 0)
		;
	seen_size = 0;
	return seen;
}
