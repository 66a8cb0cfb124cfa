/* Theory of operation: the program under test is forked into a session of its own, with pipes (or a new terminal) for its output, and watched
 * through a pidfd. Since the test process is a subreaper, everything that outlives its parent becomes a child of the test process; so "what was left
 * behind" is simply the list of our children, and killing it needs no guessing by name or session. */
#include "e2e/harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/path.h"
#include "util/sys.h"

extern char **environ;

enum { DEFAULT_TIMEOUT_MS = 60000, GRACE_MS = 3000, LIVE_MAX = 64 };

static char tmp[PATH_MAX];          /* "": not made yet */
static struct arena paths;          /* what harness_path and its kin gave away */
static pid_t live[LIVE_MAX];        /* started and not finished */

static long now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void sleep_ms(long ms)
{
	const struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	(void)nanosleep(&t, NULL);
}

/* --- where things are --- */

const char *harness_tree(void)
{
	static char tree[PATH_MAX];

	if (!tree[0])
		cr_assert(getcwd(tree, sizeof(tree)), "the tests start at the top of the source tree");
	return tree;
}

const char *harness_program(void)
{
	static char program[PATH_MAX];
	const char *name = getenv("CARREL_UNDER_TEST");

	if (!program[0])
		cr_assert(realpath(name ? name : "build/carrel", program), "no program to test: %s", name ? name : "build/carrel");
	return program;
}

const char *harness_tmp(void)
{
	const char *top = getenv("TMPDIR");

	if (!tmp[0]) {
		(void)snprintf(tmp, sizeof(tmp), "%s/carrel-e2e.XXXXXX", top ? top : "/var/tmp");
		cr_assert(mkdtemp(tmp), "cannot make %s: %s", tmp, strerror(errno));
		cr_assert(chmod(tmp, 0755) == 0);
	}
	return tmp;
}

const char *harness_path(const char *fmt, ...)
{
	char name[PATH_MAX];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(name, sizeof(name), fmt, args);
	va_end(args);
	return arena_printf(&paths, "%s/%s", harness_tmp(), name);
}

struct arena *harness_arena(void)
{
	return &paths;
}

const char *harness_text(const char *fmt, ...)
{
	cleanup_free char *text = NULL;
	va_list args;

	va_start(args, fmt);
	cr_assert(vasprintf(&text, fmt, args) >= 0);
	va_end(args);
	return arena_strdup(&paths, text);
}

const char *harness_file(const char *name, const char *text)
{
	const char *path = harness_path("%s", name);
	cleanup_close int fd = -1;

	cr_assert_eq(path_make_dirs(path_dirname(&paths, path), 0755), 0, "cannot make the folders of %s", path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	cr_assert(fd >= 0 && fd_write_all(fd, text, strlen(text)) == 0, "cannot write %s: %s", path, strerror(errno));
	return path;
}

const char *harness_slurp(const char *path)
{
	cleanup_free char *text = NULL;
	size_t size;

	if (fd_slurp_at(AT_FDCWD, path, 1 << 24, &text, &size) < 0)
		return "";
	return arena_strdup(&paths, text);
}

const char *harness_payload(const char *suite, const char *name)
{
	const char *path = arena_printf(&paths, "%s/tests/payload/%s/%s", path_dirname(&paths, harness_program()), suite, name);

	cr_assert(access(path, X_OK) == 0, "%s was not built", path);
	return path;
}

/* --- starting --- */

static bool names_variable(const char *entry, const char *variable)
{
	size_t length = strcspn(variable, "=");

	return strncmp(entry, variable, length) == 0 && entry[length] == '=';
}

/* Our environment less what tells about the tests, with the run's changes. */
static char **environment_of(const struct harness_run *run)
{
	size_t count = 0, n = 0;
	char **env;

	while (environ[count])
		count++;
	for (const char *const *e = run->env; e && *e; e++)
		count++;
	env = arena_alloc(&paths, (count + 1) * sizeof(*env));
	for (char **e = environ; *e; e++) {
		bool changed = strncmp(*e, "CARREL_", 7) == 0;

		for (const char *const *c = run->env; c && *c; c++)
			changed |= names_variable(*e, *c);
		if (!changed)
			env[n++] = *e;
	}
	for (const char *const *c = run->env; c && *c; c++)
		if (strchr(*c, '='))
			env[n++] = arena_strdup(&paths, *c);
	return env;
}

static char **argv_of(const struct harness_run *run)
{
	size_t count = 0;
	char **argv;

	while (run->argv[count])
		count++;
	argv = arena_alloc(&paths, (count + 2) * sizeof(*argv));
	argv[0] = arena_strdup(&paths, run->program ? run->program : harness_program());
	for (size_t i = 0; i < count; i++)
		argv[i + 1] = arena_strdup(&paths, run->argv[i]);
	return argv;
}

struct wiring { /* the child's 0, 1 and 2, and our ends */
	int child[3];
	int out, err, terminal;
};

static void wire_pipes(const struct harness_run *run, struct wiring *wires)
{
	int in[2], out[2], err[2];

	cr_assert(pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0);
	if (run->input) {
		cr_assert(pipe2(in, O_CLOEXEC) == 0);
		cr_assert(strlen(run->input) < 65536, "more input than a pipe holds");
		cr_assert_eq(fd_write_all(in[1], run->input, strlen(run->input)), 0);
		(void)close(in[1]);
	} else {
		in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		cr_assert(in[0] >= 0);
	}
	*wires = (struct wiring){{in[0], out[1], err[1]}, out[0], err[0], -1};
}

static void wire_terminal(const struct harness_run *run, struct wiring *wires)
{
	const struct winsize size = {.ws_row = 24, .ws_col = 80};
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave;
	char name[64];

	cr_assert(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0 && ptsname_r(master, name, sizeof(name)) == 0, "no terminal to be had");
	slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	cr_assert(slave >= 0 && ioctl(master, TIOCSWINSZ, &size) == 0);
	if (run->input)
		cr_assert_eq(fd_write_all(master, run->input, strlen(run->input)), 0);
	*wires = (struct wiring){{slave, slave, slave}, -1, -1, master};
}

static void __attribute__((noreturn)) become(const struct harness_run *run, const struct wiring *wires, char **argv, char **env)
{
	sigset_t none;

	(void)setsid();
	for (int i = 0; i < 3; i++)
		if (dup2(wires->child[i], i) < 0)
			_exit(120);
	if (run->terminal && ioctl(0, TIOCSCTTY, 0) < 0)
		_exit(121);
	if (chdir(run->cwd ? run->cwd : harness_tmp()) < 0)
		_exit(122);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)execve(argv[0], argv, env);
	_exit(123);
}

