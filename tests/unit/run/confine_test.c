/* Each act is tried in a child in each role, and in one that is not confined, where it must work: so that the test is known to look at the confinement. */
#include "run/confine.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "isolate/landlock.h"
#include "unit/isolate/child.h"
#include "util/fd.h"
#include "util/path.h"

extern char **environ;

static char folder[] = "/tmp/carrel-confine-XXXXXX"; /* store/ is the role's, home/ is somebody's */
static char store[64], home_file[64], store_file[64], store_new[64];

static void put_file(const char *path)
{
	cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	cr_assert(fd >= 0 && fd_write_all(fd, "text", 4) == 0);
}

static const char *in_store(const char *name)
{
	static char path[96];

	(void)snprintf(path, sizeof(path), "%s/%s", store, name);
	return path;
}

static void make_tree(void)
{
	cr_assert_not_null(mkdtemp(folder));
	(void)snprintf(store, sizeof(store), "%s/store", folder);
	(void)snprintf(store_file, sizeof(store_file), "%s/store/file", folder);
	(void)snprintf(store_new, sizeof(store_new), "%s/store/new", folder);
	(void)snprintf(home_file, sizeof(home_file), "%s/file", folder);
	cr_assert_eq(mkdir(store, 0755), 0);
	cr_assert_eq(mkdir(in_store("folder"), 0755), 0);
	cr_assert_eq(symlink("/", in_store("link")), 0);
	put_file(store_file);
	put_file(home_file);
}

static void remove_tree(void)
{
	(void)path_remove_tree(AT_FDCWD, folder);
}

TestSuite(confine, .init = make_tree, .fini = remove_tree);

/* --- acts: 0 or the errno ------------------------------------------------------------------------------------------------------------------ */

static int outcome(long result)
{
	return result < 0 ? errno : 0;
}

static int try_open(const char *path, int flags)
{
	return outcome(open(path, flags | O_CLOEXEC, 0600));
}

static int read_home(void)
{
	return try_open(home_file, O_RDONLY);
}

static int write_home(void)
{
	return try_open(home_file, O_WRONLY);
}

static int read_store(void)
{
	return try_open(store_file, O_RDONLY);
}

static int write_store(void)
{
	return try_open(store_new, O_WRONLY | O_CREAT);
}

/* There and back, for the next trial. */
static int move(const char *name)
{
	cleanup_free char *from = mem_printf("%s/%s", store, name), *to = mem_printf("%s/moved", store);

	return outcome(rename(from, to)) ? errno : outcome(rename(to, from));
}

static int move_file(void)
{
	return move("file");
}

static int move_folder(void)
{
	return move("folder");
}

static int move_link(void)
{
	return move("link");
}

static int read_passwd(void)
{
	return try_open("/etc/passwd", O_RDONLY);
}

static int mode_of_home(void)
{
	return outcome(chmod(home_file, 0666));
}

static int mode_at_home(void)
{
	return outcome(fchmodat(AT_FDCWD, home_file, 0666, 0));
}

static int attribute_of_home(void)
{
	return outcome(setxattr(home_file, "user.x", "y", 1, 0));
}

static int run_program(void)
{
	static char name[] = "true";
	static char *const argv[] = {name, NULL};

	(void)execve("/bin/true", argv, environ);
	return errno;
}

static int make_socket(int family, int type, int protocol)
{
	return outcome(socket(family, type | SOCK_CLOEXEC, protocol));
}

static int socket_tcp(void)
{
	return make_socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
}

static int socket_udp(void)
{
	return make_socket(AF_INET6, SOCK_DGRAM, IPPROTO_UDP);
}

static int socket_unix(void)
{
	return make_socket(AF_UNIX, SOCK_STREAM, 0);
}

static int socket_route(void)
{
	return make_socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
}

static int socket_generic(void)
{
	return make_socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
}

static int socket_uevent(void)
{
	return make_socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT);
}

static int make_pair(int type)
{
	int pair[2];

	return outcome(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair));
}

static int pair_stream(void)
{
	return make_pair(SOCK_STREAM);
}

static int pair_datagram(void)
{
	return make_pair(SOCK_DGRAM);
}

