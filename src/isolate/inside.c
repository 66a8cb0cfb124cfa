#include "isolate/inside.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "isolate/explain.h"
#include "util/fd.h"
#include "util/proc.h"
#include "util/sys.h"

/* Our child: tell that the namespace is there, wait for the mapping, act, give the result. */
static _Noreturn void child(int socket, int (*act)(void *argument), void *argument)
{
	int result = unshare(CLONE_NEWUSER) < 0 ? -errno : 0;
	char go;

	if (fd_write_all(socket, &result, sizeof(result)) < 0 || result < 0)
		_exit(1);
	if (fd_read_all(socket, &go, 1) < 0)
		_exit(1);
	result = act(argument);
	_exit(fd_write_all(socket, &result, sizeof(result)) < 0);
}

static int map_child(const struct idmap_plan *plan, pid_t pid, struct error *err)
{
	cleanup_close int pidfd = sys_pidfd_open(pid, 0);
	struct idmap_job job;
	int r = pidfd < 0 ? error_set(err, errno, "cannot pin a process") : idmap_begin(plan, pid, pidfd, &job, err);

	return r < 0 ? r : idmap_finish(plan, &job, err);
}

static int drive(const struct idmap_plan *plan, pid_t pid, int socket, struct error *err)
{
	int result = 0;
	int r = fd_read_all(socket, &result, sizeof(result));

	if (r < 0 || result < 0) {
		error_set(err, r < 0 ? -r : -result, "cannot make a user namespace");
		return explain_userns_failure(r < 0 ? -r : -result, err);
	}
	r = map_child(plan, pid, err);
	if (r < 0)
		return r;
	r = fd_write_all(socket, "", 1);
	if (r == 0)
		r = fd_read_all(socket, &result, sizeof(result));
	return r < 0 ? error_set(err, -r, "cannot hear from the process with the sandbox's ids") : result;
}

int inside_run(const struct idmap_plan *plan, int (*act)(void *argument), void *argument, struct error *err)
{
	int pair[2];
	pid_t pid;
	int r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, errno, "cannot make a socket");
	pid = fork();
	if (pid == 0) {
		(void)fd_close(pair[0]);
		child(pair[1], act, argument);
	}
	r = pid < 0 ? -errno : 0;
	(void)fd_close(pair[1]);
	r = r < 0 ? error_set(err, -r, "cannot fork") : drive(plan, pid, pair[0], err);
	(void)fd_close(pair[0]); /* a child that still waits sees the end */
	if (pid > 0)
		(void)!proc_wait(pid);
	return r;
}
