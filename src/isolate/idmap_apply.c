#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "isolate/explain.h"
#include "isolate/idmap.h"
#include "util/buf.h"
#include "util/fd.h"
#include "util/proc.h"
#include "util/sys.h"

enum {
	HELPER_TIMEOUT_MS = 10000, /* they ask the name service, which may wait for a network */
	HELPER_TEXT_MAX = 4096,
};

/* newuidmap and newgidmap, in this order everywhere below. */
static const char *const map_files[2] = {"uid_map", "gid_map"};

static struct idmap_job empty_job(void)
{
	return (struct idmap_job){.helpers = {-1, -1}, .errors = {-1, -1}, .interrupt = -1};
}

/* Readable means that it has ended; a zombie keeps its number, but there is nothing left to map. */
static bool has_ended(int pidfd)
{
	struct pollfd state = {.fd = pidfd, .events = POLLIN};

	return poll(&state, 1, 0) > 0;
}

/* /proc/PID as a descriptor stays with that process: a later process of the same number is not reached through it. That it is ours is known when the
 * process behind the pidfd still runs after the opening. */
static int open_process(pid_t pid, int pidfd, struct error *err)
{
	char path[32];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d", pid);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "cannot map the ids of process %d: cannot open %s", pid, path);
	if (has_ended(pidfd)) {
		(void)fd_close(fd);
		return error_set(err, ESRCH, "cannot map the ids of process %d", pid);
	}
	return fd;
}

static void format_map(const struct idmap_extent *extents, size_t count, struct buf *text)
{
	for (size_t i = 0; i < count; i++)
		buf_printf(text, "%" PRIu32 " %" PRIu32 " %" PRIu32 "\n", extents[i].inside, extents[i].outside, extents[i].count);
}

static int put_map(int process, const char *file, const struct idmap_extent *extents, size_t count, struct error *err)
{
	cleanup_buf struct buf text = {0};
	int result;

	format_map(extents, count, &text);
	result = fd_put_at(process, file, text.text);
	if (result == 0)
		return 0;
	(void)error_set(err, -result, "cannot write the id map (%s)", file);
	return explain_userns_failure(-result, err);
}

/* Without privilege the kernel takes a gid map only after setgroups(2) was given up for good (user_namespaces(7)). */
static int map_directly(const struct idmap_plan *plan, int process, struct error *err)
{
	int result = 0;

	if (plan->rung == IDMAP_SINGLE)
		result = fd_put_at(process, "setgroups", "deny");
	if (result < 0) {
		(void)error_set(err, -result, "cannot write the id map (setgroups)");
		return explain_userns_failure(-result, err);
	}
	result = put_map(process, map_files[1], plan->gids, plan->gid_count, err);
	return result < 0 ? result : put_map(process, map_files[0], plan->uids, plan->uid_count, err);
}

static int start_helper(const char *program, pid_t pid, const struct idmap_extent *extents, size_t count, struct idmap_job *job, size_t which, struct error *err)
{
	size_t argc = 2 + 3 * count;
	cleanup_free char **argv = mem_alloc((argc + 1) * sizeof(*argv));
	cleanup_free char *numbers = mem_alloc(argc * 12), *path = mem_strdup(program);
	cleanup_close int read_end = -1, write_end = -1;
	int ends[2];
	pid_t helper;

	argv[0] = path;
	for (size_t i = 1; i < argc; i++) {
		const struct idmap_extent *extent = &extents[i < 2 ? 0 : (i - 2) / 3];
		uint32_t fields[] = {extent->inside, extent->outside, extent->count};

		argv[i] = numbers + 12 * i;
		(void)snprintf(argv[i], 12, "%" PRIu32, i == 1 ? (uint32_t)pid : fields[(i - 2) % 3]);
	}
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot start %s", program);
	read_end = ends[0];
	write_end = ends[1];
	helper = proc_spawn(argv, -1, write_end);
	if (helper < 0)
		return error_set(err, -helper, "cannot start %s", program);
	job->helpers[which] = helper;
	job->errors[which] = take_fd(read_end);
	return 0;
}

/* Take a helper back whatever it says. */
static void abandon(struct idmap_job *job)
{
	for (size_t i = 0; i < 2; i++) {
		job->errors[i] = fd_close(job->errors[i]);
		if (job->helpers[i] < 0)
			continue;
		(void)kill(job->helpers[i], SIGKILL); /* unreaped, so the number is its own */
		while (waitpid(job->helpers[i], NULL, 0) < 0 && errno == EINTR)
			;
		job->helpers[i] = -1;
	}
}

