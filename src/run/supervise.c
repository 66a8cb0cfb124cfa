/* The life of a sandbox as the launcher sees it:
 *
 *   runs ──EXIT from init──▶ over ──init reaped──▶ done
 *     │ timeout or closed terminal: stop signal or SIGHUP to the payload, and after the grace
 *     └──────────▶ SIGKILL to init, whose end is the whole tree's (no EXIT comes then)
 *
 *     │ a limit that ends it: SIGKILL at once
 *
 * One poll(2) loop, seven sources: signals, the channel, init's pidfd, the cgroup's events, the filter's listener, the relay, the pipes of a limited
 * output; and the moments at which limits are looked at.
 */
#include "run/supervise.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "run/channel.h"
#include "run/relay.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/sys.h"

enum {
	INIT_EXIT_MS = 2000, /* init has nothing left to do after EXIT; one that is stopped or stuck is killed */
};

/* Where poll's array holds what; the relay's and the pipes' come behind. */
enum { SIGNALS, CHANNEL, PIDFD, LIMITS, LISTENER, RELAY, PIPES = RELAY + RELAY_FDS, POLL_MAX = PIPES + OUTPUT_FDS };

struct supervisor {
	const struct supervise_plan *plan;
	struct outcome *outcome;
	struct error *err;
	struct relay relay;
	int signals;
	uint64_t started_us, timeout_at, kill_at; /* the last two in ms; 0: never */
	uint64_t limits_at, room_at;              /* ms; when to look at them next; 0: never */
	int limits_fd;                            /* tells of the cgroup's events; -1 */
	uint64_t passed;                          /* the signals passed on, a bit each */
	enum outcome_cause ending;                /* why we are ending it; OUTCOME_EXITED: we are not */
	bool over, has_exit;
	struct channel_exit exit;
};

/* Passed on as they are. SIGALRM: a caller's alarm(2) survives its execve. */
static const int passed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM};
static const int handled_here[] = {SIGWINCH, SIGTSTP, SIGCONT};

