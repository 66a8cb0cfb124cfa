#include "isolate/scope.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "isolate/cgroup.h"
#include "unit/isolate/dbus_peer.h"
#include "util/fd.h"
#include "util/path.h"
#include "util/proc.h"

TestSuite(scope);

#define MANAGER "org.freedesktop.systemd1.Manager"
#define JOB "/org/freedesktop/systemd1/job/12"

enum conduct {
	ANSWERS, SIGNALS_FIRST, OTHERS_TOO, ANSWERS_IN_BYTES, /* all end well */
	REFUSES, REFUSES_WORDLESS, REJECTS, FAILS, HANGS, HANGS_AFTER_LOGIN, HANGS_AFTER_REPLY, CLOSES, CLOSES_AFTER_LOGIN, GARBLES, GARBLES_AFTER_LOGIN, BOASTS, WRONG_REPLY,
};

/* --- a systemd ---------------------------------------------------------------------------------------------------------------------------- */

static void put_answer(struct buf *out, const struct dbus_answer *answer, const char *text)
{
	struct dbus_writer writer;

	dbus_peer_open(&writer, out, answer);
	if (text)
		dbus_put_string(&writer, text);
	dbus_close(&writer);
}

static void put_removed(struct buf *out, const char *unit, const char *job, const char *result)
{
	const struct dbus_answer signal = {.type = DBUS_SIGNAL, .path = "/org/freedesktop/systemd1", .interface = MANAGER, .member = "JobRemoved", .signature = "uoss"};
	struct dbus_writer writer;

	dbus_peer_open(&writer, out, &signal);
	dbus_put_u32(&writer, 12);
	dbus_put_string(&writer, job);
	dbus_put_string(&writer, unit);
	dbus_put_string(&writer, result);
	dbus_close(&writer);
}

static void put_talk(struct buf *out, enum conduct conduct, uint32_t serial, const char *unit)
{
	const struct dbus_answer reply = {.type = DBUS_METHOD_RETURN, .reply_serial = serial, .signature = conduct == WRONG_REPLY ? "s" : "o"};
	const struct dbus_answer refusal = {.type = DBUS_ERROR, .reply_serial = serial, .error_name = "org.freedesktop.DBus.Error.AccessDenied", .signature = conduct == REFUSES ? "s" : NULL};
	const struct dbus_answer other = {.type = DBUS_SIGNAL, .path = "/", .interface = "a.b", .member = "C"};

	if (conduct == REFUSES || conduct == REFUSES_WORDLESS) {
		put_answer(out, &refusal, conduct == REFUSES ? "not today" : NULL);
		return;
	}
	if (conduct == OTHERS_TOO) {
		put_answer(out, &other, NULL);
		put_removed(out, "carrel-1-99.scope", JOB, "failed");
	}
	if (conduct == SIGNALS_FIRST)
		put_removed(out, unit, JOB, "done");
	put_answer(out, &reply, JOB);
	if (conduct == OTHERS_TOO)
		put_removed(out, unit, JOB "3", "failed"); /* another job of the same unit */
	if (conduct != SIGNALS_FIRST && conduct != HANGS_AFTER_REPLY)
		put_removed(out, unit, JOB, conduct == FAILS ? "failed" : "done");
}

/* Read the login and the messages up to StartTransientUnit: its serial and the unit, or 0 when what came is not as it should be. */
static uint32_t hear(int fd, bool is_bus, char *unit, size_t room)
{
	static char text[65536];
	struct dbus_message message = {0};
	size_t size = 0, at = 0;
	const char *name, *mode;

	for (unsigned calls = 0;;) {
		ssize_t whole = at ? dbus_message_size(text + at, size - at) : 0;

		if (!at && size && memmem(text, size, "BEGIN\r\n", 7))
			at = (size_t)((char *)memmem(text, size, "BEGIN\r\n", 7) - text) + 7;
		else if (whole > 0 && at + (size_t)whole <= size) {
			if (dbus_parse(text + at, (size_t)whole, &message) < 0 || !message.member)
				return 0;
			at += (size_t)whole;
			if (strcmp(message.member, "StartTransientUnit") == 0)
				break;
			if (!is_bus || strcmp(message.member, calls++ ? "AddMatch" : "Hello") != 0)
				return 0;
		} else {
			ssize_t n = read(fd, text + size, sizeof(text) - size);

			if (n <= 0)
				return 0;
			size += (size_t)n;
		}
	}
	if (memcmp(text, "\0AUTH EXTERNAL ", 15) != 0 || strcmp(message.signature, "ssa(sv)a(sa(sv))") != 0)
		return 0;
	if (dbus_get_string(&message.body, &name) < 0 || dbus_get_string(&message.body, &mode) < 0 || strcmp(mode, "fail") != 0)
		return 0;
	(void)snprintf(unit, room, "%s", name);
	return message.serial;
}

