/* System calls that a sandbox must not have. */
#include "../attack.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- terminals --- */

static long tiocsti(char **args)
{
	char letter = 'x';

	(void)args;
	return ioctl(0, TIOCSTI, &letter);
}

/* The kernel looks at the lower 32 bits of the request only (CVE-2019-10063). */
static long tiocsti_wide(char **args)
{
	char letter = 'x';

	(void)args;
	return syscall(SYS_ioctl, 0, UINT64_C(1) << 32 | TIOCSTI, &letter);
}

static long tioclinux(char **args)
{
	char subcode = 3; /* paste the selection */

	(void)args;
	return ioctl(0, TIOCLINUX, &subcode);
}

/* Take the terminal on descriptor 0 as the controlling one, which TIOCSTI wants. */
static long take_terminal(char **args)
{
	(void)args;
	(void)setsid();
	return ioctl(0, TIOCSCTTY, 1);
}

/* --- calls by number --- */

/* In a child, since some end the process. The arguments are of a kind that no call takes. */
static void try_number(long number, char *text, size_t size)
{
	int status, ends[2];
	pid_t pid;

	text[0] = 0;
	if (pipe(ends) < 0 || (pid = fork()) < 0)
		return;
	if (pid == 0) {
		long result = syscall(number, -1L, -1L, -1L, -1L, -1L, -1L);
		int errnum = result < 0 ? errno : 0;
		_exit(write(ends[1], &errnum, sizeof(errnum)) != sizeof(errnum));
	}
	int errnum = -1;
	(void)close(ends[1]);
	(void)!read(ends[0], &errnum, sizeof(errnum));
	(void)close(ends[0]);
	(void)waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		(void)snprintf(text, size, "SIG%s", sigabbrev_np(WTERMSIG(status)));
	else
		(void)snprintf(text, size, "%s", errnum == 0 ? "done" : strerrorname_np(errnum));
}

/* Which of these numbers does not answer ENOSYS? */
static long numbers(char **args)
{
	char text[32];
	int known = 0;

	for (; *args; args++) {
		try_number(strtol(*args, NULL, 10), text, sizeof(text));
		if (strcmp(text, "ENOSYS") != 0 && known++ < 8)
			(void)printf("%s:%s ", *args, text);
	}
	(void)puts(known ? "" : "ENOSYS");
	return SAID;
}

static long one_number(char **args)
{
	char text[32];

	try_number(strtol(args[0], NULL, 0), text, sizeof(text));
	(void)puts(text);
	return SAID;
}

static long x32(char **args)
{
	(void)args;
	return syscall(0x40000000 | SYS_getpid);
}

/* getpid of the 32-bit table is number 20. A kernel without that table kills. */
static long int80(char **args)
{
#ifdef __x86_64__
	long result = 20;

	(void)args;
	__asm__ volatile("int $0x80" : "+a"(result) : : "memory");
	errno = result < 0 ? (int)-result : 0;
	return result;
#else
	(void)args;
	errno = ENOSYS;
	return -1;
#endif
}

/* --- namespaces and mounts --- */

static long clone3_user(char **args)
{
	struct clone_args clone = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
	long pid = syscall(SYS_clone3, &clone, sizeof(clone));

	(void)args;
	if (pid == 0)
		_exit(0);
	return pid;
}

static long clone_user(char **args)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0L, 0L, 0L, 0L);

	(void)args;
	if (pid == 0)
		_exit(0);
	return pid;
}

static long unshare_user(char **args)
{
	(void)args;
	return unshare(CLONE_NEWUSER);
}

/* args: a file of /proc/PID/ns */
static long join(char **args)
{
	int fd = open(args[0], O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -1 : setns(fd, 0);
}

static long mount_proc(char **args)
{
	return mkdir("/tmp/proc", 0755) < 0 && errno != EEXIST ? -1 : mount("proc", args[0] ? args[0] : "/tmp/proc", "proc", 0, NULL);
}

static long unmount(char **args)
{
	return umount2(args[0], MNT_DETACH);
}

static long remount_rw(char **args)
{
	return mount(NULL, args[0], NULL, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV, NULL);
}

/* In namespaces of its own, where it has all capabilities: the mounts that came along must stay as they are (mount_namespaces(7), "locked"). */
static int new_namespaces(void)
{
	return unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID);
}

static long nested_unmount(char **args)
{
	return new_namespaces() < 0 ? -1 : umount2(args[0], MNT_DETACH);
}

static long nested_remount(char **args)
{
	return new_namespaces() < 0 ? -1 : mount(NULL, args[0], NULL, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV, NULL);
}

/* Move the root's mounts away by a recursive bind, without what is mounted on args[0]. */
static long nested_bind(char **args)
{
	if (new_namespaces() < 0)
		return -1;
	return mount(args[0], "/tmp", NULL, MS_BIND, NULL);
}

static long nested_proc(char **args)
{
	int status = 0;
	pid_t pid;

	(void)args;
	if (new_namespaces() < 0 || (pid = fork()) < 0)
		return -1;
	if (pid == 0)
		_exit(mount("proc", "/tmp", "proc", 0, NULL) < 0 ? errno : 0);
	if (waitpid(pid, &status, 0) < 0)
		return -1;
	errno = WEXITSTATUS(status);
	return errno ? -1 : 0;
}