static void add_unless_ignored(sigset_t *set, const int *signals, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct sigaction action;

		/* A blocked signal is queued although it is ignored, and a signalfd would give it. */
		if (sigaction(signals[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			sigaddset(set, signals[i]);
	}
}

static void signals_to_take(sigset_t *ret)
{
	sigemptyset(ret);
	add_unless_ignored(ret, passed_on, ARRAY_SIZE(passed_on));
	add_unless_ignored(ret, handled_here, ARRAY_SIZE(handled_here));
}

int supervise_block_signals(sigset_t *ret_old)
{
	sigset_t block;

	signals_to_take(&block);
	sigaddset(&block, SIGPIPE);
	if (signal(SIGCHLD, SIG_DFL) == SIG_ERR || sigprocmask(SIG_BLOCK, &block, ret_old) < 0)
		return -errno;
	return 0;
}

int supervise_open_ending_signals(void)
{
	static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	sigset_t take;
	int fd;

	sigemptyset(&take);
	add_unless_ignored(&take, ending, ARRAY_SIZE(ending));
	fd = signalfd(-1, &take, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

void supervise_unblock_signals(const sigset_t *old)
{
	(void)sigprocmask(SIG_SETMASK, old, NULL);
}

static WHILE_IDLE uint64_t now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Init may be gone already: its end is seen on the channel and the pidfd, not here. */
static void tell(struct supervisor *s, enum channel_type type, int signal)
{
	struct channel_message message = {.type = type, .signal = signal};

	if (channel_send(s->plan->channel, &message, NULL, 0) < 0)
		return;
}

static void kill_tree(struct supervisor *s)
{
	(void)sys_pidfd_send_signal(s->plan->pidfd, SIGKILL); /* ESRCH: it ended just now */
}

/* Ask first; SIGCONT, because a stopped process handles nothing. */
static void begin_ending(struct supervisor *s, enum outcome_cause cause, int signal)
{
	if (s->ending != OUTCOME_EXITED)
		return;
	s->ending = cause;
	s->kill_at = now_us() / 1000 + s->plan->grace_ms;
	tell(s, CHANNEL_SIGNAL, signal);
	tell(s, CHANNEL_SIGNAL, SIGCONT);
}

static void user_is_gone(struct supervisor *s)
{
	struct sigaction action;

	relay_hang_up(&s->relay);
	/* Who had SIGHUP ignored when starting us wants it to go on without a terminal. */
	if (sigaction(SIGHUP, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
		return;
	begin_ending(s, OUTCOME_TERMINAL_CLOSED, SIGHUP);
}

/* Stop as any job does: by the default action of SIGTSTP, which the kernel leaves out where nobody could continue us (an orphaned
 * process group). Execution goes on here after SIGCONT. */
static void stop_ourselves(struct supervisor *s)
{
	sigset_t stop, old;

	tell(s, CHANNEL_SUSPEND, 0);
	relay_detach(&s->relay);
	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	(void)kill(getpid(), SIGTSTP);
	(void)sigprocmask(SIG_UNBLOCK, &stop, &old);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	relay_attach(&s->relay);
	if (s->plan->limits)
		limits_skip(s->plan->limits, now_us() / 1000);
	tell(s, CHANNEL_RESUME, 0);
}

static bool has_hung_up(int fd)
{
	struct pollfd terminal = {.fd = fd};

	return isatty(fd) && poll(&terminal, 1, 0) == 1 && terminal.revents & POLLHUP;
}

/* A terminal that closes reaches its foreground group by a signal of the kernel's own; a shell that ends passes it on to its jobs. A
 * `kill -HUP` is neither, and only passed on: daemons take it for "read your configuration". */
static bool is_hang_up(const struct supervisor *s, const struct signalfd_siginfo *info)
{
	return info->ssi_signo == SIGHUP && (info->ssi_code == SI_KERNEL || has_hung_up(s->plan->input));
}

static void take_signal(struct supervisor *s)
{
	struct signalfd_siginfo info;

	if (read(s->signals, &info, sizeof(info)) != sizeof(info))
		return;
	int signal = (int)info.ssi_signo;
	if (signal == SIGWINCH || signal == SIGCONT) {
		relay_attach(&s->relay);
	} else if (signal == SIGTSTP) {
		stop_ourselves(s);
	} else if (is_hang_up(s, &info)) {
		user_is_gone(s);
	} else {
		s->passed |= 1ULL << signal;
		tell(s, CHANNEL_SIGNAL, signal);
	}
}

static int take_message(struct supervisor *s)
{
	struct channel_message message;
	int fds[FD_PASS_MAX];
	int r = channel_receive(s->plan->channel, &message, fds);

	if (r == -EBADMSG)
		return 0;
	if (r < 0) {
		s->over = true; /* init died without a word */
		return 0;
	}
	for (size_t i = 0; i < FD_PASS_MAX; i++)
		fds[i] = fd_close(fds[i]);
	if (message.type == CHANNEL_ERROR) {
		if (s->err)
			*s->err = message.error;
		return message.error.code > 0 ? -message.error.code : -EPROTO;
	}
	if (message.type == CHANNEL_EXIT) {
		s->exit = message.exit;
		s->over = s->has_exit = true;
	}
	return 0;
}

/* Why a limit of the whole tree ended it. */
static enum outcome_cause cause_of_limit(enum limit limit)
{
	switch (limit) {
	case LIMIT_TASKS:
		return OUTCOME_TASKS;
	case LIMIT_SCRATCH:
		return OUTCOME_SCRATCH;
	case LIMIT_CPUS:
		return OUTCOME_CPUS;
	default:
		return OUTCOME_MEMORY;
	}
}

static WHILE_IDLE void look_at_limits(struct supervisor *s, uint64_t now_ms)
{
	struct limit_verdict verdict;

	limits_tick(s->plan->limits, now_ms, &verdict);
	s->limits_at = verdict.next_ms;
	if (verdict.order == LIMIT_STOP_TREE) {
		tell(s, CHANNEL_SUSPEND, 0);
	} else if (verdict.order == LIMIT_CONTINUE_TREE) {
		tell(s, CHANNEL_RESUME, 0);
	} else if (verdict.order == LIMIT_END_TREE) {
		s->ending = cause_of_limit(verdict.limit);
		s->outcome->reached = verdict;
		s->limits_at = 0;
		kill_tree(s);
	}
}

/* More was said than may be. What was let through has been passed on, or will be. */
static void check_output(struct supervisor *s)
{
	if (!s->plan->pipes || !s->plan->pipes->budget.is_over || s->ending == OUTCOME_OUTPUT)
		return;
	if (s->ending == OUTCOME_EXITED)
		s->ending = OUTCOME_OUTPUT;
	kill_tree(s);
}

static WHILE_IDLE void look_at_room(struct supervisor *s, uint64_t now_ms)
{
	if (s->room_at && now_ms >= s->room_at)
		s->room_at = scratch_look(s->plan->room, now_ms);
}

static void check_clock(struct supervisor *s, uint64_t now_ms)
{
	if (s->timeout_at && now_ms >= s->timeout_at) {
		s->timeout_at = 0;
		begin_ending(s, OUTCOME_TIMEOUT, s->plan->stop_signal ? s->plan->stop_signal : SIGTERM);
	}
	if (s->limits_at && now_ms >= s->limits_at)
		look_at_limits(s, now_ms);
	if (s->kill_at && now_ms >= s->kill_at) {
		s->kill_at = 0;
		kill_tree(s);
	}
}

/* The shorter of two poll(2) limits, of which -1 is the longest. */
static WHILE_IDLE int sooner(int limit, uint64_t at_ms, uint64_t now_ms)
{
	uint64_t left = at_ms > now_ms ? at_ms - now_ms : 0;

	if (!at_ms)
		return limit;
	if (left > INT_MAX)
		left = INT_MAX;
	return limit < 0 || (int)left < limit ? (int)left : limit;
}

static WHILE_IDLE int step(struct supervisor *s)
{
	struct pollfd fds[POLL_MAX] = {
	    [SIGNALS] = {.fd = s->signals, .events = POLLIN},
	    [CHANNEL] = {.fd = s->plan->channel, .events = POLLIN},
	    [PIDFD] = {.fd = s->plan->pidfd, .events = POLLIN},
	    [LIMITS] = {.fd = s->limits_fd, .events = POLLPRI},
	    [LISTENER] = {.fd = s->plan->notify ? s->plan->notify->fd : -1, .events = POLLIN},
	};
	uint64_t now = now_us() / 1000;
	int limit = relay_prepare(&s->relay, now, fds + RELAY);

	limit = sooner(sooner(sooner(limit, s->timeout_at, now), s->kill_at, now), s->limits_at, now);
	limit = sooner(limit, s->room_at, now);
	for (int i = 0; i < OUTPUT_FDS; i++)
		fds[PIPES + i].fd = -1;
	if (s->plan->pipes)
		output_prepare(s->plan->pipes, fds + PIPES);
	if (poll(fds, POLL_MAX, limit) < 0)
		return errno == EINTR ? 0 : error_set(s->err, errno, "cannot wait for the sandbox");
	now = now_us() / 1000;
	if (fds[LIMITS].revents)
		s->limits_at = now;
	check_clock(s, now);
	if (fds[LISTENER].revents && seccomp_notify_step(s->plan->notify, fds[LISTENER].revents, s->err) < 0)
		return -s->err->code;
	look_at_room(s, now);
	if (fds[SIGNALS].revents) {
		take_signal(s);
		return 0; /* it may have stopped us for hours, and then what poll said is no longer true */
	}
	if (relay_step(&s->relay, now, fds + RELAY) < 0)
		user_is_gone(s);
	if (s->plan->pipes)
		output_step(s->plan->pipes, fds + PIPES);
	check_output(s);
	/* EXIT is in the channel before init's end shows on the pidfd, so the channel goes first. */
	if (fds[CHANNEL].revents)
		return take_message(s);
	if (fds[PIDFD].revents)
		s->over = true;
	return 0;
}

/* Init ends by itself after EXIT; when it does not, it is made to: nothing may be left when we return. */
static int reap_init(struct supervisor *s, struct rusage *usage)
{
	struct pollfd end = {.fd = s->plan->pidfd, .events = POLLIN};
	siginfo_t info;
	int r;

	if (poll(&end, 1, INIT_EXIT_MS) <= 0) {
		kill_tree(s);
		if (poll(&end, 1, INIT_EXIT_MS) <= 0)
			for (size_t i = 0; i < s->plan->server_count; i++)
				server_kill(&s->plan->servers[i]);
	}
	memset(usage, 0, sizeof(*usage));
	do
		r = sys_waitid_pidfd(s->plan->pidfd, &info, WEXITED, usage);
	while (r < 0 && errno == EINTR);
	return r < 0 ? error_set(s->err, errno, "cannot wait for the sandbox's init") : 0;
}

static uint64_t time_us(struct timeval time)
{
	return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

/* The signal that a status tells of, also in the way that shells do; 0: none. */
static int signal_of(int wait_status)
{
	if (WIFSIGNALED(wait_status))
		return WTERMSIG(wait_status);
	return WIFEXITED(wait_status) && WEXITSTATUS(wait_status) > 128 && WEXITSTATUS(wait_status) < 128 + 64 ? WEXITSTATUS(wait_status) - 128 : 0;
}

/* The kernel's OOM killer takes init along, and its reason stands in the cgroup. */
static void look_back(struct supervisor *s)
{
	if (!s->plan->limits)
		return;
	if (!s->has_exit && s->ending == OUTCOME_EXITED)
		look_at_limits(s, now_us() / 1000);
	limits_usage(s->plan->limits, &s->outcome->tree_usage);
	if (!s->plan->room || s->plan->room->fd < 0)
		return;
	(void)scratch_look(s->plan->room, 0);
	uint64_t *peak = &s->outcome->tree_usage.scratch_peak;
	if (*peak == UINT64_MAX || *peak < s->plan->room->used_peak)
		*peak = s->plan->room->used_peak;
}

/* Of a tree that was killed, rusage does not know the most of it. */
static uint64_t more_known(uint64_t a, uint64_t b)
{
	return b != UINT64_MAX && b > a ? b : a;
}

/* Without EXIT the usage of the dead tree comes from the kernel: a PID 1 reaps all of its namespace in its last moment. */
static void judge(struct supervisor *s, const struct rusage *init_usage)
{
	struct outcome *outcome = s->outcome;
	const struct rusage *usage = s->has_exit ? &s->exit.usage : init_usage;

	outcome->wait_status = s->has_exit && s->ending != OUTCOME_OUTPUT ? s->exit.wait_status : SIGKILL; /* half of what it said is not what it said */
	int signal = signal_of(outcome->wait_status);
	bool is_ours = s->passed & 1ULL << signal;
	outcome->outside_signal = is_ours ? signal : 0;
	if (s->ending != OUTCOME_EXITED)
		outcome->cause = s->ending;
	else if (!s->has_exit)
		outcome->cause = OUTCOME_KILLED;
	else if (is_ours)
		outcome->cause = OUTCOME_INTERRUPTED;
	else
		outcome->cause = outcome_cause_of(outcome->wait_status);
	outcome->usage.wall_us = now_us() - s->started_us;
	outcome->usage.user_us = more_known(time_us(usage->ru_utime), outcome->tree_usage.cpu_user_us);
	outcome->usage.system_us = more_known(time_us(usage->ru_stime), outcome->tree_usage.cpu_system_us);
	outcome->usage.max_rss_kb = more_known((uint64_t)usage->ru_maxrss, outcome->reached.largest / 1024);
}

/* Output that a slow reader has not taken yet is waited for, but whoever asks us to end now is heard. */
static void finish_relay(struct supervisor *s)
{
	sigset_t ending;

	sigemptyset(&ending);
	add_unless_ignored(&ending, passed_on, ARRAY_SIZE(passed_on));
	if (signalfd(s->signals, &ending, 0) >= 0)
		relay_finish(&s->relay, s->signals);
}

static int open_signals(struct supervisor *s)
{
	sigset_t take;

	signals_to_take(&take);
	s->signals = signalfd(-1, &take, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0 ? error_set(s->err, errno, "cannot receive signals") : 0;
}

WHILE_IDLE int supervise_run(const struct supervise_plan *plan, struct outcome *ret, struct error *err)
{
	struct supervisor s = {.plan = plan, .outcome = ret, .err = err, .signals = -1, .limits_fd = -1, .started_us = now_us()};
	struct rusage usage;

	if (plan->limits) {
		s.limits_at = s.started_us / 1000;
		s.limits_fd = limits_event_fd(plan->limits);
	}
	if (plan->room)
		s.room_at = scratch_look(plan->room, s.started_us / 1000);
	if (plan->timeout_ms)
		s.timeout_at = s.started_us / 1000 + plan->timeout_ms;
	int r = open_signals(&s);
	relay_open(&s.relay, plan->pty_master, plan->input, plan->output, plan->pipes ? &plan->pipes->budget : NULL);
	mem_drop_program(); /* most payloads are waited for longer than the way here took */
	while (r == 0 && !s.over)
		r = step(&s);
	if (r < 0)
		kill_tree(&s);
	else
		finish_relay(&s);
	relay_close(&s.relay);
	int reaped = reap_init(&s, &usage);
	if (r == 0 && plan->pipes)
		output_finish(plan->pipes, s.signals); /* nobody writes any more */
	check_output(&s);
	s.signals = fd_close(s.signals);
	if (r < 0 || reaped < 0)
		return r < 0 ? r : reaped;
	look_back(&s);
	judge(&s, &usage);
	return 0;
}
