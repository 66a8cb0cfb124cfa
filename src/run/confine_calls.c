/* The system calls of each role: allow-lists, and what is refused of the allowed ones by their arguments. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/fuse.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "run/confine.h"

/* Memory, time, own ids, descriptors that are open already. */
static const char *const calls_core[] = {
    "brk", "close", "clock_getres", "clock_gettime", "clock_nanosleep", "dup", "exit", "exit_group", "fcntl", "fstat", "futex", "getegid", "geteuid", "getgid", "getpid", "getrandom",
    "getrusage", "gettid", "gettimeofday", "getuid", "lseek", "madvise", "mmap", "mprotect", "mremap", "munmap", "nanosleep", "newfstatat", "poll", "ppoll", "pread64", "prlimit64", "pselect6",
    "pwrite64", "read", "readv", "restart_syscall", "rseq", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sched_getaffinity", "sched_yield", "select", "set_robust_list",
    "sigaltstack", "statx", "sysinfo", "time", "uname", "write", "writev",
};

static const char *const calls_threads[] = {
    "dup2", "dup3", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_wait", "eventfd2", "get_robust_list", "ioctl", "membarrier", "pipe2", "prctl", "recvmsg", "sendfile",
    "sendmsg", "splice", "tee", "wait4", "waitid",
};

static const char *const calls_read[] = {
    "access", "faccessat", "faccessat2", "fadvise64", "fchdir", "fgetxattr", "flistxattr", "flock", "fstatfs", "getcwd", "getdents64", "lstat", "open", "openat", "openat2", "readlink",
    "readlinkat", "stat", "statfs",
};

static const char *const calls_write[] = {
    "copy_file_range", "fallocate", "fchmod", "fdatasync", "fsync", "ftruncate", "link", "linkat", "mkdir", "mkdirat", "rename", "renameat", "renameat2", "rmdir", "sync_file_range",
    "umask", "unlink", "unlinkat",
};

static const char *const calls_owner[] = {
    "chmod", "chown", "fchmodat", "fchown", "fchownat", "fremovexattr", "fsetxattr", "getxattr", "lchown", "lgetxattr", "listxattr", "llistxattr", "lremovexattr", "lsetxattr",
    "mknod", "mknodat", "removexattr", "setxattr", "symlink", "symlinkat", "utimensat",
};

static const char *const calls_network[] = {
    "bind", "connect", "getpeername", "getsockname", "getsockopt", "recvfrom", "recvmmsg", "sendmmsg", "sendto", "setsockopt", "shutdown", "socket", "socketpair",
};

/* The dynamic linker, and libfuse at its start. */
static const char *const calls_program[] = {"alarm", "arch_prctl", "chdir", "execve", "set_tid_address", "setsid"};

/* Whatever a filesystem is asked to do, beside the lists above. */
static const char *const calls_overlay[] = {"readahead", "sync", "syncfs", "truncate", "utimes", "vmsplice"};

static const char *const calls_hash[] = {"tee", "wait4"};

enum calls { CALLS_CORE = 1 << 0, CALLS_THREADS = 1 << 1, CALLS_READ = 1 << 2, CALLS_WRITE = 1 << 3, CALLS_OWNER = 1 << 4, CALLS_NETWORK = 1 << 5, CALLS_HASH = 1 << 6, CALLS_PROGRAM = 1 << 7, CALLS_OVERLAY = 1 << 8, CALLS_NO_CODE = 1 << 9 /* no list: rules only */ };

#define LIST(list) {list, ARRAY_SIZE(list)}
static const struct {
	const char *const *names;
	size_t count;
} lists[] = {LIST(calls_core), LIST(calls_threads), LIST(calls_read), LIST(calls_write), LIST(calls_owner), LIST(calls_network), LIST(calls_hash), LIST(calls_program), LIST(calls_overlay)};

