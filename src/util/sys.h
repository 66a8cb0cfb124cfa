/* System calls without a wrapper in the C library of Debian 11, wrapped once. The kernel version stands beside
 * each. Like libc's, they return -1 and set errno. */
#ifndef CARREL_UTIL_SYS_H
#define CARREL_UTIL_SYS_H

#include <linux/landlock.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static inline pid_t sys_clone3(struct clone_args *args) /* 5.3; CLONE_INTO_CGROUP 5.7 */
{
	return (pid_t)syscall(SYS_clone3, args, sizeof(*args));
}

static inline int sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) /* 5.6 */
{
	struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};

	return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

static inline int sys_open_tree(int dirfd, const char *path, unsigned flags) /* 5.2 */
{
	return (int)syscall(SYS_open_tree, dirfd, path, flags);
}

static inline int sys_move_mount(int from_fd, const char *from, int to_fd, const char *to, unsigned flags) /* 5.2 */
{
	return (int)syscall(SYS_move_mount, from_fd, from, to_fd, to, flags);
}

static inline int sys_fsopen(const char *type, unsigned flags) /* 5.2 */
{
	return (int)syscall(SYS_fsopen, type, flags);
}

static inline int sys_fsconfig(int fs_fd, unsigned cmd, const char *key, const void *value, int aux) /* 5.2 */
{
	return (int)syscall(SYS_fsconfig, fs_fd, cmd, key, value, aux);
}

static inline int sys_fsmount(int fs_fd, unsigned flags, unsigned attrs) /* 5.2 */
{
	return (int)syscall(SYS_fsmount, fs_fd, flags, attrs);
}

static inline int sys_mount_setattr(int dirfd, const char *path, unsigned flags, struct mount_attr *attr) /* 5.12 */
{
	return (int)syscall(SYS_mount_setattr, dirfd, path, flags, attr, sizeof(*attr));
}

static inline int sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)syscall(SYS_pivot_root, new_root, put_old);
}

static inline int sys_pidfd_open(pid_t pid, unsigned flags) /* 5.3 */
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

static inline int sys_pidfd_send_signal(int pidfd, int signal) /* 5.1 */
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

/* 5.4: waitid(2) by pidfd, with the usage that only the bare call gives. */
static inline int sys_waitid_pidfd(int pidfd, siginfo_t *info, int options, struct rusage *usage)
{
	return (int)syscall(SYS_waitid, 3 /* P_PIDFD */, pidfd, info, options, usage);
}

static inline int sys_close_range(unsigned first, unsigned last, unsigned flags) /* 5.9 */
{
	return (int)syscall(SYS_close_range, first, last, flags);
}

static inline int sys_ioprio_set(int which, int who, int value) /* 2.6.13 */
{
	return (int)syscall(SYS_ioprio_set, which, who, value);
}

static inline long sys_keyctl(int operation, unsigned long a, unsigned long b) /* 2.6.10 */
{
	return syscall(SYS_keyctl, operation, a, b, 0UL, 0UL);
}

static inline int sys_landlock_create_ruleset(const struct landlock_ruleset_attr *attr, size_t size, unsigned flags) /* 5.13 */
{
	return (int)syscall(SYS_landlock_create_ruleset, attr, size, flags);
}

static inline int sys_landlock_add_rule(int ruleset, int type, const void *attr, unsigned flags) /* 5.13 */
{
	return (int)syscall(SYS_landlock_add_rule, ruleset, type, attr, flags);
}

static inline int sys_landlock_restrict_self(int ruleset, unsigned flags) /* 5.13 */
{
	return (int)syscall(SYS_landlock_restrict_self, ruleset, flags);
}

struct sys_sched_attr { /* <linux/sched/types.h>, which does not go with <sched.h> */
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period; /* nanoseconds */
};

static inline int sys_sched_setattr(pid_t pid, struct sys_sched_attr *attr) /* 3.14; runtime for SCHED_OTHER 6.12 */
{
	return (int)syscall(SYS_sched_setattr, pid, attr, 0);
}

#endif
