/* Programs that try to use more than the limits of the sandbox allow, each by something that a watcher might not see. Only inside a sandbox, and each
 * bounded: what gets through costs less than 2 GB and ten seconds.
 *
 *   siege inflight MB         memfds that wait in a socket, open nowhere
 *   siege mapped MB           memfds that are only mapped
 *   siege deleted MB FILE     a file that has no name any more, held open
 *   siege nested MB           a tmpfs mounted in namespaces of its own
 *   siege named MB            anonymous memory in a process whose name is not what one expects
 *   siege threads MB COUNT    many threads allocate at once, in huge pages where there are some
 *   siege idle-init MB COUNT  PID 1 gets no processor time from so many busy processes; then memory
 *   siege idle-init-busy COUNT MS     the same, only busy
 *   siege awake COUNT MS      busy processes that timers continue when they are stopped
 *   siege brief COUNT MS      busy in children of some milliseconds that nobody waits for
 *   siege users COUNT         tasks of many users
 *   siege clones COUNT        tasks that are threads
 *   siege mappings COUNT MS   a process of so many mappings that changes them all the time
 *   siege messages MB         System V messages of one byte
 *   siege sockets MB          what waits in sockets
 *   siege pipes MB            what waits in pipes
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guard.h"

enum { MB = 1 << 20, STAY_S = 6, MOST_MB = 1500 };

static void fail(const char *what)
{
	perror(what);
	_exit(2);
}

static void stay(void)
{
	(void)sleep(STAY_S);
	_exit(3); /* no limit ended it */
}

static void pause_ms(long ms)
{
	struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	while (nanosleep(&pause, &pause) < 0 && errno == EINTR)
		;
}

static void touch(char *memory, size_t mb)
{
	for (size_t i = 0; i < mb; i++) {
		memset(memory + i * MB, (int)i + 1, MB);
		pause_ms(1);
	}
}

static char *map(size_t mb, int flags, int fd)
{
	char *memory = mmap(NULL, mb * MB, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (memory == MAP_FAILED)
		fail("mmap");
	return memory;
}

static void fill(int fd, size_t mb)
{
	static char block[MB];

	if (fd < 0)
		fail("open");
	memset(block, 'x', sizeof(block));
	for (size_t i = 0; i < mb; i++) {
		if (write(fd, block, sizeof(block)) < 0)
			fail("write");
		pause_ms(1);
	}
}

static void send_away(int socket, int fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	struct iovec data = {.iov_base = "x", .iov_len = 1};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};

	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	if (sendmsg(socket, &message, 0) < 0)
		fail("sendmsg");
	(void)close(fd);
}

/* In pieces, so that none of it is open when somebody looks. */
static void use_inflight(size_t mb)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		fail("socketpair");
	for (size_t i = 0; i < mb; i += 8) {
		int fd = memfd_create("x", MFD_CLOEXEC);

		fill(fd, 8);
		send_away(ends[0], fd);
	}
}

static void use_mapped(size_t mb)
{
	for (size_t i = 0; i < mb; i += 8) {
		int fd = memfd_create("x", MFD_CLOEXEC);

		if (fd < 0 || ftruncate(fd, 8 * MB) < 0)
			fail("memfd");
		touch(map(8, MAP_SHARED, fd), 8);
		(void)close(fd);
	}
}

static void use_deleted(size_t mb, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	(void)unlink(path);
	fill(fd, mb);
}

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fail(path);
	(void)close(fd);
}