static pid_t *live_slot(pid_t pid)
{
	for (size_t i = 0; i < LIVE_MAX; i++)
		if (live[i] == pid)
			return &live[i];
	return NULL;
}

struct harness_started harness_start(const struct harness_run *run)
{
	struct harness_started started = {.run = *run, .since_ms = now_ms()};
	char **argv = argv_of(run), **env = environment_of(run);
	struct wiring wires;

	(void)harness_tmp();
	if (run->terminal)
		wire_terminal(run, &wires);
	else
		wire_pipes(run, &wires);
	started.pid = fork();
	cr_assert(started.pid >= 0, "fork: %s", strerror(errno));
	if (started.pid == 0)
		become(run, &wires, argv, env);

	cr_assert(live_slot(0), "too many runs at once");
	*live_slot(0) = started.pid;
	for (int i = 0; i < (run->terminal ? 1 : 3); i++)
		(void)close(wires.child[i]);
	started.pidfd = sys_pidfd_open(started.pid, 0);
	cr_assert(started.pidfd >= 0);
	started.out = wires.out;
	started.err = wires.err;
	started.terminal = wires.terminal;
	return started;
}

/* --- what it left behind --- */

static pid_t parent_of(pid_t pid)
{
	char path[64], text[512];
	const char *after_name;
	int parent = -1;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return -1;
	if (fgets(text, sizeof(text), file) && (after_name = strrchr(text, ')')) != NULL)
		(void)sscanf(after_name, ") %*c %d", &parent);
	(void)fclose(file);
	return parent;
}

/* A child of ours that no harness_start made: an orphan that came to its subreaper. 0: none. */
static pid_t find_orphan(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	cr_assert(proc);
	while (!found && (entry = readdir(proc))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && parent_of(pid) == getpid() && !live_slot(pid))
			found = pid;
	}
	(void)closedir(proc);
	return found;
}

/* Reap orphans; those that do not end by themselves within `grace_ms` are killed and counted. */
static int reap_orphans(long grace_ms)
{
	long until = now_ms() + grace_ms;
	int killed = 0;
	pid_t pid;

	while ((pid = find_orphan()) > 0) {
		if (waitpid(pid, NULL, WNOHANG | __WALL) > 0)
			continue;
		if (now_ms() < until) {
			sleep_ms(5);
			continue;
		}
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, __WALL);
		killed++;
	}
	return killed;
}

/* --- to the end --- */

struct capture {
	char *text;
	size_t size;
};