static const unsigned role_calls[CONFINE_FILTER_MAX] = {
    [CONFINE_READ] = CALLS_CORE | CALLS_THREADS | CALLS_READ | CALLS_NO_CODE,
    [CONFINE_MERGE] = CALLS_CORE | CALLS_READ | CALLS_NO_CODE,
    [CONFINE_STORE] = CALLS_CORE | CALLS_THREADS | CALLS_READ | CALLS_WRITE | CALLS_NO_CODE,
    [CONFINE_FETCH] = CALLS_CORE | CALLS_THREADS | CALLS_READ | CALLS_WRITE | CALLS_NETWORK,
    [CONFINE_UNPACK] = CALLS_CORE | CALLS_READ | CALLS_WRITE | CALLS_OWNER | CALLS_NO_CODE,
    [CONFINE_PIPE] = CALLS_CORE | CALLS_NO_CODE,
    [CONFINE_HASH] = CALLS_CORE | CALLS_HASH | CALLS_NO_CODE,
    [CONFINE_SQUASH] = CALLS_CORE | CALLS_THREADS | CALLS_READ | CALLS_PROGRAM,
    [CONFINE_OVERLAY] = CALLS_CORE | CALLS_THREADS | CALLS_READ | CALLS_WRITE | CALLS_OWNER | CALLS_PROGRAM | CALLS_OVERLAY,
};

#define ALL_BITS 0xffffffffULL
#define ALLOW {SECCOMP_VERDICT_ALLOW, 0}
#define REFUSE {SECCOMP_VERDICT_ERRNO, EPERM}
/* As a kernel that does not have the call: a C library or libcrypto that tries the newer of two ways takes the older one. */
#define UNKNOWN {SECCOMP_VERDICT_ERRNO, ENOSYS}

/* A rule that allows stands for a call in no list: what it does not match is refused. A rule that refuses looks at a listed call. */
struct role_rule {
	unsigned calls; /* of roles that have any of these lists */
	const char *call;
	int arg;
	uint64_t mask, value;
	struct seccomp_action action;
};

#define NEW_NAMESPACES (CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUSER | CLONE_NEWUTS)

