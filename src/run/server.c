#include "run/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "isolate/caps.h"
#include "isolate/ns.h"
#include "isolate/overlay.h"
#include "isolate/squash.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/proc.h"
#include "util/sys.h"

enum { END_TIMEOUT_MS = 2000 };

/* Descriptors to 3, 4, 5 …, standard ones to nowhere and the log; the rest is closed: the server must hold nothing of the
 * user's but the layers. */
static int arrange_descriptors(const int *fds, size_t count, int log)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int above[FD_PASS_MAX];

	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(log, 2) < 0)
		return -errno;
	/* First out of each other's way; whatever the caller left open stands where it likes (bash has something at 255). */
	for (size_t i = 0; i < count; i++) {
		above[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3 + (int)count);
		if (above[i] < 0)
			return -errno;
	}
	for (size_t i = 0; i < count; i++) {
		if (dup3(above[i], 3 + (int)i, O_CLOEXEC) < 0)
			return -errno;
	}
	fd_close_range(3 + (unsigned)count, ~0u);
	return 0;
}

typedef int exec_function(const char *program, const int *fds, size_t count, bool single_id, struct error *err);

static const struct {
	const char *programs[3]; /* the first that is there */
	const char *hint;
	exec_function *exec;
} kinds[FUSE_SERVER_MAX] = {
    [FUSE_OVERLAYFS] = {{"fuse-overlayfs"}, "install the package fuse-overlayfs, or use --overlay kernel", overlay_fuse_exec},
    [FUSE_SQUASHFS] = {{"squashfuse_ll", "squashfuse"}, "install the package squashfuse", squash_exec},
};

/* The server's own `count` descriptors stand from 3 on, behind them the report's and the user namespace, which execve closes. */
static int server_child(enum fuse_server kind, const char *program, bool single_id, size_t count, pid_t launcher, struct error *err)
{
	int own[FD_PASS_MAX];
	uint64_t all = 0;
	int r = ns_join_user(4 + (int)count, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++)
		own[i] = 3 + (int)i;
	/* Its capabilities over the sandbox's ids must survive execve, also where we are not user 0 in there. */
	if (caps_parse("ALL", &all) < 0)
		return error_set(err, EINVAL, "cannot name the capabilities of %s", fuse_server_names[kind]);
	r = caps_apply(all, 1, err);
	if (r < 0)
		return r;
	(void)setsid();
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != launcher)
		return error_set(err, ESRCH, "cannot go on without the launcher");
	return kinds[kind].exec(program, own, count, single_id, err);
}

/* The report of the server's start: its end by execve says that the program runs, else an error comes. */
static int read_report(int report, struct error *err)
{
	struct error why;
	int r = fd_read_all(report, &why, sizeof(why));

	if (r == -ENODATA)
		return 0;
	if (r < 0)
		return error_set(err, -r, "cannot hear from the FUSE server");
	*err = why;
	return -err->code;
}

static char *find_program(enum fuse_server kind)
{
	char *found = NULL;

	for (const char *const *name = kinds[kind].programs; *name && !found; name++)
		found = proc_find_program(*name, PROC_SYSTEM_PATH);
	return found;
}

int server_start(struct server *server, enum fuse_server kind, int user_fd, bool single_id, const int *fds, size_t count, struct error *err)
{
	cleanup_free char *program = find_program(kind);
	const char *name = fuse_server_names[kind];
	pid_t launcher = getpid(), child;
	int report[2], all[FD_PASS_MAX];

	if (!program) {
		error_set(err, ENOENT, "cannot start %s", name);
		error_cause(err, "it is not installed");
		return error_hint(err, "%s", kinds[kind].hint);
	}
	if (count + 2 > FD_PASS_MAX)
		return error_set(err, E2BIG, "cannot start %s with %zu layers", name, count);
	server->kind = kind;
	server->log = memfd_create("carrel-fuse", MFD_CLOEXEC);
	if (server->log < 0 || pipe2(report, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot start %s", name);
	memcpy(all, fds, count * sizeof(*fds));
	all[count] = report[1];
	all[count + 1] = user_fd;
	child = fork();
	if (child < 0) {
		int r = error_set(err, errno, "cannot start %s", name);
		(void)fd_close(report[0]);
		(void)fd_close(report[1]);
		return r;
	}
	if (child == 0) {
		struct error why = {0};
		sigset_t none;

		(void)sigemptyset(&none);
		(void)sigprocmask(SIG_SETMASK, &none, NULL);
		if (arrange_descriptors(all, count + 2, server->log) < 0)
			_exit(EXIT_CARREL); /* with no place for a report: the first use of the mount says that nobody serves it */
		(void)!server_child(kind, program, single_id, count, launcher, &why);
		(void)!fd_write_all(3 + (int)count, &why, sizeof(why)); /* without a launcher nobody is left who could hear */
		_exit(EXIT_CARREL);
	}
	server->pid = child;
	(void)fd_close(report[1]);
	int r = read_report(report[0], err);
	(void)fd_close(report[0]);
	return r;
}

void server_explain(const struct server *server, struct error *err)
{
	cleanup_free char *text = NULL;
	const char *said = NULL;

	if (!server->pid || server->log < 0 || lseek(server->log, 0, SEEK_SET) < 0)
		return;
	if (fd_slurp(server->log, 65536, &text, NULL) < 0)
		return;
	/* The last line that complains; of options that it does not know it says so every time. */
	for (char *line, *rest = text; (line = strsep(&rest, "\n"));) {
		if (*line && !strstr(line, "unknown argument ignored"))
			said = line;
	}
	if (said)
		(void)error_cause(err, "%s says: %.300s", fuse_server_names[server->kind], said);
}

void server_kill(const struct server *server)
{
	if (server->pid)
		(void)kill(server->pid, SIGKILL); /* our unreaped child, so the number is its own */
}

void server_end(struct server *server)
{
	cleanup_close int pidfd = server->pid ? sys_pidfd_open(server->pid, 0) : -1;

	if (!server->pid)
		return;
	if (pidfd < 0 || poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, END_TIMEOUT_MS) <= 0)
		server_kill(server);
	(void)!proc_wait(server->pid);
	server->pid = 0;
	server->log = fd_close(server->log);
}