static void say(int fd, const struct buf *out, size_t piece)
{
	for (size_t at = 0; at < out->size; at += piece) {
		size_t size = out->size - at < piece ? out->size - at : piece;

		if (send(fd, out->text + at, size, MSG_NOSIGNAL) < 0)
			return;
	}
}

static void serve(int listener, bool is_bus, enum conduct conduct)
{
	static const char ok[] = "OK 0123456789abcdef0123456789abcdef\r\n";
	cleanup_buf struct buf out = {0};
	char unit[64] = "";
	/* By the server itself, which is the other side then (unix(7), SO_PEERCRED). */
	int fd = listen(listener, 0) < 0 ? -1 : accept(listener, NULL, NULL);
	uint32_t serial;

	if (conduct == CLOSES)
		_exit(0);
	serial = hear(fd, is_bus, unit, sizeof(unit));
	buf_puts(&out, serial == 0 ? "ERROR not understood\r\n" : conduct == REJECTS ? "REJECTED EXTERNAL\r\n" : conduct == GARBLES ? "SSH-2.0-OpenSSH_9.2\r\n" : conduct == HANGS ? "" : ok);
	if (is_bus)
		put_answer(&out, &(struct dbus_answer){.type = DBUS_METHOD_RETURN, .reply_serial = 1, .signature = "s"}, ":1.5");
	if (conduct == GARBLES_AFTER_LOGIN)
		buf_puts(&out, "HTTP/1.1 400 Bad Request\r\n");
	else if (conduct == BOASTS)
		buf_add(&out, "l\2\0\1" "\xff\xff\xff\x7f" "\1\0\0\0" "\0\0\0\0", 16);
	else if (conduct != HANGS_AFTER_LOGIN && conduct != CLOSES_AFTER_LOGIN)
		put_talk(&out, conduct, serial, unit);
	if (conduct != HANGS)
		say(fd, &out, conduct == ANSWERS_IN_BYTES ? 1 : 4096);
	if (conduct != CLOSES_AFTER_LOGIN)
		(void)poll(NULL, 0, 10000); /* the test ends us */
	_exit(0);
}

struct server {
	char dir[64], path[96];
	int listener;
	pid_t pid;
};

static void wait_for_listener(int listener)
{
	int is_listening = 0;
	socklen_t size = sizeof(is_listening);

	while (!is_listening) {
		(void)usleep(1000);
		cr_assert_eq(getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size), 0);
	}
}

static void start(struct server *server, bool is_bus, enum conduct conduct)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	(void)snprintf(server->dir, sizeof(server->dir), "/tmp/carrel-scope.XXXXXX");
	cr_assert_not_null(mkdtemp(server->dir));
	(void)snprintf(server->path, sizeof(server->path), "%s/private", server->dir);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", server->path);
	server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(server->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	server->pid = fork();
	if (server->pid == 0)
		serve(server->listener, is_bus, conduct);
	wait_for_listener(server->listener);
}

static void stop(struct server *server)
{
	(void)kill(server->pid, SIGKILL);
	cr_expect_geq(proc_wait(server->pid), 0);
	(void)fd_close(server->listener);
	cr_expect_eq(path_remove_tree(AT_FDCWD, server->dir), 0);
}

/* --- talks -------------------------------------------------------------------------------------------------------------------------------- */

/* The whole of begin and finish. This process is in no scope of such a name: a talk that went well ends with that. */
static int ask(const struct scope_facts *facts, struct error *err)
{
	struct scope_job job = {0};
	char *path = NULL;
	int r = scope_begin(facts, getpid(), "carrel: \xff\n", &job, err);

	if (r == 0)
		r = scope_finish(&job, "/sys/fs/cgroup", &path, err);
	cr_expect_eq(r < 0 ? err->code : 0, -r);
	cr_expect_null(job.wire);
	scope_done(&job);
	free(path);
	return r;
}