static const struct role_rule rules[] = {
    /* The kernel signals whoever was named as owner of a descriptor (F_SETOWN), with any signal (F_SETSIG). */
    {CALLS_CORE, "fcntl", 1, ALL_BITS, F_SETOWN, REFUSE},
    {CALLS_CORE, "fcntl", 1, ALL_BITS, F_SETOWN_EX, REFUSE},
    {CALLS_CORE, "fcntl", 1, ALL_BITS, F_SETSIG, REFUSE},
    /* Limits are a process's own, and may be read. */
    {CALLS_CORE, "prlimit64", 0, ALL_BITS, 0, ALLOW},
    /* No code but what is there. Only the name service loads libraries, as mappings that cannot be written. */
    {CALLS_CORE, "mprotect", 2, PROT_EXEC, PROT_EXEC, REFUSE},
    {CALLS_CORE, "mmap", 2, PROT_WRITE | PROT_EXEC, PROT_WRITE | PROT_EXEC, REFUSE},
    {CALLS_NO_CODE, "mmap", 2, PROT_EXEC, PROT_EXEC, REFUSE},
    /* Threads, no processes and no namespaces. (clone3, whose flags no filter sees, is in no list: then the C library takes clone.) */
    {CALLS_THREADS, "clone", 0, CLONE_THREAD | NEW_NAMESPACES, CLONE_THREAD, ALLOW},
    {CALLS_THREADS, "prctl", 0, ALL_BITS, PR_SET_NAME, ALLOW},
    /* Of a terminal its size, of a socket what is in it. */
    {CALLS_THREADS, "ioctl", 1, ALL_BITS, TCGETS, ALLOW},
    {CALLS_THREADS, "ioctl", 1, ALL_BITS, TIOCGWINSZ, ALLOW},
    {CALLS_THREADS, "ioctl", 1, ALL_BITS, FIONREAD, ALLOW},
    {CALLS_THREADS, "ioctl", 1, ALL_BITS, FIONBIO, ALLOW},
    /* Another descriptor of the connection; what a file shares with its copy; a file's flags, as chattr(1) has them. */
    {CALLS_PROGRAM, "ioctl", 1, ALL_BITS, FUSE_DEV_IOC_CLONE, ALLOW},
    {CALLS_OVERLAY, "ioctl", 1, ALL_BITS, FICLONE, ALLOW},
    {CALLS_OVERLAY, "ioctl", 1, ALL_BITS, FS_IOC_GETFLAGS, ALLOW},
    {CALLS_OVERLAY, "ioctl", 1, ALL_BITS, FS_IOC_SETFLAGS, ALLOW},
    {CALLS_OVERLAY, "ioctl", 1, ALL_BITS, FS_IOC_GETVERSION, ALLOW},
    {CALLS_OVERLAY, "ioctl", 1, ALL_BITS, FS_IOC_FSGETXATTR, ALLOW},
    {CALLS_OVERLAY, "ioctl", 1, ALL_BITS, FS_IOC_FSSETXATTR, ALLOW},
    /* The families of the Internet, and the one in which the C library asks for this host's addresses. */
    {CALLS_NETWORK, "socket", 0, ALL_BITS, AF_INET, ALLOW},
    {CALLS_NETWORK, "socket", 0, ALL_BITS, AF_INET6, ALLOW},
    {CALLS_NETWORK, "socket", 0, ALL_BITS, AF_NETLINK, ALLOW},
    /* Of the protocols below 32 only 0, TCP (6) and UDP (17): the other numbers are parts of the kernel behind AF_NETLINK. */
    {CALLS_NETWORK, "socket", 2, 8, 8, REFUSE},
    {CALLS_NETWORK, "socket", 2, 7, 2, REFUSE},
    {CALLS_NETWORK, "socket", 2, 7, 4, REFUSE},
    {CALLS_NETWORK, "socket", 2, 5, 5, REFUSE},
    {CALLS_NETWORK, "socket", 2, 0x17, 0x10, REFUSE},
    /* curl wakes its threads by a pair; one of datagrams could be connected anew, to anybody's socket. */
    {CALLS_NETWORK, "socketpair", 1, 0xf, SOCK_STREAM, ALLOW},
    /* Whiteouts, FIFOs and files, but no device. */
    {CALLS_OWNER, "mknod", 2, ALL_BITS, 0, ALLOW},
    {CALLS_OWNER, "mknodat", 3, ALL_BITS, 0, ALLOW},
};

static bool has_rule(const char *call)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (!strcmp(rules[i].call, call) && rules[i].action.verdict == SECCOMP_VERDICT_ALLOW)
			return true;
	}
	return false;
}

void confine_calls(struct arena *arena, enum confine_role role, struct seccomp_spec *ret)
{
	struct seccomp_name *allow = NULL;
	struct seccomp_rule *made = arena_alloc(arena, ARRAY_SIZE(rules) * sizeof(*made));
	size_t count = 0, rule_count = 0;

	for (size_t list = 0; list < ARRAY_SIZE(lists); list++) {
		if (!(role_calls[role] & 1u << list))
			continue;
		for (size_t i = 0; i < lists[list].count; i++) {
			if (has_rule(lists[list].names[i]))
				continue;
			allow = arena_grow(arena, allow, count, sizeof(*allow));
			allow[count++] = (struct seccomp_name){.name = lists[list].names[i]};
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		const struct role_rule *rule = &rules[i];

		if (!(role_calls[role] & rule->calls))
			continue;
		made[rule_count++] = (struct seccomp_rule){.call = rule->call, .arg = rule->arg, .mask = rule->mask, .value = rule->value, .action = rule->action};
	}
	*ret = (struct seccomp_spec){.enabled = true, .fallback = UNKNOWN, .allow = allow, .allow_count = count, .rules = made, .rule_count = rule_count};
}
