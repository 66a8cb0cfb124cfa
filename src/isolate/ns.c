#include "isolate/ns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "isolate/explain.h"
#include "util/sys.h"

pid_t ns_clone(const struct ns_plan *plan, int cgroup_fd, int *ret_pidfd, struct error *err)
{
	int pidfd = -1;
	struct clone_args args = {
	    .flags = CLONE_PIDFD | CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC,
	    .pidfd = (uintptr_t)&pidfd,
	    .exit_signal = SIGCHLD,
	};

	if (plan->hostname)
		args.flags |= CLONE_NEWUTS;
	if (!plan->own_cgroup)
		args.flags |= CLONE_NEWCGROUP;
	if (cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (__u64)(unsigned)cgroup_fd;
	}
	pid_t pid = sys_clone3(&args);

	if (pid < 0) {
		int errnum = errno;

		error_set(err, errnum, "cannot make the namespaces of the sandbox");
		return explain_userns_failure(errnum, err);
	}
	if (pid > 0)
		*ret_pidfd = pidfd;
	return pid;
}

int ns_unshare_cgroup(struct error *err)
{
	return unshare(CLONE_NEWCGROUP) < 0 ? error_set(err, errno, "cannot make the sandbox's cgroup namespace") : 0;
}

int ns_unshare_network(struct error *err)
{
	if (unshare(CLONE_NEWNET) == 0)
		return 0;
	int errnum = errno;
	error_set(err, errnum, "cannot make a network namespace");
	return errnum == ENOSPC ? explain_namespace_limit("net", err) : -errnum;
}

int ns_set_hostname(const char *name, struct error *err)
{
	return sethostname(name, strlen(name)) < 0 ? error_set(err, errno, "cannot set the host name '%s'", name) : 0;
}

int ns_open_user(struct error *err)
{
	int fd = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? error_set(err, errno, "cannot open the sandbox's user namespace") : fd;
}

int ns_join_user(int user_fd, struct error *err)
{
	return setns(user_fd, CLONE_NEWUSER) < 0 ? error_set(err, errno, "cannot join the sandbox's user namespace") : 0;
}
