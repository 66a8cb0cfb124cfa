#include "run/init.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "run/channel.h"
#include "run/suspend.h"
#include "util/fd.h"
#include "util/mem.h"

enum { LAST_REAP_MS = 1000, RESUME_AGAIN_MS = 50 };

struct init {
	const struct init_plan *plan;
	int children; /* a signalfd for SIGCHLD */
	bool ended, resumed;
	struct suspend suspend;
	int wait_status;
};

/* Everything is blocked: what the namespace sends to PID 1 stays pending and does nothing. SIGCHLD must not be ignored, whatever
 * was inherited, or the kernel would reap in our place and the payload's status would be lost. */
static int take_signals(struct init *init)
{
	sigset_t all, children;

	sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, NULL) < 0 || signal(SIGCHLD, SIG_DFL) == SIG_ERR)
		return -errno;
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	init->children = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
	if (init->children < 0)
		return -errno;
	/* The channel's end says the same, but only once we look: this works also when init itself is stopped or traced. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	return 0;
}

/* Reap all that ended, orphans included. False: there is no child left at all. */
static WHILE_IDLE bool reap(struct init *init)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == init->plan->payload) {
			init->ended = true;
			init->wait_status = status;
		}
	}
	return pid == 0;
}

static void wait_for_children(const struct init *init, int timeout_ms)
{
	struct pollfd wait = {.fd = init->children, .events = POLLIN};
	struct signalfd_siginfo info;

	if (poll(&wait, 1, timeout_ms) > 0)
		while (read(init->children, &info, sizeof(info)) > 0)
			;
}

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The payload's background children go with it, as in a container. */
static void end_the_rest(struct init *init)
{
	int64_t until = now_ms() + LAST_REAP_MS;

	if (kill(-1, SIGKILL) < 0 && errno == ESRCH)
		return;
	while (reap(init)) {
		int64_t left = until - now_ms();

		if (left <= 0)
			return;
		wait_for_children(init, (int)left);
	}
}

static int report_end(struct init *init)
{
	struct channel_message message = {.type = CHANNEL_EXIT, .exit.wait_status = init->wait_status};

	(void)getrusage(RUSAGE_CHILDREN, &message.exit.usage); /* fails for a bad address only */
	return channel_send(init->plan->channel, &message, NULL, 0);
}

/* To the whole group where the payload leads one: `sh -c "a | b"` has three processes that a terminal would all reach. */
static void pass_on(const struct init *init, int signal)
{
	pid_t payload = init->plan->payload;

	(void)kill(getpgid(payload) == payload ? -payload : payload, signal); /* it may have ended just now */
}

static int obey(struct init *init)
{
	struct channel_message message;
	int fds[FD_PASS_MAX];
	int r = channel_receive(init->plan->channel, &message, fds);

	if (r == -EBADMSG)
		return 0;
	if (r < 0)
		return -EPIPE;
	for (size_t i = 0; i < FD_PASS_MAX; i++)
		fds[i] = fd_close(fds[i]);
	if (message.type == CHANNEL_SIGNAL)
		pass_on(init, message.signal);
	else if (message.type == CHANNEL_SUSPEND)
		suspend_begin(&init->suspend);
	else if (message.type == CHANNEL_RESUME)
		suspend_end(&init->suspend);
	if (message.type != CHANNEL_SIGNAL)
		init->resumed = message.type == CHANNEL_RESUME;
	return 0;
}

static WHILE_IDLE int serve(struct init *init)
{
	struct pollfd fds[] = {
	    {.fd = init->children, .events = POLLIN},
	    {.fd = init->plan->channel, .events = POLLIN},
	};

	/* Reaping comes first: a payload that ended before the signalfd was made has left no signal. */
	for (reap(init); !init->ended; reap(init)) {
		/* A child that is just being forked when SIGSTOP comes gets it at birth, but not the SIGCONT behind it, which its parent ignores
		 * by default (kernel: __send_signal_locked leaves before it looks at the forks under way). So SIGCONT is sent twice. */
		int n = poll(fds, 2, init->resumed ? RESUME_AGAIN_MS : -1);
		if (n == 0) {
			suspend_end(&init->suspend);
			init->resumed = false;
		}
		if (n <= 0)
			continue;
		if (fds[0].revents)
			wait_for_children(init, 0);
		if (fds[1].revents && obey(init) < 0)
			return -EPIPE;
	}
	return 0;
}

WHILE_IDLE int init_run(const struct init_plan *plan)
{
	struct init init = {.plan = plan, .children = -1};
	int r = take_signals(&init);

	if (r < 0)
		return r;
	suspend_init(&init.suspend);
	mem_drop_program();
	r = serve(&init);
	end_the_rest(&init);
	if (r == 0)
		r = report_end(&init);
	init.children = fd_close(init.children);
	suspend_done(&init.suspend);
	return r;
}
