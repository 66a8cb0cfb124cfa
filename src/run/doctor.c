#include "run/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/mem.h"

enum { TIME_LIMIT_MS = 6000 }; /* longer than any single wait in a check */

static const struct {
	const char *name;
	doctor_check *check;
	bool essential;
} checks[] = {
	{"kernel", doctor_kernel, true},
	{"user namespaces", doctor_userns, true},
	{"network namespaces", doctor_network_namespace, false},
	{"AppArmor", doctor_apparmor, false},
	{"account", doctor_account, false},
	{"id range", doctor_ids, false},
	{"kernel overlay: store", doctor_overlay_store, false},
	{"kernel overlay: TMPDIR", doctor_overlay_tmp, false},
	{"kernel overlay: memory", doctor_overlay_memory, false},
	{"fuse-overlayfs", doctor_fuse_overlayfs, false},
	{"/dev/fuse", doctor_fuse_device, false},
	{"seccomp", doctor_seccomp, true},
	{"Landlock", doctor_landlock, false},
	{"cgroup", doctor_cgroup, false},
	{"network nat", doctor_nat, false},
	{"runtime directory", doctor_runtime_directory, false},
	{"store", doctor_store, false},
	{"home", doctor_home, false},
	{"policy", doctor_policy, true},
};

/* One check under way. */
struct trial {
	pid_t pid;
	int fd;
};

static void format_into(char *buffer, size_t size, const char *fmt, va_list args)
{
	(void)vsnprintf(buffer, size, fmt, args); /* cut, where it must be */
}

void doctor_say(struct doctor_row *row, enum doctor_state state, const char *fmt, ...)
{
	va_list args;

	row->state = state;
	va_start(args, fmt);
	format_into(row->what, sizeof(row->what), fmt, args);
	va_end(args);
}

void doctor_consequence(struct doctor_row *row, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	format_into(row->consequence, sizeof(row->consequence), fmt, args);
	va_end(args);
}

void doctor_command(struct doctor_row *row, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	format_into(row->command, sizeof(row->command), fmt, args);
	va_end(args);
}

static struct doctor_row empty_row(size_t which)
{
	struct doctor_row row = {.state = DOCTOR_MISSING, .essential = checks[which].essential};

	(void)snprintf(row.name, sizeof(row.name), "%s", checks[which].name);
	return row;
}

/* In the child. A check that hangs is killed by the parent; should the parent go first, the signal comes from there. */
static _Noreturn void run_check(size_t which, int fd)
{
	struct doctor_row row = empty_row(which);

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	checks[which].check(&row);
	_exit(fd_write_all(fd, &row, sizeof(row)) < 0);
}

static struct trial start_trial(size_t which)
{
	struct trial trial = {.pid = -1, .fd = -1};
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return trial;
	trial.fd = ends[0];
	trial.pid = fork();
	if (trial.pid == 0)
		run_check(which, ends[1]);
	(void)fd_close(ends[1]);
	return trial;
}

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Readable within the time? A row comes whole (it is below PIPE_BUF), so one wait is enough. */
static bool wait_for(int fd, int64_t deadline)
{
	for (;;) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		int64_t left = deadline - now_ms();
		int ready = poll(&wait, 1, left > 0 ? (int)left : 0);

		if (ready >= 0 || errno != EINTR)
			return ready > 0;
	}
}

static void finish_trial(struct trial *trial, size_t which, int64_t deadline, struct doctor_row *row)
{
	*row = empty_row(which);
	if (trial->pid < 0) {
		doctor_say(row, DOCTOR_MISSING, "could not be checked: no process for it (%s)", strerror(EAGAIN));
	} else if (!wait_for(trial->fd, deadline)) {
		doctor_say(row, DOCTOR_MISSING, "did not answer within %d s", TIME_LIMIT_MS / 1000);
		doctor_consequence(row, "what needs it would hang");
	} else if (fd_read_all(trial->fd, row, sizeof(*row)) < 0) {
		*row = empty_row(which);
		doctor_say(row, DOCTOR_MISSING, "the check was ended, as by a system call filter that kills");
	}
	trial->fd = fd_close(trial->fd);
	if (trial->pid < 0)
		return;
	/* Our unreaped child. One that sleeps in a dead network filesystem ends when that answers; nobody waits for it. */
	(void)kill(trial->pid, SIGKILL);
	(void)waitpid(trial->pid, NULL, WNOHANG);
}

struct doctor_row *doctor_examine(size_t *ret_count)
{
	struct doctor_row *rows = mem_alloc(sizeof(*rows) * ARRAY_SIZE(checks));
	struct trial trials[ARRAY_SIZE(checks)];
	int64_t deadline = now_ms() + TIME_LIMIT_MS;

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		trials[i] = start_trial(i);
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		finish_trial(&trials[i], i, deadline, &rows[i]);
	*ret_count = ARRAY_SIZE(checks);
	return rows;
}

bool doctor_works(const struct doctor_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (rows[i].essential && rows[i].state == DOCTOR_MISSING)
			return false;
	return true;
}

const char *doctor_state_name(enum doctor_state state)
{
	static const char *const names[DOCTOR_STATE_MAX] = {
		[DOCTOR_WORKS] = "works", [DOCTOR_DEGRADED] = "degraded", [DOCTOR_MISSING] = "missing",
	};

	return names[state];
}
