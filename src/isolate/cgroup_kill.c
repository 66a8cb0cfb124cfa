/* The end of all processes of a cgroup. */
#include <errno.h>
#include <signal.h>
#include <time.h>

#include "isolate/cgroup_parts.h"
#include "util/fd.h"
#include "util/sys.h"

enum { BATCH = 64, MOST_PASSES = 2000 };

static bool holds(int box, pid_t pid)
{
	enum { MOST = 4096 };
	pid_t pids[MOST];
	size_t count = cgroup_read_processes(box, pids, MOST);

	for (size_t i = 0; i < count; i++) {
		if (pids[i] == pid)
			return true;
	}
	return false;
}

/* The number may be another process's by the time that it is pinned; so it is looked for once more. */
static int kill_one(int box, pid_t pid)
{
	cleanup_close int pidfd = sys_pidfd_open(pid, 0);

	if (pidfd < 0)
		return errno == ESRCH ? 0 : -errno;
	if (!holds(box, pid))
		return 0;
	return sys_pidfd_send_signal(pidfd, SIGKILL) < 0 && errno != ESRCH ? -errno : 0;
}

/* Frozen (5.2), they neither fork nor end but by our signal. */
int cgroup_kill_each(const struct cgroup *cgroup)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	pid_t pids[BATCH];
	size_t count;
	int failed = 0;

	(void)!fd_put_at(cgroup->outer, "cgroup.freeze", "1"); /* only makes it surer */
	for (int pass = 0; pass < MOST_PASSES && (count = cgroup_read_processes(cgroup->box, pids, BATCH)); pass++) {
		for (size_t i = 0; i < count && !failed; i++)
			failed = kill_one(cgroup->box, pids[i]);
		if (failed)
			break;
		if (pass)
			(void)nanosleep(&pause, NULL);
	}
	(void)!fd_put_at(cgroup->outer, "cgroup.freeze", "0");
	return failed ? failed : cgroup_read_processes(cgroup->box, pids, 1) ? -EBUSY : 0;
}

int cgroup_kill(const struct cgroup *cgroup)
{
	int r = fd_put_at(cgroup->outer, "cgroup.kill", "1"); /* 5.14 */

	return r == -ENOENT ? cgroup_kill_each(cgroup) : r;
}
