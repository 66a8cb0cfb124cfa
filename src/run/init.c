#include "run/init.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
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

enum { LAST_REAP_MS = 1000, NEWBORN_MS = 50 };

struct init {
	const struct init_plan *plan;
	int children; /* a signalfd for SIGCHLD */
	int events;   /* an epoll of it and the channel: poll(2) fails above RLIMIT_NOFILE, and prlimit(2) lets whoever has our ids set ours to 0 */
	bool ended;
	int64_t newborns_at; /* when those are to be continued whom a SIGCONT missed; 0: there are none */
	struct suspend suspend;
	int wait_status;
};

static int watch_for(const struct init *init, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(init->events, EPOLL_CTL_ADD, fd, &event);
}

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
	init->events = epoll_create1(EPOLL_CLOEXEC);
	if (init->children < 0 || watch_for(init, init->children) < 0 || watch_for(init, init->plan->channel) < 0)
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

static void drop_signals(const struct init *init)
{
	struct signalfd_siginfo info;

	while (read(init->children, &info, sizeof(info)) > 0)
		;
}

static void wait_for_children(int timeout_ms)
{
	const struct timespec timeout = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};
	sigset_t children;

	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	(void)sigtimedwait(&children, NULL, &timeout); /* it is blocked */
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
		wait_for_children((int)left);
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
		init->newborns_at = message.type == CHANNEL_RESUME ? now_ms() + NEWBORN_MS : 0;
	return 0;
}

/* For epoll_wait. A tree whose orphans end all the time never lets it time out: so the clock is asked. */
static int until_newborns(struct init *init)
{
	int64_t left = init->newborns_at - now_ms();

	if (left > 0)
		return (int)left;
	suspend_end_newborn(&init->suspend);
	init->newborns_at = 0;
	return -1;
}

static WHILE_IDLE int serve(struct init *init)
{
	struct epoll_event events[2];

	/* Reaping comes first: a payload that ended before the signalfd was made has left no signal. */
	for (reap(init); !init->ended; reap(init)) {
		int n = epoll_wait(init->events, events, ARRAY_SIZE(events), init->newborns_at ? until_newborns(init) : -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == init->children)
				drop_signals(init);
			else if (obey(init) < 0)
				return -EPIPE;
		}
	}
	return 0;
}

WHILE_IDLE int init_run(const struct init_plan *plan)
{
	struct init init = {.plan = plan, .children = -1, .events = -1};
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
	init.events = fd_close(init.events);
	suspend_done(&init.suspend);
	return r;
}