/* Read what is there. False: the end of it. */
static bool capture_some(struct capture *capture, int fd)
{
	ssize_t n;

	capture->text = mem_resize(capture->text, capture->size + 65537, 1);
	n = read(fd, capture->text + capture->size, 65536);
	capture->size += n > 0 ? (size_t)n : 0;
	capture->text[capture->size] = 0;
	return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

int harness_patience(void)
{
	const char *text = getenv("CARREL_TEST_PATIENCE");
	int factor = text ? atoi(text) : 1;

	return factor > 1 ? factor : 1;
}

/* Collect the output until the program ends (its own end counts, not that of whoever else holds the pipe) or the time is over. False: time over. */
static bool collect(const struct harness_started *started, struct capture *out, struct capture *err)
{
	int timeout = (started->run.timeout_ms ? started->run.timeout_ms : DEFAULT_TIMEOUT_MS) * harness_patience();
	struct pollfd polls[] = {{.fd = started->pidfd, .events = POLLIN}, {.fd = started->terminal >= 0 ? started->terminal : started->out, .events = POLLIN}, {.fd = started->err, .events = POLLIN}};
	struct capture *into[] = {NULL, out, err};
	bool ended = false;

	for (int i = 1; i < 3; i++)
		if (polls[i].fd >= 0)
			(void)fcntl(polls[i].fd, F_SETFL, O_NONBLOCK);
	while (!ended || polls[1].revents || polls[2].revents) {
		long left = started->since_ms + timeout - now_ms();

		if (left <= 0)
			return ended;
		if (poll(polls, ARRAY_SIZE(polls), ended ? 0 : (int)left) < 0 && errno != EINTR)
			return false;
		if (polls[0].revents) {
			ended = true;
			polls[0].fd = -1;
			(void)poll(polls, ARRAY_SIZE(polls), 0);
		}
		for (int i = 1; i < 3; i++)
			if (polls[i].revents && !capture_some(into[i], polls[i].fd)) {
				polls[i].fd = -1;
				polls[i].revents = 0;
			}
	}
	return true;
}

struct harness_result harness_finish(struct harness_started *started)
{
	struct harness_result result = {0};
	struct capture out = {mem_strdup(""), 0}, err = {mem_strdup(""), 0};
	int status = 0;

	result.timed_out = !collect(started, &out, &err);
	if (result.timed_out)
		(void)kill(started->pid, SIGKILL);
	cr_assert(waitpid(started->pid, &status, 0) == started->pid);
	*live_slot(started->pid) = 0;
	result.elapsed_ms = now_ms() - started->since_ms;
	result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	result.out = out.text;
	result.err = err.text;
	if (!started->run.leaves_processes)
		result.left_behind = reap_orphans(result.timed_out ? 0 : GRACE_MS);
	fd_close(started->pidfd);
	fd_close(started->out);
	fd_close(started->err);
	fd_close(started->terminal);
	cr_expect(!result.timed_out, "%s: not done within its time; it was killed\n%s", started->run.argv[0] ? started->run.argv[0] : "", result.err);
	cr_expect(result.timed_out || result.left_behind == 0, "%d processes outlived the run", result.left_behind);
	return result;
}

struct harness_result harness_run(const struct harness_run *run)
{
	struct harness_started started = harness_start(run);

	return harness_finish(&started);
}

void harness_done(struct harness_result *result)
{
	free(result->out);
	free(result->err);
	*result = (struct harness_result){0};
}

const char *const *harness_words(const char *const *first, const char *const *second)
{
	size_t count = 0, n = 0;
	const char **words;

	while (first[n])
		n++;
	while (second[count])
		count++;
	words = arena_alloc(&paths, (n + count + 1) * sizeof(*words));
	memcpy(words, first, n * sizeof(*words));
	memcpy(words + n, second, count * sizeof(*words));
	return words;
}

const char *harness_shell(const char *script)
{
	const struct harness_run run = {.program = "/bin/sh", .argv = HARNESS_WORDS("-ec", script)};
	struct harness_result result = harness_run(&run);
	const char *text = arena_strdup(&paths, result.out);

	cr_assert(result.status == 0, "cannot prepare: %s\n%s", script, result.err);
	harness_done(&result);
	return text;
}

const char *harness_snapshot(const char *dir)
{
	return harness_shell(arena_printf(&paths, "cd '%s' && find . -printf '%%y %%m %%U:%%G %%s %%p %%l\\n' | sort -k5", dir));
}

bool harness_wait_for(const char *path, int timeout_ms)
{
	long until = now_ms() + (long)timeout_ms * harness_patience();

	while (access(path, F_OK) < 0) {
		if (now_ms() > until)
			return false;
		sleep_ms(2);
	}
	return true;
}

/* --- expectations --- */

void harness_expect_status(const char *name, const struct harness_result *result, int status)
{
	cr_expect_eq(result->status, status, "%s: status %d, expected %d\n%s", name, result->status, status, result->err);
}

void harness_expect_out(const char *name, const struct harness_result *result, const char *contained)
{
	cr_expect(strstr(result->out, contained), "%s: '%s' is not in its output\n%s%s", name, contained, result->out, result->err);
}

void harness_expect_err(const char *name, const struct harness_result *result, const char *contained)
{
	cr_expect(strstr(result->err, contained), "%s: '%s' is not in its messages\n%s", name, contained, result->err);
}

void harness_table(const struct harness_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct harness_case *c = &cases[i];
		struct harness_result result = harness_run(&(const struct harness_run){.argv = c->argv, .input = c->input, .cwd = c->cwd, .env = c->env, .terminal = c->terminal});

		harness_expect_status(c->name, &result, c->status);
		if (c->out)
			harness_expect_out(c->name, &result, c->out);
		if (c->err)
			harness_expect_err(c->name, &result, c->err);
		cr_expect(!c->not_out || !strstr(result.out, c->not_out), "%s: '%s' is in its output\n%s", c->name, c->not_out, result.out);
		cr_expect(!c->not_err || !strstr(result.err, c->not_err), "%s: '%s' is in its messages\n%s", c->name, c->not_err, result.err);
		harness_done(&result);
	}
}

