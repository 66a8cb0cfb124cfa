/* The weak build: carrel's own objects, linked with these in place of what they call (ld --wrap). $CARREL_WEAK names what is missing then, with
 * commas between where one wall stands behind another. It is a program of the tests: what is shipped has no such switch.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "isolate/caps.h"
#include "isolate/keyring.h"
#include "isolate/landlock.h"
#include "isolate/mount.h"
#include "isolate/tree.h"
#include "run/init.h"

static bool lacks(const char *defence)
{
	const char *at = getenv("CARREL_WEAK");
	size_t len = strlen(defence);

	for (; at && *at; at += strcspn(at, ","), at += *at == ',') {
		if (strncmp(at, defence, len) == 0 && (!at[len] || at[len] == ','))
			return true;
	}
	return false;
}

int __real_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
int __wrap_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
int __wrap_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	if ((option == PR_SET_DUMPABLE && lacks("dumpable")) || (option == PR_SET_NO_NEW_PRIVS && lacks("no_new_privs")) ||
	    (option == PR_SET_PDEATHSIG && lacks("pdeathsig")))
		return 0;
	return __real_prctl(option, a, b, c, d);
}

long __real_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	if (number == SYS_close_range && lacks("close_range"))
		return 0;
	/* No defence, but a kernel before 6.5, which knows no such key. */
	if (number == SYS_fsconfig && c && strcmp((const char *)c, "lowerdir+") == 0 && lacks("lowerdir+")) {
		errno = EINVAL;
		return -1;
	}
	return __real_syscall(number, a, b, c, d, e, f);
}

int __real_setgroups(size_t count, const gid_t *groups);
int __wrap_setgroups(size_t count, const gid_t *groups);
int __wrap_setgroups(size_t count, const gid_t *groups)
{
	return lacks("setgroups") ? 0 : __real_setgroups(count, groups);
}

pid_t __real_setsid(void);
pid_t __wrap_setsid(void);
pid_t __wrap_setsid(void)
{
	return lacks("setsid") ? 0 : __real_setsid();
}

/* Who is refused to follow a symlink follows it. */
int __real_openat(int dirfd, const char *path, int flags, mode_t mode);
int __wrap_openat(int dirfd, const char *path, int flags, mode_t mode);
int __wrap_openat(int dirfd, const char *path, int flags, mode_t mode)
{
	return __real_openat(dirfd, path, lacks("nofollow") ? flags & ~O_NOFOLLOW : flags, mode);
}

/* Magic links lead wherever they lead. */
int __real_path_open_in(int root_fd, const char *path, int flags);
int __wrap_path_open_in(int root_fd, const char *path, int flags);
int __wrap_path_open_in(int root_fd, const char *path, int flags)
{
	return lacks("inside") && strncmp(path, "/proc/self/fd/", 14) == 0 ? open(path, flags | O_CLOEXEC) : __real_path_open_in(root_fd, path, flags);
}

/* The capabilities stay as they are, which is all of the namespace's. */
int __real_caps_apply(uint64_t keep, unsigned uid, struct error *err);
int __wrap_caps_apply(uint64_t keep, unsigned uid, struct error *err);
int __wrap_caps_apply(uint64_t keep, unsigned uid, struct error *err)
{
	return lacks("caps") ? 0 : __real_caps_apply(keep, uid, err);
}

int __real_caps_bound(uint64_t keep, struct error *err);
int __wrap_caps_bound(uint64_t keep, struct error *err);
int __wrap_caps_bound(uint64_t keep, struct error *err)
{
	return lacks("caps") ? 0 : __real_caps_bound(keep, err);
}

int __real_keyring_apply(struct error *err);
int __wrap_keyring_apply(struct error *err);
int __wrap_keyring_apply(struct error *err)
{
	return lacks("keyring") ? 0 : __real_keyring_apply(err);
}

int __real_landlock_apply(const struct landlock_plan *plan, struct error *err);
int __wrap_landlock_apply(const struct landlock_plan *plan, struct error *err);
int __wrap_landlock_apply(const struct landlock_plan *plan, struct error *err)
{
	return lacks("landlock") ? 0 : __real_landlock_apply(plan, err);
}

/* An init that does not listen to the launcher. */
int __real_init_run(const struct init_plan *plan);
int __wrap_init_run(const struct init_plan *plan);
int __wrap_init_run(const struct init_plan *plan)
{
	while (lacks("init"))
		(void)pause();
	return __real_init_run(plan);
}

/* Masks, hidden and protected paths. */
int __real_cover_apply(struct tree *tree, const struct tree_entry *entry, struct error *err);
int __wrap_cover_apply(struct tree *tree, const struct tree_entry *entry, struct error *err);
int __wrap_cover_apply(struct tree *tree, const struct tree_entry *entry, struct error *err)
{
	return lacks("cover") ? 0 : __real_cover_apply(tree, entry, err);
}

int __real_mount_attach(int mount_fd, int target_fd, unsigned flags);
int __wrap_mount_attach(int mount_fd, int target_fd, unsigned flags);
int __wrap_mount_attach(int mount_fd, int target_fd, unsigned flags)
{
	if (lacks("nosuid"))
		flags &= ~(unsigned)MOUNT_NOSUID;
	if (lacks("readonly"))
		flags &= ~(unsigned)MOUNT_RDONLY;
	return __real_mount_attach(mount_fd, target_fd, flags);
}
