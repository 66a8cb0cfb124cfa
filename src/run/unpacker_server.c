/* Theory of operation. The process is PID 1 of its namespace, so that whatever it has forked ends with it. While its ids are being mapped it makes what
 * needs no ids; then it shuts itself up in the store's tmp/ (room.h) and waits for orders. It trusts no order further than that: the client is the process
 * that talks to the network. A stream's bytes it never sees; each order is worked off by a fork (unpacker_job.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "image/digest_hash.h"
#include "isolate/ns.h"
#include "isolate/room.h"
#include "run/unpacker_parts.h"
#include "util/fd.h"

enum { SOCKET_FD = 3 };

/* Nothing of the client's stays open but the socket: no terminal, no store, no connection. */
static int keep_socket_only(struct unpacker_server *server, struct error *err)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return error_set(err, errno, "cannot open '/dev/null'");
	for (int fd = 0; fd < SOCKET_FD; fd++) {
		if (dup2(null, fd) < 0)
			return error_set(err, errno, "cannot leave the standard streams");
	}
	if (server->socket != SOCKET_FD && dup3(server->socket, SOCKET_FD, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot keep the socket");
	server->socket = SOCKET_FD;
	fd_close_range(SOCKET_FD + 1, ~0U);
	return 0;
}

/* What the program's own mappings take stays the workers' too: their limits stand above it. (proc(5), statm: the first field and the sixth, in pages) */
static int read_own_size(struct unpacker_server *server, struct error *err)
{
	cleanup_close int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t fields[6] = {0};
	char text[128], *at = text;
	ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (got <= 0)
		return error_set(err, errno, "cannot read '/proc/self/statm'");
	text[got] = 0;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		fields[i] = strtoull(at, &at, 10);
	server->address_space = fields[0] * page;
	server->data = fields[5] * page;
	return 0;
}

static int enter(struct unpacker_server *server, struct error *err)
{
	struct digest ignored;
	int r = keep_socket_only(server, err);

	if (r == 0)
		r = ns_unshare_network(err);
	if (r < 0)
		return r;
	/* libcrypto reads its configuration when it is first asked for a hash: later there is no file any more. */
	digest_of("", 0, &ignored);
	return read_own_size(server, err);
}

/* The first message says that the ids are mapped. */
static int wait_for_ids(const struct unpacker_server *server, struct error *err)
{
	int fds[FD_PASS_MAX];
	char byte;

	if (fd_receive(server->socket, &byte, 1, fds) != 1)
		return error_set(err, EPIPE, "cannot go on without the client");
	/* Not earlier: of a process that is not dumpable only root may write the maps. */
	(void)prctl(PR_SET_DUMPABLE, 0); /* neither fails for these values */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	return 0;
}

/* Only another id will do: a network filesystem asks its server, who knows of no user namespace (EPERM; NFS, Lustre, GPFS), and vfat knows no owners at all. Where nothing can
 * be made, the layer's own error says it better. */
static bool gives_away(void)
{
	int fd = open("/", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	bool is_given;

	if (fd < 0) { /* NFS has no O_TMPFILE */
		struct timespec now;
		char name[32];

		(void)clock_gettime(CLOCK_REALTIME, &now);
		(void)snprintf(name, sizeof(name), "/id-%lld.%09ld", (long long)now.tv_sec, now.tv_nsec);
		fd = open(name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
		if (fd >= 0)
			(void)unlink(name);
	}
	is_given = fd < 0 || fchown(fd, 1, 1) == 0;
	(void)fd_close(fd);
	return is_given;
}

/* "ID" or "ID/tree": nothing that leads out, and no dot but within a name. */
static bool is_good_name(const char name[UNPACKER_NAME])
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/";
	size_t size = strnlen(name, UNPACKER_NAME);

	if (size == 0 || size == UNPACKER_NAME || strspn(name, allowed) != size || name[0] == '/' || name[0] == '.')
		return false;
	return !strstr(name, "/.") && !strstr(name, "//");
}

static void work(const struct unpacker_server *server)
{
	for (;;) {
		struct unpacker_order order;
		int fds[FD_PASS_MAX];
		ssize_t got = fd_receive(server->socket, &order, sizeof(order), fds);

		if (got <= 0)
			return;
		if (got == sizeof(order) && fds[1] >= 0 && is_good_name(order.name) && fork() == 0)
			unpacker_job(server, &order, fds[0], fds[1]);
		/* Where nobody took it, the client sees the end of the result's pipe. */
		for (size_t i = 0; i < FD_PASS_MAX; i++)
			(void)fd_close(fds[i]);
	}
}

void unpacker_serve(struct unpacker_server *server)
{
	struct unpacker_answer answer = {0};

	(void)setsid(); /* what is typed at the client's terminal is for the client */
	(void)signal(SIGPIPE, SIG_IGN); /* these fail for no signal there is */
	(void)signal(SIGCHLD, SIG_IGN); /* jobs leave no zombies */
	answer.result = enter(server, &answer.error);
	if (answer.result == 0)
		answer.result = wait_for_ids(server, &answer.error);
	if (answer.result == 0)
		answer.result = room_enter(server->folder, &answer.error);
	answer.gives_away = answer.result == 0 && gives_away();
	if (fd_send(server->socket, &answer, sizeof(answer), NULL, 0) == 0 && answer.result == 0)
		work(server);
	_exit(answer.result < 0);
}
