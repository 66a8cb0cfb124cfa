#include "isolate/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "isolate/cgroup_parts.h"
#include "isolate/scope_wire.h"
#include "util/fd.h"
#include "util/proc.h"
#include "util/procstat.h"

enum { CONNECT_AGAIN_MS = 5, CGROUP_TEXT_MAX = 64 * 1024 };

/* --- the socket --------------------------------------------------------------------------------------------------------------------------- */

static int fail(const struct scope_job *job, int errnum, const char *why, struct error *err)
{
	(void)scope_error(err, errnum);
	return error_cause(err, "%s: %s", job->where, why);
}

/* A number of ours says nothing to a systemd that lives in another PID namespace, or names somebody else there. */
static int check_peer(const struct scope_job *job, struct error *err)
{
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);

	if (getsockopt(job->socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return fail(job, errno, strerror(errno), err);
	return peer.pid ? 0 : fail(job, ESRCH, "who listens there lives outside of our PID namespace", err);
}

static int connect_step(struct scope_job *job, struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(job->where);

	if (job->is_connected)
		return 0;
	memcpy(address.sun_path, job->where, length); /* scope_begin has measured it */
	if (address.sun_path[0] == '@')
		address.sun_path[0] = 0;
	else
		length++;
	if (connect(job->socket, (const struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) == 0) {
		job->is_connected = true;
		return check_peer(job, err);
	}
	/* EAGAIN: the queue of who listens is full (connect(2), unix sockets). */
	return errno == EAGAIN || errno == EINTR ? 0 : fail(job, errno, strerror(errno), err);
}

/* What the socket takes. A peer that has hung up may have said why: what it said is read first, so that an error here is none yet. */
static void send_step(struct scope_job *job)
{
	struct scope_wire *wire = job->wire;

	while (job->is_connected && wire->sent < wire->out.size) {
		ssize_t n = send(job->socket, wire->out.text + wire->sent, wire->out.size - wire->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return;
		wire->sent += (size_t)n;
	}
}

/* All that is there. 1: the scope is there; 0: not yet; *ret_heard: something came. */
static int receive_step(struct scope_job *job, bool *ret_heard, struct error *err)
{
	char data[4096];
	int r = 0;

	while (r == 0) {
		ssize_t n = recv(job->socket, data, sizeof(data), MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0)
			return fail(job, errno, strerror(errno), err);
		if (n == 0)
			return fail(job, ECONNRESET, "the connection was closed without an answer", err);
		*ret_heard = true;
		r = scope_wire_take(job->wire, data, (size_t)n, err);
	}
	return r;
}

/* 1: the scope is there; 0: not yet. */
static int step(struct scope_job *job, bool *ret_heard, struct error *err)
{
	int r = connect_step(job, err);

	if (r < 0 || !job->is_connected)
		return r;
	send_step(job);
	return receive_step(job, ret_heard, err);
}

static void wait_for_more(const struct scope_job *job, int64_t most_ms)
{
	struct pollfd pollfd = {.fd = job->socket, .events = POLLIN};

	if (job->wire->sent < job->wire->out.size)
		pollfd.events |= POLLOUT;
	/* Interrupted, it is only another look. */
	if (job->is_connected)
		(void)poll(&pollfd, 1, (int)most_ms);
	else
		(void)poll(NULL, 0, most_ms < CONNECT_AGAIN_MS ? (int)most_ms : CONNECT_AGAIN_MS);
}

/* Somebody who works for us, or for others before us, is not gone: has the other side used a processor since we looked last, or does it wait for one? */
static bool is_busy(const struct scope_job *job, uint64_t *ticks_seen)
{
	cleanup_close int procfs = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct ucred peer;
	socklen_t size = sizeof(peer);
	struct procstat stat;
	bool has_worked;

	if (!job->is_connected || procfs < 0 || getsockopt(job->socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || procstat_read(procfs, peer.pid, &stat) < 0)
		return false;
	has_worked = *ticks_seen && stat.user_ticks + stat.system_ticks > *ticks_seen;
	*ticks_seen = stat.user_ticks + stat.system_ticks;
	return has_worked || stat.state == 'R';
}

/* What has come is looked at before the clock is: our own delay (stopped, an overloaded machine) is no silence of systemd. */
static int talk(struct scope_job *job, struct error *err)
{
	int64_t quiet_since = proc_now_ms();
	uint64_t ticks = 0;
	int64_t end = job->began_ms + SCOPE_MOST_SILENCES * job->silence_ms;

	if (end < quiet_since + job->silence_ms)
		end = quiet_since + job->silence_ms;
	(void)is_busy(job, &ticks); /* where it stands now */
	for (;;) {
		bool heard = false;
		int r = step(job, &heard, err);
		int64_t now = proc_now_ms(), silent;

		if (r != 0)
			return r < 0 ? r : 0;
		if (heard)
			quiet_since = now;
		silent = quiet_since + job->silence_ms;
		if (now >= silent && now < end && is_busy(job, &ticks))
			silent = (quiet_since = now) + job->silence_ms;
		if (now >= silent || now >= end)
			return fail(job, ETIMEDOUT, now >= silent ? "nobody answers" : "it takes too long", err);
		wait_for_more(job, (silent < end ? silent : end) - now);
	}
}

/* --- the cgroup --------------------------------------------------------------------------------------------------------------------------- */

static int find_cgroup(const struct scope_job *job, const char *cgroup_mount, char **ret_path, struct error *err)
{
	cleanup_free char *file = mem_printf("/proc/%d/cgroup", (int)job->pid), *text = NULL, *path = NULL;
	struct arena arena = {0};
	size_t size;
	int r = fd_slurp_at(AT_FDCWD, file, CGROUP_TEXT_MAX, &text, &size);
	const char *own = r < 0 ? NULL : cgroup_parse_own(&arena, text);
	const char *name = own ? strrchr(own, '/') : NULL;

	if (r < 0) {
		(void)scope_error(err, -r);
		r = error_cause(err, "cannot read %s: %s", file, strerror(-r));
	} else if (!name || strcmp(name + 1, job->unit) != 0) {
		(void)scope_error(err, ESRCH);
		r = error_cause(err, "%s says '%s', not %s, although its job is done", file, own ? own : "", job->unit);
	} else {
		path = mem_printf("%s%s", cgroup_mount, own);
		/* "/../x": outside of our cgroup namespace. Or what is mounted is not the whole hierarchy. */
		if (strncmp(own, "/../", 4) == 0 || access(path, F_OK) < 0) {
			(void)scope_error(err, ENOENT);
			r = error_cause(err, "its cgroup %s is out of our sight below %s", own, cgroup_mount);
		} else
			*ret_path = take_ptr(path);
	}
	arena_done(&arena);
	return r;
}

/* An emulated or overloaded machine answers late, and is as slow with us: how long ago did this process begin? */
static int64_t own_age_ms(void)
{
	cleanup_close int procfs = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct procstat self;
	struct timespec now;

	if (procfs < 0 || procstat_read(procfs, getpid(), &self) < 0 || clock_gettime(CLOCK_BOOTTIME, &now) < 0)
		return 0;
	return now.tv_sec * 1000 + now.tv_nsec / 1000000 - (int64_t)self.start_ticks * 1000 / sysconf(_SC_CLK_TCK);
}

static int64_t patience_ms(void)
{
	int64_t age = own_age_ms();

	if (age * 4 > SCOPE_SILENCE_MOST_MS)
		return SCOPE_SILENCE_MOST_MS;
	return age * 4 > SCOPE_SILENCE_MS ? age * 4 : SCOPE_SILENCE_MS;
}

/* --- from outside ------------------------------------------------------------------------------------------------------------------------- */

int scope_begin(const struct scope_facts *facts, pid_t pid, const char *description, struct scope_job *ret, struct error *err)
{
	static unsigned count;
	struct scope_job job = {.pid = pid, .began_ms = proc_now_ms(), .silence_ms = patience_ms()};
	struct scope_request request = {.unit = job.unit, .description = description, .pid = pid, .uid = geteuid(), .is_bus = facts->is_bus};
	bool heard = false;
	int r;

	if (!facts->socket || strlen(facts->socket) >= sizeof(job.where)) {
		(void)scope_error(err, ENOENT);
		return error_cause(err, "%s", facts->socket ? "its socket's path is too long" : facts->why_not ? facts->why_not : "there is none");
	}
	(void)snprintf(job.where, sizeof(job.where), "%s", facts->socket); /* measured */
	(void)snprintf(job.unit, sizeof(job.unit), "carrel-%d-%u.scope", (int)getpid(), ++count); /* it fits */
	job.socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (job.socket < 0)
		return scope_error(err, errno);
	job.wire = mem_alloc(sizeof(*job.wire));
	scope_wire_ask(job.wire, &request);
	r = step(&job, &heard, err);
	if (r < 0) {
		scope_done(&job);
		return r;
	}
	*ret = job;
	return 0;
}

int scope_finish(struct scope_job *job, const char *cgroup_mount, char **ret_path, struct error *err)
{
	int r = job->wire ? talk(job, err) : scope_error(err, EINVAL);

	if (r == 0)
		r = find_cgroup(job, cgroup_mount, ret_path, err);
	scope_done(job);
	return r;
}

void scope_done(struct scope_job *job)
{
	if (job->wire)
		(void)fd_close(job->socket);
	scope_wire_free(job->wire);
	*job = (struct scope_job){.socket = -1};
}