Test(scope, talks)
{
	static const char well[] = "although its job is done";
	static const struct {
		const char *name;
		bool is_bus;
		enum conduct conduct;
		int wanted;
		const char *cause;
	} cases[] = {
	    {"systemd", false, ANSWERS, -ESRCH, well},
	    {"a bus", true, ANSWERS, -ESRCH, well},
	    {"the signal before the reply", false, SIGNALS_FIRST, -ESRCH, well},
	    {"signals of others", false, OTHERS_TOO, -ESRCH, well},
	    {"one byte at a time", true, ANSWERS_IN_BYTES, -ESRCH, well},
	    {"refuses", false, REFUSES, -EACCES, "not today (org.freedesktop.DBus.Error.AccessDenied)"},
	    {"refuses on a bus", true, REFUSES, -EACCES, "not today"},
	    {"refuses without a word", false, REFUSES_WORDLESS, -EACCES, "org.freedesktop.DBus.Error.AccessDenied"},
	    {"rejects the login", false, REJECTS, -EACCES, "log in"},
	    {"the job fails", false, FAILS, -EIO, "ended with 'failed'"},
	    {"hangs", false, HANGS, -ETIMEDOUT, "nobody answers"},
	    {"hangs after the login", true, HANGS_AFTER_LOGIN, -ETIMEDOUT, "nobody answers"},
	    {"hangs after the reply", false, HANGS_AFTER_REPLY, -ETIMEDOUT, "nobody answers"},
	    {"closes", false, CLOSES, -ECONNRESET, "private: "},
	    {"closes after the login", false, CLOSES_AFTER_LOGIN, -ECONNRESET, "closed without an answer"},
	    {"is something else", false, GARBLES, -EPROTO, "not D-Bus"},
	    {"garbles its messages", false, GARBLES_AFTER_LOGIN, -EPROTO, "not D-Bus"},
	    {"a length of 2 GB", false, BOASTS, -EPROTO, "too long"},
	    {"a reply of another type", false, WRONG_REPLY, -EPROTO, "no job"},
	};

	for (size_t i = 0, tries = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct server server;
		struct error err = {0};
		int64_t began = proc_now_ms();
		int r;

		start(&server, cases[i].is_bus, cases[i].conduct);
		r = ask(&(struct scope_facts){.socket = server.path, .is_bus = cases[i].is_bus}, &err);
		stop(&server);
		/* On an overloaded machine the server may not even be let run before the silence is over. */
		if (r == -ETIMEDOUT && r != cases[i].wanted && tries++ < 10) {
			i--;
			continue;
		}
		cr_expect_eq(r, cases[i].wanted, "%s: %d, %s", cases[i].name, r, err.cause);
		cr_expect(strstr(err.cause, cases[i].cause), "%s: %s", cases[i].name, err.cause);
		cr_expect_lt(proc_now_ms() - began, 3 * SCOPE_MOST_SILENCES * SCOPE_SILENCE_MOST_MS, "%s: it took too long", cases[i].name);
	}
}

/* Who is stopped from accepting lets connections queue, and then lets them wait: neither begin nor finish may hang on that. */
Test(scope, a_full_queue)
{
	struct server server;
	struct scope_job jobs[4] = {0};
	struct error err = {0};
	int64_t began;

	start(&server, false, HANGS);
	(void)kill(server.pid, SIGSTOP);
	began = proc_now_ms();
	for (size_t i = 0; i < 4; i++)
		cr_expect_eq(scope_begin(&(struct scope_facts){.socket = server.path}, getpid(), "x", &jobs[i], &err), 0, "%s", err.cause);
	cr_expect_lt(proc_now_ms() - began, SCOPE_MOST_SILENCES * SCOPE_SILENCE_MOST_MS);
	cr_expect_not(jobs[3].is_connected);
	for (size_t i = 0; i < 4; i++) {
		char *path = NULL;

		cr_expect_eq(scope_finish(&jobs[i], "/sys/fs/cgroup", &path, &err), -ETIMEDOUT, "%s", err.cause);
	}
	stop(&server);
}

Test(scope, nobody_there)
{
	char longest[200];
	struct error err = {0};
	struct scope_job job = {0};

	cr_expect_eq(scope_begin(&(struct scope_facts){.socket = "/nonexistent/private"}, 1, "x", &job, &err), -ENOENT);
	cr_expect(strstr(err.cause, "/nonexistent/private"), "%s", err.cause);
	cr_expect_eq(scope_begin(&(struct scope_facts){.why_not = "there is none here"}, 1, "x", &job, &err), -ENOENT);
	cr_expect_str_eq(err.cause, "there is none here");
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	cr_expect_eq(scope_begin(&(struct scope_facts){.socket = longest}, 1, "x", &job, &err), -ENOENT);
	cr_expect_eq(scope_begin(&(struct scope_facts){.socket = "@carrel/no such name"}, 1, "x", &job, &err), -ECONNREFUSED);
	scope_done(&job);
}

/* --- facts -------------------------------------------------------------------------------------------------------------------------------- */

static void make_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	(void)fd_close(fd);
}

static void make_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	cr_assert_not_null(file, "%s", path);
	(void)fputs(text, file);
	(void)fclose(file);
}

