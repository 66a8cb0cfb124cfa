#include "isolate/placeholder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/mem.h"

enum { MODE_LENT_FILE = 01400, MODE_LENT_DIRECTORY = 01500 };

struct lent { /* one message, with the directory's descriptor; name "" carries the pidfd of PID 1 */
	bool directory;
	char name[NAME_MAX + 1];
};

struct lent_item {
	struct lent lent;
	int dir_fd;
};

bool placeholder_is_lent(const struct stat *st)
{
	if (st->st_uid != geteuid())
		return false;
	if (S_ISDIR(st->st_mode))
		return (st->st_mode & 05777) == MODE_LENT_DIRECTORY; /* S_ISGID comes from the parent */
	return S_ISREG(st->st_mode) && (st->st_mode & 07777) == MODE_LENT_FILE && st->st_size == 0;
}

static bool is_lent(int fd, bool directory)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) == directory && placeholder_is_lent(&st);
}

static int open_lent(int dir_fd, const char *name, bool directory)
{
	return openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | (directory ? O_DIRECTORY : 0));
}

/* True when there is nothing more to do. */
static bool take_back(const struct lent_item *item)
{
	cleanup_close int fd = open_lent(item->dir_fd, item->lent.name, item->lent.directory);

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
	if (!is_lent(fd, item->lent.directory))
		return true; /* somebody else's by now */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK; /* another sandbox still stands on it: its guard removes it */
	return unlinkat(item->dir_fd, item->lent.name, item->lent.directory ? AT_REMOVEDIR : 0) == 0 || errno == ENOTEMPTY;
}

/* The directory may be out of reach for a moment (a network filesystem). What stays after three tries, the next sandbox there takes over. */
static void take_back_all(const struct lent_item *items, size_t count)
{
	while (count > 0) {
		count--;
		for (int tries = 0; tries < 3 && !take_back(&items[count]); tries++)
			(void)usleep(50000);
	}
}

static _Noreturn void guard_run(int socket)
{
	struct arena arena = {0};
	struct lent_item *items = NULL;
	size_t count = 0;
	int pidfd = -1, errors = 0;

	for (;;) {
		struct lent_item item;
		int fds[FD_PASS_MAX];

		ssize_t n = fd_receive(socket, &item.lent, sizeof(item.lent), fds);
		if (n == 0 || (n < 0 && ++errors > 10))
			break;
		if (n < 0)
			continue;
		item.lent.name[NAME_MAX] = 0;
		if (!item.lent.name[0]) {
			pidfd = fds[0];
			continue;
		}
		item.dir_fd = fds[0];
		items = arena_grow(&arena, items, count, sizeof(item));
		items[count++] = item;
	}
	/* PID 1 has closed its files; the processes that it takes with it end before its pidfd becomes readable. */
	while (pidfd >= 0 && poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, -1) < 0 && errno == EINTR)
		;
	take_back_all(items, count);
	_exit(0);
}

int placeholder_start_guard(int *ret_socket, pid_t *ret_pid, struct error *err)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, errno, "cannot start the guard of placeholders");
	pid = fork();
	if (pid < 0)
		return error_set(err, errno, "cannot start the guard of placeholders");
	if (pid == 0) {
		sigset_t all;

		/* A Ctrl-C or a closed terminal ends the sandbox, not the one who cleans up after it. */
		(void)setsid();
		(void)sigfillset(&all);
		(void)sigprocmask(SIG_SETMASK, &all, NULL);
		/* Hold none of the caller's pipes open: who reads one waits for its end. */
		(void)dup2(pair[0], 3);
		fd_close_range(4, ~0u);
		for (int fd = 0; fd < 3; fd++)
			(void)close(fd);
		(void)!chdir("/"); /* hold no directory of the user's; but better that than no guard */
		guard_run(3);
	}
	(void)close(pair[0]);
	*ret_socket = pair[1];
	*ret_pid = pid;
	return 0;
}

int placeholder_watch(int socket, int pidfd)
{
	struct lent lent = {0};

	return fd_send(socket, &lent, sizeof(lent), &pidfd, 1);
}

/* The mode must be there from the first moment (our umask is 0): whoever dies between two calls leaves what no guard knows as a placeholder. */
static int make_lent(int dir_fd, const char *name, bool directory)
{
	if (directory) {
		if (mkdirat(dir_fd, name, MODE_LENT_DIRECTORY) < 0)
			return -errno;
		int fd = open_lent(dir_fd, name, true);
		return fd < 0 ? -errno : fd;
	}
	int fd = openat(dir_fd, name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, MODE_LENT_FILE);
	return fd < 0 ? -errno : fd;
}

static bool still_there(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

int placeholder_lend(int socket, int dir_fd, const char *name, bool directory, int *ret_fd)
{
	struct lent lent = {.directory = directory};
	size_t len = strlen(name);
	int r;

	if (socket < 0)
		return -EINVAL;
	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(lent.name, name, len + 1);
	/* Tell first, make then: whenever we are killed, the guard knows. */
	r = fd_send(socket, &lent, sizeof(lent), &dir_fd, 1);
	for (int tries = 0; r == 0 && tries < 16; tries++) {
		cleanup_close int fd = make_lent(dir_fd, name, directory);

		if (fd == -EEXIST)
			fd = open_lent(dir_fd, name, directory);
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0)
			return -errno;
		if (!is_lent(fd, directory))
			return -EEXIST;
		if (flock(fd, LOCK_SH) < 0)
			return -errno;
		if (!still_there(fd))
			continue; /* its last guard was quicker */
		*ret_fd = take_fd(fd);
		return 0;
	}
	return r < 0 ? r : -EEXIST;
}
