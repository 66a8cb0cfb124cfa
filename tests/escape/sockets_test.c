/* Services of the host: sockets by path, by abstract name and by port; the variables that lead to them; keys. */
#include "escape/cases.h"

#include <arpa/inet.h>
#include <linux/keyctl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/sys.h"

HARNESS_SUITE(escape_sockets);

static void listen_at(const char *path, bool abstract)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert(strlen(path) + 1 < sizeof(address.sun_path));
	strcpy(address.sun_path + abstract, path);
	cr_assert(bind(fd, (const struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1)) == 0, "%s", path);
	cr_assert(listen(fd, 5) == 0);
}

Test(escape_sockets, abstract_names)
{
	char name[64], display[64];

	(void)snprintf(name, sizeof(name), "carrel-escape-%d", (int)getpid());
	(void)snprintf(display, sizeof(display), "/tmp/.X11-unix/X%d", (int)getpid());
	listen_at(name, true);
	listen_at(display, true);
	const struct escape_case rows[] = {
		{"a host's name", TRY("sockets", "abstract", name), BLOCKED("ECONNREFUSED"), OFF("--network", "host"), WEAK("landlock"), OPEN("done")},
		{"the X server's name", TRY("sockets", "abstract", display), BLOCKED("ECONNREFUSED"), OFF("--network", "host"), WEAK("landlock"), OPEN("done")},
	};

	escape_table(rows, ARRAY_SIZE(rows));
	if (sys_landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 6) {
		harness_skip("the second wall", "Landlock has no scopes before 6.12");
		return;
	}
	const struct escape_case scoped = {"the host's network", TRY("sockets", "abstract", name), ON("--network", "host"), BLOCKED("EPERM"), WEAK("landlock"), OPEN("done")};
	escape_table(&scoped, 1);
}

Test(escape_sockets, ports)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char port[16];

	cr_assert(bind(fd, (const struct sockaddr *)&address, size) == 0 && listen(fd, 5) == 0 && getsockname(fd, (struct sockaddr *)&address, &size) == 0);
	(void)snprintf(port, sizeof(port), "%d", ntohs(address.sin_port));
	const struct escape_case row = {"a service of the host", TRY("sockets", "port", port), BLOCKED("ECONNREFUSED"), OFF("--network", "host"), OPEN("done")};
	escape_table(&row, 1);
}

/* Where the session bus, systemd, agents and the X server listen, as far as an ordinary user can make the place; shown on purpose, each is reached. */
Test(escape_sockets, paths)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR"), *home = getenv("HOME");
	const char *const places[] = {"/tmp", "/var/tmp", "/dev/shm", home, runtime};
	static const char *const names[] = {"bus", "systemd", "ssh-agent", ".X11-unix", "S.gpg-agent"};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		char dir[80], path[100], shown[200];

		if (!places[i] || access(places[i], W_OK) < 0) {
			harness_skip(names[i], "its folder is not there for this user");
			continue;
		}
		(void)snprintf(dir, sizeof(dir), "%s/carrel-escape-XXXXXX", places[i]);
		cr_assert(mkdtemp(dir));
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)snprintf(shown, sizeof(shown), "%s:%s", dir, dir);
		listen_at(path, false);
		const struct escape_case row = {path, TRY("sockets", "path", path), BLOCKED("ENOENT"), OFF("-v", shown), OPEN("done")};
		escape_table(&row, 1);
		(void)unlink(path);
		(void)rmdir(dir);
	}
}

static const char *const leading[] = {"DBUS_SESSION_BUS_ADDRESS", "SSH_AUTH_SOCK", "SSH_AGENT_PID", "GPG_AGENT_INFO", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY",
    "XDG_RUNTIME_DIR", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "LD_PRELOAD", "NOTIFY_SOCKET", "DOCKER_HOST", "KRB5CCNAME"};

Test(escape_sockets, variables)
{
	for (size_t i = 0; i < ARRAY_SIZE(leading); i++) {
		char set[64];

		(void)snprintf(set, sizeof(set), "%s=/nowhere", leading[i]);
		const char *const env[] = {strcmp(leading[i], "LD_PRELOAD") ? set : "X=", NULL};
		const char *said = escape_try(&(const struct escape_run){.attack = WORDS("sockets", "variable", leading[i]), .env = env}, NULL);
		cr_expect_str_eq(said, "ENOENT", "%s: %s", leading[i], said);
		if (strcmp(leading[i], "LD_PRELOAD") != 0) {
			said = escape_try(&(const struct escape_run){.options = WORDS("-e", leading[i]), .attack = WORDS("sockets", "variable", leading[i]), .env = env}, NULL);
			cr_expect_str_eq(said, "done", "%s, passed on: %s", leading[i], said);
		}
	}
}

/* The caller's session keyring comes along unless it is left. */
Test(escape_sockets, session_keyring)
{
	const struct escape_case rows[] = {
		{"no call", TRY("calls", "find-key", "carrel-escape"), BLOCKED("EPERM"), OFF(UNCONFINED), OPEN("ENOKEY")},
		{"no key", TRY("calls", "find-key", "carrel-escape"), ON(UNCONFINED), BLOCKED("ENOKEY"), WEAK("keyring"), OPEN("done")},
		{"no keyring at all", TRY("calls", "find-key", "carrel-escape"), ON(UNCONFINED, "--set", "process.keyring=none"), BLOCKED("ENOKEY"), WEAK("keyring"), OPEN("done")},
		{"no keyring, no call", TRY("calls", "add-key"), ON("--set", "syscalls.deny=!replace []", "--set", "process.keyring=none"), BLOCKED("EPERM"), OFF(UNCONFINED), OPEN("done")},
	};

	if (sys_keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0) < 0)
		cr_skip_test("this kernel or an outer sandbox has no keyrings");
	cr_assert(syscall(SYS_add_key, "user", "carrel-escape", "x", 1UL, KEY_SPEC_SESSION_KEYRING) > 0);
	escape_table(rows, ARRAY_SIZE(rows));
}