/* DIR/run/systemd/private, DIR/run2/bus, DIR/other bus; DIR/cg: cgroups with a user's manager, DIR/bare: without. */
static void make_host(struct arena *arena, const char *dir)
{
	const char *manager = arena_printf(arena, "%s/cg/user.slice/user-%u.slice/user@%u.service", dir, geteuid(), geteuid());

	cr_assert_eq(path_make_dirs(arena_printf(arena, "%s/run/systemd", dir), 0700), 0);
	cr_assert_eq(path_make_dirs(arena_printf(arena, "%s/run2", dir), 0700), 0);
	cr_assert_eq(path_make_dirs(manager, 0700), 0);
	make_socket(arena_printf(arena, "%s/run/systemd/private", dir));
	make_socket(arena_printf(arena, "%s/run2/bus", dir));
	make_socket(arena_printf(arena, "%s/other bus", dir));
	make_file(arena_printf(arena, "%s/cgroup.controllers", manager), "cpu memory hugetlb pids\n");
}

Test(scope, facts)
{
	/* DIR in the texts stands for the folder. */
	static const struct {
		const char *name, *runtime_dir, *address, *mount;
		const char *socket, *why_not;
		bool is_bus;
	} cases[] = {
	    {"systemd's own", "DIR/run", NULL, "DIR/cg", "DIR/run/systemd/private", NULL, false},
	    {"systemd's own before the bus", "DIR/run", "unix:path=DIR/run2/bus", "DIR/cg", "DIR/run/systemd/private", NULL, false},
	    {"the bus of the folder", "DIR/run2", NULL, "DIR/cg", "DIR/run2/bus", NULL, true},
	    {"a named bus", NULL, "unix:guid=1,path=DIR/run2/bus", "DIR/cg", "DIR/run2/bus", NULL, true},
	    {"escaped", NULL, "unix:path=DIR/other%20bus,guid=1", "DIR/cg", "DIR/other bus", NULL, true},
	    {"the second of a list", NULL, "tcp:host=x;unix:path=DIR/none;unix:path=DIR/run2/bus", "DIR/cg", "DIR/run2/bus", NULL, true},
	    {"abstract", NULL, "unix:abstract=/tmp/dbus-x,guid=1", "DIR/cg", "@/tmp/dbus-x", NULL, true},
	    {"a wrong escape", NULL, "unix:path=DIR/run2/bus%0", "DIR/cg", NULL, "XDG_RUNTIME_DIR is not set", false},
	    {"an escaped zero", NULL, "unix:path=DIR/run2/bus%00", "DIR/cg", NULL, "XDG_RUNTIME_DIR is not set", false},
	    {"a key that begins so", NULL, "unix:pathological=DIR/run2/bus", "DIR/cg", NULL, "no session bus", false},
	    {"empty", "DIR/empty", "", "DIR/cg", NULL, "there is no DIR/empty/systemd/private", false},
	    {"a relative folder", "run", NULL, "DIR/cg", NULL, "XDG_RUNTIME_DIR is not set", false},
	    {"no address at all", NULL, ";;unix:;=,", "DIR/cg", NULL, "no session bus", false},
	    {"cgroup v1", "DIR/run", NULL, NULL, NULL, "no cgroup v2", false},
	    {"a systemd without a cgroup", "DIR/run", NULL, "DIR/bare", NULL, "has no cgroup", false},
	};
	struct arena arena = {0};
	char dir[] = "/tmp/carrel-scope.XXXXXX";

	cr_assert_not_null(mkdtemp(dir));
	make_host(&arena, dir);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *texts[] = {cases[i].runtime_dir, cases[i].address, cases[i].mount, cases[i].socket, cases[i].why_not};
		struct scope_facts facts = {.controllers = ~0u};
		struct error err = {0};

		for (size_t j = 0; j < sizeof(texts) / sizeof(texts[0]); j++) {
			for (const char *at; texts[j] && (at = strstr(texts[j], "DIR/"));)
				texts[j] = arena_printf(&arena, "%.*s%s%s", (int)(at - texts[j]), texts[j], dir, at + 3);
		}
		cr_expect_eq(scope_read_facts(&arena, texts[0], texts[1], texts[2], &facts, &err), 0, "%s", cases[i].name);
		if (texts[3])
			cr_expect(facts.socket && strcmp(facts.socket, texts[3]) == 0 && !facts.why_not, "%s: %s, %s", cases[i].name, facts.socket ? facts.socket : "none", facts.why_not ? facts.why_not : "");
		else
			cr_expect(!facts.socket && facts.why_not && strstr(facts.why_not, texts[4]), "%s: %s, %s", cases[i].name, facts.socket ? facts.socket : "none", facts.why_not ? facts.why_not : "");
		cr_expect_eq(facts.is_bus, cases[i].is_bus, "%s: is_bus", cases[i].name);
		cr_expect_eq(facts.controllers, texts[3] ? CGROUP_CPU | CGROUP_MEMORY | CGROUP_PIDS : 0u, "%s: controllers %#x", cases[i].name, facts.controllers);
	}
	cr_expect_eq(path_remove_tree(AT_FDCWD, dir), 0);
	arena_done(&arena);
}