static long pivot(char **args)
{
	(void)args;
	return chdir("/") < 0 ? -1 : syscall(SYS_pivot_root, ".", ".");
}

/* The classic: a root below the working directory, which then is outside of it. args: a file that is outside only. */
static long chroot_out(char **args)
{
	if (mkdir("/tmp/jail", 0755) < 0 && errno != EEXIST)
		return -1;
	if (chdir("/") < 0 || chroot("/tmp/jail") < 0)
		return -1;
	for (int i = 0; i < 64; i++)
		if (chdir("..") < 0)
			return -1;
	return chroot(".") < 0 ? -1 : access(args[0], F_OK);
}

/* args: c or b, major, minor; then it must be usable, too. */
static long make_device(char **args)
{
	mode_t type = args[0][0] == 'b' ? S_IFBLK : S_IFCHR;

	(void)unlink("/tmp/node");
	if (mknod("/tmp/node", type | 0666, makedev((unsigned)atoi(args[1]), (unsigned)atoi(args[2]))) < 0)
		return -1;
	return open("/tmp/node", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

/* --- the usual list --- */

static long io_uring(char **args)
{
	char parameters[120] = {0}; /* struct io_uring_params */

	(void)args;
	return syscall(SYS_io_uring_setup, 1, parameters);
}

static long add_key_(char **args)
{
	(void)args;
	return syscall(SYS_add_key, "user", "carrel-escape", "x", 1UL, KEY_SPEC_PROCESS_KEYRING);
}

/* args: the description of a key that the caller's session has */
static long find_key(char **args)
{
	return syscall(SYS_keyctl, KEYCTL_SEARCH, (long)KEY_SPEC_SESSION_KEYRING, "user", args[0], 0L);
}

static long bpf(char **args)
{
	union bpf_attr attr = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};

	(void)args;
	return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}

static long perf(char **args)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_TASK_CLOCK, .exclude_kernel = 1, .exclude_hv = 1};

	(void)args;
	return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0UL);
}

static long userfaultfd_(char **args)
{
	(void)args;
	long fd = syscall(SYS_userfaultfd, O_CLOEXEC | 1 /* UFFD_USER_MODE_ONLY, 5.11 */);
	return fd < 0 && errno == EINVAL ? syscall(SYS_userfaultfd, O_CLOEXEC) : fd;
}

static long by_handle(char **args)
{
	struct {
		struct file_handle head;
		unsigned char bytes[MAX_HANDLE_SZ];
	} handle = {.head = {.handle_bytes = 8, .handle_type = 1}, .bytes = {2}}; /* inode 2, the root of an ext4 (shocker.c) */
	int mount = open("/", O_RDONLY | O_CLOEXEC);

	(void)args;
	return open_by_handle_at(mount, &handle.head, O_RDONLY);
}

static long kernel_log(char **args)
{
	char text[64];

	(void)args;
	return klogctl(3, text, sizeof(text));
}

static long set_clock(char **args)
{
	struct timeval now;

	(void)args;
	(void)gettimeofday(&now, NULL);
	return settimeofday(&now, NULL);
}

static long make_socket(char **args)
{
	return socket(atoi(args[0]), atoi(args[1]), args[2] ? atoi(args[2]) : 0);
}

static long set_personality(char **args)
{
	return syscall(SYS_personality, strtoul(args[0], NULL, 0));
}

/* CVE-2022-0185 and kin: filesystem contexts. */
static long fs_context(char **args)
{
	return syscall(SYS_fsopen, args[0], 0);
}

static long clone_tree(char **args)
{
	return syscall(SYS_open_tree, AT_FDCWD, args[0], 1 /* OPEN_TREE_CLONE */);
}

static const struct attack attacks[] = {
    {"tiocsti", tiocsti}, {"tiocsti-wide", tiocsti_wide}, {"tioclinux", tioclinux}, {"take-terminal", take_terminal},
    {"numbers", numbers}, {"number", one_number}, {"x32", x32}, {"int80", int80},
    {"clone3-user", clone3_user}, {"clone-user", clone_user}, {"unshare-user", unshare_user}, {"join", join},
    {"mount-proc", mount_proc}, {"unmount", unmount}, {"remount-rw", remount_rw}, {"pivot", pivot}, {"nested-unmount", nested_unmount}, {"nested-remount", nested_remount},
    {"nested-bind", nested_bind}, {"nested-proc", nested_proc}, {"chroot-out", chroot_out}, {"make-device", make_device},
    {"fs-context", fs_context}, {"clone-tree", clone_tree},
    {"io-uring", io_uring}, {"add-key", add_key_}, {"find-key", find_key}, {"bpf", bpf}, {"perf", perf}, {"userfaultfd", userfaultfd_},
    {"by-handle", by_handle}, {"kernel-log", kernel_log}, {"set-clock", set_clock}, {"socket", make_socket}, {"personality", set_personality},
};

int main(int argc, char **argv)
{
	(void)argc;
	return attack_main(attacks, ARRAY_SIZE(attacks), argv);
}
