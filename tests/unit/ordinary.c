#include "unit/ordinary.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "util/fd.h"

const char *ordinary_become(void)
{
	struct passwd *account;

	if (geteuid() != 0)
		return NULL;
	account = getpwnam("carrel-test");
	if (!account)
		return "no account carrel-test";
	if (setgroups(0, NULL) < 0 || setgid(account->pw_gid) < 0 || setuid(account->pw_uid) < 0)
		return "cannot become carrel-test";
	(void)setenv("HOME", account->pw_dir, 1);
	/* A change of ids took it away. */
	return prctl(PR_SET_DUMPABLE, 1) < 0 ? "cannot become dumpable again" : NULL;
}

bool ordinary_be_root_inside(int more)
{
	char line[64];
	unsigned uid = geteuid(), gid = getegid();

	if (unshare(CLONE_NEWUSER | more) < 0)
		return false;
	(void)snprintf(line, sizeof(line), "0 %u 1", uid);
	if (fd_put_at(AT_FDCWD, "/proc/self/uid_map", line) < 0 || fd_put_at(AT_FDCWD, "/proc/self/setgroups", "deny") < 0)
		return false;
	(void)snprintf(line, sizeof(line), "0 %u 1", gid);
	return fd_put_at(AT_FDCWD, "/proc/self/gid_map", line) == 0;
}
