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
#include "run/confine.h"
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

typedef int exec_function(const struct fuse_program *program, struct error *err);

static const struct {
	const char *programs[3]; /* the first that is there */
	const char *hint;
	exec_function *exec;
	enum confine_role filter;
} kinds[FUSE_SERVER_MAX] = {
    [FUSE_OVERLAYFS] = {{"fuse-overlayfs"}, "install the package fuse-overlayfs, or use --overlay kernel", overlay_fuse_exec, CONFINE_OVERLAY},
    [FUSE_SQUASHFS] = {{"squashfuse_ll", "squashfuse"}, "install the package squashfuse", squash_exec, CONFINE_SQUASH},
};

/* The server's own `count` descriptors stand from 3 on, behind them the report's and the user namespace, which execve closes. */
static int server_child(enum fuse_server kind, struct fuse_program *program, pid_t launcher, struct error *err)
{
	int own[FD_PASS_MAX];
	uint64_t all = 0;
	int r = ns_join_user(4 + (int)program->count, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < program->count; i++)
		own[i] = 3 + (int)i;
	program->fds = own;
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
	return kinds[kind].exec(program, err);
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

/* In the child. Returns only on failure, and then the report has been written. */
static void become_server(const struct server *server, const struct server_plan *plan, struct fuse_program *program, int report, pid_t launcher)
{
	int all[FD_PASS_MAX];
	struct error why = {0};
	sigset_t none;

	memcpy(all, plan->fds, plan->count * sizeof(*plan->fds));
	all[plan->count] = report;
	all[plan->count + 1] = plan->user_fd;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (arrange_descriptors(all, plan->count + 2, server->log) < 0)
		return; /* with no place for a report: the first use of the mount says that nobody serves it */
	(void)!server_child(plan->kind, program, launcher, &why);
	(void)!fd_write_all(3 + (int)plan->count, &why, sizeof(why)); /* without a launcher nobody is left who could hear */
}

static int start(struct server *server, const struct server_plan *plan, struct fuse_program *program, struct error *err)
{
	const char *name = fuse_server_names[plan->kind];
	pid_t launcher = getpid();
	int report[2];

	server->log = memfd_create("carrel-fuse", MFD_CLOEXEC);
	if (server->log < 0 || pipe2(report, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot start %s", name);
	server->pid = fork();
	if (server->pid == 0) {
		become_server(server, plan, program, report[1], launcher);
		_exit(EXIT_CARREL);
	}
	int r = server->pid < 0 ? error_set(err, errno, "cannot start %s", name) : 0;
	(void)fd_close(report[1]);
	if (r < 0)
		server->pid = 0;
	else
		r = read_report(report[0], err);
	(void)fd_close(report[0]);
	return r;
}

int server_start(struct server *server, const struct server_plan *plan, struct error *err)
{
	cleanup_free char *path = find_program(plan->kind);
	const char *name = fuse_server_names[plan->kind];
	struct seccomp_program filter = {0};
	struct fuse_program program = {.path = path, .hint = kinds[plan->kind].hint, .count = plan->count, .single_id = plan->single_id, .filter = &filter};
	int r;

	if (!path) {
		error_set(err, ENOENT, "cannot start %s", name);
		error_cause(err, "it is not installed");
		return error_hint(err, "%s", kinds[plan->kind].hint);
	}
	if (plan->count + 2 > FD_PASS_MAX)
		return error_set(err, E2BIG, "cannot start %s with %zu layers", name, plan->count);
	server->kind = plan->kind;
	r = confine_filter(plan->cache_dir, kinds[plan->kind].filter, &filter, err);
	if (r == 0)
		r = start(server, plan, &program, err);
	seccomp_done(&filter);
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