int idmap_begin(const struct idmap_plan *plan, pid_t pid, int pidfd, struct idmap_job *ret, struct error *err)
{
	struct idmap_job job = empty_job();
	cleanup_close int process = open_process(pid, pidfd, err);
	int result;

	if (process < 0)
		return process;
	if (!plan->newuidmap || !plan->newgidmap) {
		result = map_directly(plan, process, err);
	} else {
		/* Newer helpers (shadow 4.14) take the descriptor as "fd:N", those of Debian 12 only the number. The child is ours and
		 * unreaped, so nobody else can have that number before we wait for it. */
		result = start_helper(plan->newuidmap, pid, plan->uids, plan->uid_count, &job, 0, err);
		if (result == 0)
			result = start_helper(plan->newgidmap, pid, plan->gids, plan->gid_count, &job, 1, err);
	}
	if (result < 0) {
		abandon(&job);
		return result;
	}
	*ret = job;
	return 0;
}

static int wait_for(int fd, int interrupt, int64_t until)
{
	struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = interrupt, .events = POLLIN}};
	int ready;

	do {
		int64_t left = until - proc_now_ms();

		ready = poll(fds, 2, left > 0 ? (int)left : 0);
	} while (ready < 0 && errno == EINTR);
	if (ready <= 0)
		return ready < 0 ? -errno : -ETIMEDOUT;
	return fds[0].revents ? 0 : -EINTR;
}

/* What it printed, to the end, which comes with its own. */
static int read_errors(int fd, int interrupt, int64_t until, char text[HELPER_TEXT_MAX])
{
	size_t size = 0;

	for (;;) {
		char rest[256];
		bool full = size == HELPER_TEXT_MAX - 1;
		int r = wait_for(fd, interrupt, until);
		ssize_t got = r < 0 ? r : read(fd, full ? rest : text + size, full ? sizeof(rest) : HELPER_TEXT_MAX - 1 - size);

		if (r < 0)
			return r;
		if (got < 0 && errno != EINTR)
			return -errno;
		if (got == 0)
			break;
		if (got > 0 && !full)
			size += (size_t)got;
	}
	text[size] = 0;
	text[strcspn(text, "\n")] = 0; /* the first line says it */
	return 0;
}

static const struct {
	const char *in_text, *hint;
} helper_hints[] = {
	{"not allowed", "the range is not this user's: ask the administrator for  sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $USER ; or use --userns single"},
	{"Cannot determine", "this user is in no /etc/passwd and in no name service that newuidmap can ask; use --userns single"},
	{"owned by a different user", "the group of this shell is not the account's own (newgrp, sg, a batch system): start carrel from a login shell; or use --userns single"},
};

static int explain_helper_failure(const char *program, const char *text, const char *file, struct error *err)
{
	struct explanation found;

	(void)error_set(err, EPERM, "cannot map ids with %s (%s)", program, file);
	if (text[0])
		(void)error_cause(err, "%s", text);
	for (size_t i = 0; i < ARRAY_SIZE(helper_hints); i++)
		if (strstr(text, helper_hints[i].in_text))
			return error_hint(err, "%s", helper_hints[i].hint);
	if (explain_helper(program, &found) || explain_userns(EPERM, &found)) {
		(void)error_cause(err, "%s", found.cause);
		return error_hint(err, "%s", found.hint);
	}
	return error_hint(err, "carrel doctor  says what this host allows; or use --userns single");
}

/* One that closed its stderr and hangs then is not waited for any longer than the other. */
static int reap_helper(pid_t helper, int interrupt, int64_t until)
{
	cleanup_close int pidfd = sys_pidfd_open(helper, 0);
	int r = pidfd < 0 ? -errno : wait_for(pidfd, interrupt, until);

	return r < 0 ? r : proc_wait(helper);
}

static int finish_helper(const char *program, struct idmap_job *job, size_t which, struct error *err)
{
	int64_t until = proc_now_ms() + HELPER_TIMEOUT_MS;
	char text[HELPER_TEXT_MAX] = "";
	int status = read_errors(job->errors[which], job->interrupt, until, text);

	if (status == 0)
		status = reap_helper(job->helpers[which], job->interrupt, until);
	if (status == -ETIMEDOUT) {
		(void)error_set(err, ETIMEDOUT, "cannot map ids with %s", program);
		(void)error_cause(err, "it did not end within %d seconds", HELPER_TIMEOUT_MS / 1000);
		return error_hint(err, "it waits for the name service (getent passwd $USER); or use --userns single");
	}
	if (status < 0)
		return error_set(err, -status, "cannot map ids with %s", program);
	job->helpers[which] = -1;
	if (status == 0)
		return 0;
	return explain_helper_failure(program, text, map_files[which], err);
}

int idmap_finish(const struct idmap_plan *plan, struct idmap_job *job, struct error *err)
{
	int result = 0;

	if (job->helpers[0] >= 0)
		result = finish_helper(plan->newuidmap, job, 0, err);
	if (result == 0 && job->helpers[1] >= 0)
		result = finish_helper(plan->newgidmap, job, 1, err);
	abandon(job);
	return result;
}