static void use_nested(size_t mb)
{
	char text[64];
	uid_t user = geteuid();
	gid_t group = getegid();

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		fail("unshare");
	(void)snprintf(text, sizeof(text), "%u %u 1", user, user);
	write_text("/proc/self/uid_map", text);
	write_text("/proc/self/setgroups", "deny");
	(void)snprintf(text, sizeof(text), "%u %u 1", group, group);
	write_text("/proc/self/gid_map", text);
	if (mount("none", "/mnt", "tmpfs", 0, NULL) < 0)
		fail("mount");
	fill(open("/mnt/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600), mb);
}

static void use_under_a_name(size_t mb)
{
	(void)prctl(PR_SET_NAME, "a) R 1 1 (b\n) Z", 0, 0, 0);
	touch(map(mb, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1), mb);
}

/* A thread without the C library: it shares all and calls what it is given. */
static void start_thread(int (*run)(void *), void *argument)
{
	enum { STACK = 64 * 1024 };
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (stack == MAP_FAILED || clone(run, stack + STACK, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM, argument) < 0) {
		pause_ms(400); /* for whoever only looks now and then */
		fail("clone");
	}
}

struct part {
	char *memory;
	size_t size;
};

static int touch_part(void *argument)
{
	const struct part *part = argument;

	for (size_t at = 0; at < part->size; at += 4096)
		part->memory[at] = 1;
	for (;;)
		(void)syscall(SYS_pause);
	return 0;
}

static void use_threads(size_t mb, int count)
{
	static struct part parts[64];
	char *memory = map(mb, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);

	(void)madvise(memory, mb * MB, MADV_HUGEPAGE);
	for (int i = 0; i < count && i < 64; i++) {
		parts[i] = (struct part){memory + mb * MB / (size_t)count * (size_t)i, mb * MB / (size_t)count};
		start_thread(touch_part, &parts[i]);
	}
}

static void be_busy(int count)
{
	for (int i = 0; i < count; i++) {
		if (fork() == 0) {
			(void)alarm(STAY_S);
			for (;;)
				;
		}
	}
}

static void starve_init(void)
{
	const struct sched_param param = {0};
	const struct rlimit none = {0};

	pause_ms(200); /* sooner, PID 1 would not be ready, and take the sandbox with it */
	if (sched_setscheduler(1, SCHED_IDLE, &param) < 0)
		perror("sched_setscheduler");
	if (setpriority(PRIO_PROCESS, 1, 19) < 0)
		perror("setpriority");
	if (syscall(SYS_prlimit64, 1, RLIMIT_NOFILE, &none, NULL) < 0)
		perror("prlimit");
}

static void be_told(int signal)
{
	(void)signal;
}

/* Many timers of one shot each: a stop takes a signal away that waits, and with it the timer. */
static void stay_awake(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGCONT};

	(void)signal(SIGCONT, be_told); /* a timer of a signal that is ignored stops (Linux 6.13) */
	for (int i = 1; i < STAY_S * 100; i++) {
		const struct itimerspec once = {.it_value = {.tv_sec = i / 100, .tv_nsec = i % 100 * 10000000 + 1}};
		timer_t timer;

		if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0 || timer_settime(timer, 0, &once, NULL) < 0)
			fail("timer");
	}
}

static void be_awake(int count, int ms)
{
	for (int i = 0; i < count; i++) {
		if (fork() == 0) {
			(void)alarm(STAY_S);
			stay_awake();
			for (;;)
				;
		}
	}
	pause_ms(ms);
	_exit(0);
}

static uint64_t now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void be_brief(int count, int ms)
{
	uint64_t end = now_us() + (uint64_t)ms * 1000;

	(void)signal(SIGCHLD, SIG_IGN);
	for (int i = 0; i < count; i++) {
		if (fork() != 0)
			continue;
		while (now_us() < end) {
			if (fork() == 0) {
				uint64_t start = now_us();

				while (now_us() < start + 2000)
					;
				_exit(0);
			}
			pause_ms(2);
		}
		_exit(0);
	}
	pause_ms(ms);
	_exit(0);
}

static void make_users(int count)
{
	int made = 0;

	for (int i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			if (setresuid((uid_t)i + 1, (uid_t)i + 1, (uid_t)i + 1) < 0)
				fail("setresuid");
			(void)fork();
			stay();
		}
		made += pid > 0;
	}
	pause_ms(1500);
	printf("%d users\n", made);
	(void)fflush(stdout);
	_exit(1);
}