static int resolve(void)
{
	struct addrinfo *found = NULL;
	int r = getaddrinfo("localhost", "443", NULL, &found);

	if (found)
		freeaddrinfo(found);
	return r ? EHOSTUNREACH : 0;
}

static void *nothing(void *argument)
{
	return argument;
}

static int make_thread(void)
{
	pthread_t thread;
	int r = pthread_create(&thread, NULL, nothing, NULL);

	return r ? r : pthread_join(thread, NULL);
}

static int make_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return outcome(pid);
}

static int make_namespace(void)
{
	return outcome(unshare(CLONE_NEWUSER));
}

static int signal_parent(void)
{
	return outcome(kill(getppid(), 0));
}

static int trace(void)
{
	return outcome(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int own_descriptor(void)
{
	return outcome(fcntl(0, F_SETOWN, getppid()));
}

static int map(int protection)
{
	void *page = mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? errno : 0;
}

static int map_code(void)
{
	return map(PROT_READ | PROT_EXEC);
}

static int map_writable_code(void)
{
	return map(PROT_WRITE | PROT_EXEC);
}

static int make_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? E2BIG : outcome(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

static int read_limit(void)
{
	struct rlimit limit;

	return outcome(getrlimit(RLIMIT_NOFILE, &limit));
}

static int read_parents_limit(void)
{
	struct rlimit limit;

	return outcome(prlimit(getppid(), RLIMIT_NOFILE, NULL, &limit));
}

static int write_pipe(void)
{
	return outcome(write(STDOUT_FILENO, "", 0));
}

static int allocate(void)
{
	void *memory = malloc(8 << 20);

	if (!memory)
		return ENOMEM;
	memset(memory, 1, 8 << 20);
	free(memory);
	return 0;
}

static int duplicate_pipe(void)
{
	int r = outcome(tee(STDIN_FILENO, STDOUT_FILENO, 1, SPLICE_F_NONBLOCK));

	return r == ENOSYS ? r : 0; /* they are no pipes: the kernel says EINVAL */
}

/* --- the table ---------------------------------------------------------------------------------------------------------------------------- */

enum { R = 1 << CONFINE_READ, M = 1 << CONFINE_MERGE, S = 1 << CONFINE_STORE, F = 1 << CONFINE_FETCH, U = 1 << CONFINE_UNPACK, P = 1 << CONFINE_PIPE, H = 1 << CONFINE_HASH,
       Q = 1 << CONFINE_SQUASH, O = 1 << CONFINE_OVERLAY, ALL = R | M | S | F | U | P | H | Q | O };

static const struct act {
	const char *name;
	int (*act)(void);
	unsigned works_in;
	bool landlock; /* nothing else stops it */
} acts[] = {
    {"read in the home", read_home, 0, true},
    {"write in the home", write_home, 0, true},
    {"read in the store", read_store, R | M | S | F | U | Q | O, false},
    {"write in the store", write_store, S | F | U, true},
    {"move a file in the store", move_file, S | F | U | O, false},
    {"move a folder in the store", move_folder, S | F | U | O, false},
    {"move a symlink in the store", move_link, U, true},
    {"read /etc/passwd", read_passwd, F, true},
    {"chmod in the home", mode_of_home, U | O, false},
    {"fchmodat in the home", mode_at_home, U | O, false},
    {"setxattr in the home", attribute_of_home, U | O, false},
    {"execve", run_program, Q | O, false},
    {"a TCP socket", socket_tcp, F, false},
    {"a UDP socket", socket_udp, F, false},
    {"a Unix socket", socket_unix, 0, false},
    {"a route socket", socket_route, F, false},
    {"a generic netlink socket", socket_generic, 0, false},
    {"a uevent socket", socket_uevent, 0, false},
    {"a pair of streams", pair_stream, F, false},
    {"a pair of datagram sockets", pair_datagram, 0, false},
    {"resolve a name", resolve, F | Q | O, false},
    {"a thread", make_thread, R | S | F | Q | O, false},
    {"a process", make_process, 0, false},
    {"a user namespace", make_namespace, 0, false},
    {"a signal to the parent", signal_parent, 0, false},
    {"ptrace", trace, 0, false},
    {"own a descriptor's signals", own_descriptor, 0, false},
    {"map code", map_code, F | Q | O, false},
    {"map writable code", map_writable_code, 0, false},
    {"make code of data", make_code, 0, false},
    {"read a limit", read_limit, ALL, false},
    {"read the parent's limit", read_parents_limit, 0, false},
    {"write to what is open", write_pipe, ALL, false},
    {"allocate", allocate, ALL, false},
    {"tee", duplicate_pipe, R | S | F | H | Q | O, false},
};

static const char *const role_names[CONFINE_FILTER_MAX] = {[CONFINE_READ] = "READ", [CONFINE_MERGE] = "MERGE", [CONFINE_STORE] = "STORE", [CONFINE_FETCH] = "FETCH",
	[CONFINE_UNPACK] = "UNPACK", [CONFINE_PIPE] = "PIPE", [CONFINE_HASH] = "HASH", [CONFINE_SQUASH] = "SQUASH", [CONFINE_OVERLAY] = "OVERLAY"};
_Static_assert(ALL == (1 << CONFINE_FILTER_MAX) - 1, "a role that the table does not know");

struct trial {
	const struct act *act;
	const struct host *host; /* NULL: not confined */
	enum confine_role role;
};

/* The roles of other programs have a filter and nothing else. */
static int be_confined(const struct trial *trial)
{
	struct error err = {0};
	struct seccomp_program filter;

	if (trial->role < CONFINE_ROLE_MAX)
		return confine_self(trial->host, trial->role, store, &err);
	if (confine_filter(trial->host->runtime_dir, trial->role, &filter, &err) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return seccomp_apply(&filter, &err);
}

static int in_role(const void *context)
{
	const struct trial *trial = context;

	if (trial->host && be_confined(trial) < 0)
		return 127;
	return trial->act->act();
}

Test(confine, each_role_can_what_it_needs)
{
	struct arena arena = {0};
	struct host host;
	bool landlock = landlock_abi() >= LANDLOCK_ABI_FILES;

	cr_assert_eq(host_read(&arena, environ, &host, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(acts); i++) {
		struct trial trial = {.act = &acts[i]};
		int r = in_child(in_role, &trial);

		cr_expect_eq(r, 0, "%s, not confined: %d", acts[i].name, r);
		trial.host = &host;
		for (trial.role = 0; trial.role < (acts[i].landlock ? CONFINE_ROLE_MAX : CONFINE_FILTER_MAX) && (landlock || !acts[i].landlock); trial.role++) {
			bool works = (acts[i].works_in & 1u << trial.role) != 0;

			r = in_child(in_role, &trial);
			cr_expect((r == 0) == works && r < 127, "%s in %s: %d", acts[i].name, role_names[trial.role], r);
		}
	}
	arena_done(&arena);
}

static int hold(const void *context)
{
	const struct trial *trial = context;
	struct error err = {0};

	if (trial->host && confine_self(trial->host, trial->role, store, &err) < 0)
		return 127;
	(void)!write(STDOUT_FILENO, "", 1);
	for (;;)
		(void)poll(NULL, 0, -1);
}

/* The memory of such a process is not its user's to read. Root reads it all the same, so the owner of its /proc folder is looked at. */
Test(confine, is_not_dumpable)
{
	struct arena arena = {0};
	struct host host;
	struct stat st;
	int ends[2], pid;
	char byte, path[64];
	struct trial trial = {.host = &host, .role = CONFINE_READ};

	cr_assert_eq(host_read(&arena, environ, &host, NULL), 0);
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		if (geteuid() == 0 && setresuid(12345, 12345, 12345) < 0)
			_exit(1);
		host.runtime_dir = NULL;
		(void)dup2(ends[1], STDOUT_FILENO);
		_exit(hold(&trial));
	}
	(void)close(ends[1]);
	cr_assert_eq(fd_read_all(ends[0], &byte, 1), 0);
	(void)snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	cr_expect_eq(stat(path, &st), 0);
	cr_expect_eq(st.st_uid, 0, "its owner is %u", st.st_uid);
	cr_expect_eq(kill(pid, SIGKILL), 0);
	(void)!proc_wait(pid);
	(void)close(ends[0]);
	arena_done(&arena);
}
