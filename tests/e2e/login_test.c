/* Accounts for registries: tried with a real one, kept where Docker and podman find them, and asked for at a terminal. */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "e2e/registry.h"
#include "util/fd.h"

HARNESS_SUITE(login);

static const struct registry_spec guarded = {.tls = true, .user = "ada", .password = "secret"};

/* A home of its own, so that no account of who runs the tests is used or changed. `more` may be NULL. */
static const char *const *at_home(const struct registry_server *server, const char *more)
{
	const char **environment = arena_alloc(harness_arena(), 9 * sizeof(*environment));
	size_t count = 0;

	(void)harness_shell("mkdir -p home run bin && chmod 700 home run");
	environment[count++] = harness_text("HOME=%s", harness_path("home"));
	environment[count++] = harness_text("XDG_RUNTIME_DIR=%s", harness_path("run"));
	environment[count++] = harness_text("PATH=%s:/usr/bin:/bin", harness_path("bin"));
	environment[count++] = "DOCKER_CONFIG";
	environment[count++] = "REGISTRY_AUTH_FILE";
	environment[count++] = "XDG_CONFIG_HOME";
	environment[count++] = server ? server->ssl_cert_file : "NOTHING";
	environment[count++] = more ? more : "NOTHING";
	return environment;
}

static void expect(const char *name, const char *const *argv, const char *const *environment, const char *input, int status, const char *out, const char *err)
{
	struct harness_result result = harness_run(&(struct harness_run){.argv = argv, .env = environment, .input = input});

	harness_expect_status(name, &result, status);
	harness_expect_out(name, &result, out);
	harness_expect_err(name, &result, err);
	cr_expect(!strstr(result.out, "secret") && !strstr(result.err, "secret"), "%s: the password is shown", name);
	harness_done(&result);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

Test(login, kept_in_dockers_file)
{
	struct registry_server server = registry_start(&guarded);
	const char *const *home = at_home(&server, NULL);
	const char *file = harness_path("home/.docker/config.json");
	struct stat st;

	expect("a wrong password", WORDS("login", "-u", "ada", "--password-stdin", server.host), home, "secret2", 125, "", "401 Unauthorized");
	cr_expect_lt(access(file, F_OK), 0, "a password that is wrong was kept");
	expect("the right one", WORDS("login", "-u", "ada", "--password-stdin", server.host), home, "secret\n", 0, "Login Succeeded", harness_text("kept in '%s', not encrypted", file));
	cr_assert_eq(stat(file, &st), 0);
	cr_expect_eq(st.st_mode & 07777, 0600, "others can read it: %o", st.st_mode & 07777);
	expect("as an option, and an address", WORDS("login", "-u", "ada", "-p", "secret", harness_text("https://%s/v2/", server.host)), home, NULL, 0, "Login Succeeded", "--password-stdin hides it");
	registry_push(&server, registry_make_image("small", "echo hello >motd"), "team/small:1");
	cr_expect(strstr(harness_shell(harness_text("skopeo list-tags --authfile '%s' --cert-dir '%s' docker://%s/team/small", file, server.certs, server.host)), "\"1\""), "skopeo cannot use it");
	expect("logout", WORDS("logout", server.host), home, NULL, 0, harness_text("Removed the account for %s from %s", server.host, file), "");
	expect("logout again", WORDS("logout", server.host), home, NULL, 0, harness_text("Not logged in to %s", server.host), "");
	cr_expect(!strstr(harness_slurp(file), server.host), "%s", harness_slurp(file));
	registry_stop(&server);
}

/* skopeo keeps it, for a namespace only, where podman does. */
Test(login, used_by_pull)
{
	struct registry_server server = registry_start(&guarded);
	const char *const *home = at_home(&server, harness_text("CARREL_ROOT=%s", harness_path("store")));
	const char *name = harness_text("%s/team/small:1", server.host);

	registry_push(&server, registry_make_image("small", "echo hello >motd"), "team/small:1");
	expect("nobody", WORDS("pull", "-q", "--userns", "single", name), home, NULL, 125, "", harness_text("carrel login %s", server.host));
	(void)harness_shell(harness_text("mkdir run/containers; skopeo login --authfile run/containers/auth.json --cert-dir '%s' -u ada -p secret %s/team", server.certs, server.host));
	expect("another namespace", WORDS("pull", "-q", "--userns", "single", harness_text("%s/other/small:1", server.host)), home, NULL, 125, "", "carrel login");
	expect("ada", WORDS("pull", "-q", "--userns", "single", name), home, NULL, 0, "sha256:", "");
	registry_stop(&server);
}

static const char helper[] = "#!/bin/sh\n"
			     "cd \"${0%/*}\" || exit\n"
			     "case $1 in\n"
			     "store) cat >kept ;;\n"
			     "get) cat kept 2>/dev/null || { echo 'credentials not found in native keychain'; exit 1; } ;;\n"
			     "erase) rm kept ;;\n"
			     "esac\n";

Test(login, kept_by_a_helper)
{
	struct registry_server server = registry_start(&guarded);
	const char *const *home = at_home(&server, NULL);
	const char *file = harness_file("home/.docker/config.json", "{\"credsStore\": \"note\", \"detachKeys\": \"ctrl-q\"}");

	(void)harness_file("bin/docker-credential-note", helper);
	(void)harness_shell("chmod 755 bin/docker-credential-note");
	expect("login", WORDS("login", "-u", "ada", "--password-stdin", server.host), home, "secret", 0, "Login Succeeded", "kept by docker-credential-note");
	cr_expect(strstr(harness_slurp(harness_path("bin/kept")), "\"Secret\":\"secret\""), "%s", harness_slurp(harness_path("bin/kept")));
	cr_expect(strstr(harness_slurp(file), "ctrl-q") && strstr(harness_slurp(file), server.host) && !strstr(harness_slurp(file), "\"auth\""), "%s", harness_slurp(file));
	expect("logout", WORDS("logout", server.host), home, NULL, 0, "from docker-credential-note", "");
	cr_expect_lt(access(harness_path("bin/kept"), F_OK), 0, "the helper still has it");
	(void)harness_file("home/.docker/config.json", "{\"credsStore\": \"gone\"}");
	expect("a helper that is not there", WORDS("login", "-u", "ada", "--password-stdin", server.host), home, "secret", 125, "", "cannot ask the credential helper 'docker-credential-gone'");
	registry_stop(&server);
}

/* What was shown since, up to and with `text`. */
static const char *wait_for_text(const struct harness_started *started, const char *text)
{
	char *seen = arena_alloc(harness_arena(), 4096);
	size_t size = 0;

	while (!strstr(seen, text)) {
		struct pollfd wait = {.fd = started->terminal, .events = POLLIN};
		ssize_t got = poll(&wait, 1, 10000) == 1 ? read(started->terminal, seen + size, 4095 - size) : 0;

		cr_assert(got > 0, "'%s' is not shown, but '%s'", text, seen);
		size += (size_t)got;
	}
	return seen;
}

static void type(const struct harness_started *started, const char *text)
{
	cr_assert_eq(fd_write_all(started->terminal, text, strlen(text)), 0);
}

Test(login, asked_for_at_a_terminal)
{
	struct registry_server server = registry_start(&guarded);
	const char *const *home = at_home(&server, NULL);
	struct harness_started started = harness_start(&(struct harness_run){ARGV("login", server.host), .env = home, .terminal = true});
	struct harness_result result;

	(void)wait_for_text(&started, "Username: ");
	type(&started, "ada\n");
	(void)wait_for_text(&started, "Password: ");
	type(&started, "secret\n");
	result = harness_finish(&started);
	harness_expect_status("typed", &result, 0);
	harness_expect_out("typed", &result, "Login Succeeded");
	cr_expect(!strstr(result.out, "secret"), "the password is shown: %s", result.out);
	harness_done(&result);

	started = harness_start(&(struct harness_run){ARGV("login", server.host), .env = home, .terminal = true});
	(void)wait_for_text(&started, "Username (ada): ");
	type(&started, "\n");
	(void)wait_for_text(&started, "Password: ");
	type(&started, "\x04");
	result = harness_finish(&started);
	harness_expect_status("the end of input", &result, 125);
	harness_expect_out("the end of input", &result, "the input has ended");
	harness_done(&result);
	registry_stop(&server);
}

/* A terminal that does not echo any more is what people remember. */
Test(login, interrupted_at_the_password)
{
	struct harness_started started = harness_start(&(struct harness_run){ARGV("login", "-u", "ada", "localhost:1"), .env = at_home(NULL, NULL), .terminal = true});
	struct harness_result result;
	struct termios state;

	(void)wait_for_text(&started, "Password: ");
	cr_assert_eq(tcgetattr(started.terminal, &state), 0);
	cr_expect(!(state.c_lflag & ECHO), "the password would be shown");
	cr_assert_eq(kill(started.pid, SIGTERM), 0);
	for (int tries = 0; tries < 100 && !(state.c_lflag & ECHO); tries++) {
		(void)usleep(20000);
		cr_assert_eq(tcgetattr(started.terminal, &state), 0);
	}
	cr_expect(state.c_lflag & ECHO, "the terminal stays without echo");
	result = harness_finish(&started);
	harness_expect_status("SIGTERM", &result, 128 + SIGTERM);
	harness_done(&result);
	started = harness_start(&(struct harness_run){ARGV("login", "-u", "ada", "localhost:1"), .env = at_home(NULL, NULL), .terminal = true});
	(void)wait_for_text(&started, "Password: ");
	type(&started, "\x03");
	result = harness_finish(&started);
	harness_expect_status("^C", &result, 128 + SIGINT);
	harness_done(&result);
}

static const struct harness_case wrong[] = {
	{"two registries", ARGV("login", "a.b", "c.d"), .status = 125, .err = "more than one registry"},
	{"two to leave", ARGV("logout", "a.b", "c.d"), .status = 125, .err = "more than one registry"},
	{"a name without a dot", ARGV("login", "-u", "a", "-p", "b", "myhost"), .status = 125, .err = "'myhost' is no registry"},
	{"nonsense", ARGV("login", "-u", "a", "-p", "b", "a..b"), .status = 125, .err = "'a..b' is no registry"},
	{"a repository", ARGV("login", "-u", "a", "-p", "b", "quay.io/team"), .status = 125, .err = "carrel login quay.io"},
	{"no terminal", ARGV("login", "quay.io"), .status = 125, .err = "there is no terminal to ask"},
	{"no terminal for the password", ARGV("login", "-u", "ada", "quay.io"), .status = 125, .err = "--password-stdin <FILE"},
	{"no name", ARGV("login", "--password-stdin", "quay.io"), .status = 125, .err = "wants --username", .input = "x"},
	{"two passwords", ARGV("login", "-u", "a", "-p", "b", "--password-stdin", "quay.io"), .status = 125, .err = "both given"},
	{"an empty password", ARGV("login", "-u", "a", "--password-stdin", "quay.io"), .status = 125, .err = "the password is empty", .input = "\n"},
	{"a colon", ARGV("login", "-u", "a:b", "-p", "x", "quay.io"), .status = 125, .err = "no colon"},
	{"nobody there", ARGV("login", "-u", "a", "-p", "x", "localhost:1"), .status = 125, .err = "localhost:1", .not_out = "Succeeded"},
	{"never logged in", ARGV("logout", "localhost:1"), .status = 0, .out = "Not logged in to localhost:1"},
	{"never logged in to Docker Hub", ARGV("logout", "https://index.docker.io/v1/"), .status = 0, .out = "Not logged in to docker.io"},
};

Test(login, wrong_words)
{
	const char *const *home = at_home(NULL, NULL);

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct harness_case row = wrong[i];

		row.env = home;
		harness_table(&row, 1);
	}
}