static int just_stay(void *argument)
{
	(void)argument;
	for (;;)
		(void)syscall(SYS_pause);
	return 0;
}

static void make_clones(int count)
{
	for (int i = 0; i < count; i++)
		start_thread(just_stay, NULL);
	pause_ms(1500);
	_exit(0);
}

/* Neighbours differ in what is allowed, so that the kernel joins none. */
static void make_mappings(int count, int ms)
{
	uint64_t end = now_us() + (uint64_t)ms * 1000;
	size_t page = 4096;
	char *memory = mmap(NULL, (size_t)count * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		fail("mmap");
	for (int i = 0; i < count; i += 2)
		if (mprotect(memory + (size_t)i * page, page, PROT_READ) < 0)
			break;
	while (now_us() < end) {
		for (int i = 1; i < count; i += 2)
			memory[(size_t)i * page]++;
		(void)madvise(memory, (size_t)count * page, MADV_DONTNEED);
	}
	_exit(0);
}

static void use_messages(size_t mb)
{
	static struct {
		long type;
		char text[1];
	} message = {.type = 1};

	for (size_t i = 0; i < mb; i++) {
		int queue = msgget(IPC_PRIVATE, 0600);

		if (queue < 0)
			fail("msgget");
		while (msgsnd(queue, &message, 1, IPC_NOWAIT) == 0)
			;
	}
}

/* Each end's buffer as large as the kernel lets it be. */
static void use_ends(size_t mb, int pipes)
{
	static char block[16384];
	size_t bytes = 0;
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	while (bytes < mb * MB) {
		int ends[2];
		ssize_t n;

		if (pipes ? pipe2(ends, O_NONBLOCK) : socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends)) {
			printf("%zu MB\n", bytes / MB);
			fail("no more");
		}
		if (pipes)
			(void)fcntl(ends[1], F_SETPIPE_SZ, MB);
		for (int end = pipes; end < 2; end++)
			while ((n = write(ends[end], block, pipes ? 4096 : sizeof(block))) > 0)
				bytes += (size_t)n;
	}
	printf("%zu MB\n", bytes / MB);
}

static void use_memory(const char *what, size_t mb, int second, const char *path)
{
	if (!strcmp(what, "inflight"))
		use_inflight(mb);
	else if (!strcmp(what, "mapped"))
		use_mapped(mb);
	else if (!strcmp(what, "deleted") && path)
		use_deleted(mb, path);
	else if (!strcmp(what, "nested"))
		use_nested(mb);
	else if (!strcmp(what, "named"))
		use_under_a_name(mb);
	else if (!strcmp(what, "threads"))
		use_threads(mb, second);
	else if (!strcmp(what, "messages"))
		use_messages(mb);
	else if (!strcmp(what, "sockets") || !strcmp(what, "pipes"))
		use_ends(mb, *what == 'p');
	else
		_exit(98);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int first = argc > 2 ? atoi(argv[2]) : 0, second = argc > 3 ? atoi(argv[3]) : 0;

	if (in_initial_namespace()) {
		(void)fprintf(stderr, "siege: this is for the inside of a sandbox\n");
		return 99;
	}
	if (first < 0 || second < 0 || second > STAY_S * 1000)
		return 98;
	if (!strcmp(what, "awake"))
		be_awake(first, second);
	if (!strcmp(what, "brief"))
		be_brief(first, second);
	if (!strcmp(what, "users"))
		make_users(first);
	if (!strcmp(what, "clones"))
		make_clones(first);
	if (!strcmp(what, "mappings"))
		make_mappings(first, second);
	if (!strncmp(what, "idle-init", 9)) {
		starve_init();
		be_busy(!strcmp(what, "idle-init") ? second : first);
		if (!strcmp(what, "idle-init-busy")) {
			pause_ms(second);
			_exit(0);
		}
		what = "named";
	}
	use_memory(what, first < MOST_MB ? (size_t)first : MOST_MB, second, argc > 3 ? argv[3] : NULL);
	stay();
}