/* --- what a test needs --- */

/* The status of a helper program, looked for in $PATH, with no output. */
static int helper(const char *const argv[])
{
	const struct harness_run run = {.program = "/usr/bin/env", .argv = argv, .cwd = harness_tree()};
	struct harness_result result = harness_run(&run);
	int status = result.status;

	harness_done(&result);
	return status;
}

void harness_requires_program(const char *name)
{
	if (helper((const char *const[]){"sh", "-c", "command -v \"$1\"", "sh", name, NULL}) != 0)
		cr_skip_test("%s is not installed", name);
}

void harness_requires_fuse(void)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		cr_skip_test("/dev/fuse: %s", strerror(errno));
	(void)close(fd);
	harness_requires_program("fuse-overlayfs");
}

void harness_requires_subids(void)
{
	if (helper((const char *const[]){"tests/in-ids", "sh", "-c", "test \"$(wc -l </proc/self/uid_map)\" -gt 1", NULL}) != 0)
		cr_skip_test("no subordinate id range, or no newuidmap");
}

void harness_requires_kernel_overlay(void)
{
	const char *script = "mkdir -p l u w m && exec unshare --mount mount -t overlay overlay -o userxattr,lowerdir=l,upperdir=u,workdir=w m";
	const char *dir = harness_path("overlay-probe");

	if (helper((const char *const[]){"tests/in-ids", "sh", "-c", "mkdir \"$1\" && cd \"$1\" && eval \"$2\"", "sh", dir, script, NULL}) != 0)
		cr_skip_test("the kernel's overlay does not work on %s", harness_tmp());
	(void)helper((const char *const[]){"tests/in-ids", "rm", "-rf", dir, NULL});
}

const char *harness_root(const char *name)
{
	const char *roots = getenv("CARREL_TEST_ROOTS");
	const char *path, *why;

	if (!roots)
		roots = arena_printf(&paths, "/var/tmp/carrel-roots-%d", (int)getuid());
	path = arena_printf(&paths, "%s/%s", roots, name);
	if (access(path, X_OK) < 0) {
		why = harness_slurp(arena_printf(&paths, "%s.why", path));
		cr_skip_test("no root %s: %s", name, why[0] ? why : "tests/roots was not run");
	}
	return path;
}

void harness_skip(const char *name, const char *reason)
{
	(void)fprintf(stderr, "SKIP: %s: %s\n", name, reason);
}

/* --- around each test --- */

void harness_begin(void)
{
	cr_assert(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
	/* What Criterion has open is not for the program under test; a test that wants to leak descriptors opens its own later. */
	if (sys_close_range(3, ~0U, 1U << 2 /* CLOSE_RANGE_CLOEXEC, 5.11 */) < 0)
		for (int fd = 3; fd < 1024; fd++)
			(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	(void)umask(022); /* modes are looked at */
	(void)harness_tree();
	(void)harness_program();
}

void harness_end(void)
{
	int left = reap_orphans(0);

	(void)left; /* Detached sandboxes of a test that failed before it stopped them. */
	if (tmp[0] && path_remove_tree(AT_FDCWD, tmp) < 0)
		(void)helper((const char *const[]){"tests/in-ids", "rm", "-rf", tmp, NULL});
	arena_done(&paths);
}
