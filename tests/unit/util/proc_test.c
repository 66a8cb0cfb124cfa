#include "util/proc.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util/mem.h"

TestSuite(proc, .timeout = 30);

#define SHELL(script) {(char[]){"/bin/sh"}, (char[]){"-c"}, (char[]){script}, NULL}

static const struct {
	const char *name;
	char *argv[4];
	size_t limit;
	int result;
	const char *text;
} captures[] = {
	{"prints", SHELL("echo hello"), 100, 0, "hello\n"},
	{"prints nothing", SHELL(":"), 100, 0, ""},
	{"status", SHELL("echo x; exit 3"), 100, 3, "x\n"},
	{"signal", SHELL("kill -9 $$"), 100, 128 + SIGKILL, ""},
	{"stderr is not captured", SHELL("echo no >&2; echo yes"), 100, 0, "yes\n"},
	{"more than the limit", SHELL("echo 0123456789; head -c 200000 /dev/zero"), 5, 0, "01234"},
	{"stdin is empty", SHELL("cat"), 100, 0, ""},
	{"environment", SHELL("/usr/bin/env | grep -v '^PWD\\|^_\\|^SHLVL\\|^OLDPWD' | sort | head -c 6"), 100, 0, "LANG=C"},
	{"no such program", {(char[]){"/nonexistent"}, NULL}, 100, -ENOENT, NULL},
	{"not executable", {(char[]){"/etc/passwd"}, NULL}, 100, -EACCES, NULL},
};

Test(proc, capture)
{
	cr_assert_eq(setenv("CARREL_SECRET", "x", 1), 0);
	for (size_t i = 0; i < ARRAY_SIZE(captures); i++) {
		cleanup_free char *text = NULL;
		int result = proc_capture(captures[i].argv, captures[i].limit, 10000, &text);

		cr_expect_eq(result, captures[i].result, "%s: %d", captures[i].name, result);
		if (captures[i].text && text)
			cr_expect_str_eq(text, captures[i].text, "%s: '%s'", captures[i].name, text);
		else
			cr_expect_null(text, "%s", captures[i].name);
	}
}

static const struct {
	const char *name;
	char *argv[4];
	const char *input;
	int result;
	const char *text;
} asks[] = {
	{"input and environment", SHELL("cat; echo $CARREL_SECRET"), "in\n", 0, "in\nx\n"},
	{"input that nobody reads", SHELL("exit 2"), "in", 2, ""},
	{"no input", SHELL("cat"), "", 0, ""},
};

Test(proc, ask)
{
	cr_assert_eq(setenv("CARREL_SECRET", "x", 1), 0);
	for (size_t i = 0; i < ARRAY_SIZE(asks); i++) {
		cleanup_free char *text = NULL;

		cr_expect_eq(proc_ask(asks[i].argv, asks[i].input, strlen(asks[i].input), 100, 10000, &text), asks[i].result, "%s", asks[i].name);
		cr_assert_not_null(text, "%s", asks[i].name);
		cr_expect_str_eq(text, asks[i].text, "%s: '%s'", asks[i].name, text);
	}
}

static const struct {
	const char *name;
	char *argv[4];
} slow[] = {
	{"sleeps", SHELL("exec sleep 20")},
	{"closes its output first", SHELL("exec >&-; exec sleep 20")},
	{"ignores SIGTERM", SHELL("trap '' TERM; exec sleep 20")},
};

Test(proc, time_limit)
{
	for (size_t i = 0; i < ARRAY_SIZE(slow); i++) {
		char *text = NULL;

		cr_expect_eq(proc_capture(slow[i].argv, 100, 100, &text), -ETIMEDOUT, "%s", slow[i].name);
		cr_expect_null(text, "%s", slow[i].name);
	}
	cr_expect_lt(waitpid(-1, NULL, WNOHANG), 0, "a child was left behind");
}

/* Ignored and blocked signals of the caller are not inherited. */
Test(proc, signals_are_default)
{
	char *argv[] = SHELL("kill -TERM $$; echo survived");
	cleanup_free char *text = NULL;
	sigset_t all;

	(void)signal(SIGTERM, SIG_IGN);
	(void)sigfillset(&all);
	cr_assert_eq(sigprocmask(SIG_SETMASK, &all, NULL), 0);
	cr_expect_eq(proc_capture(argv, 100, 10000, &text), 128 + SIGTERM);
	cr_expect_str_eq(text, "");
}

/* A descriptor that was not meant for the program does not reach it, whatever stands at 0, 1 and 2. */
Test(proc, streams_that_are_closed)
{
	char *argv[] = SHELL("echo out; echo err >&2; read line || echo end");
	int ends[2];
	char text[32] = "";
	ssize_t got, size = 0;
	pid_t pid;

	(void)close(0);
	(void)close(1);
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0); /* takes 0 and 1 */
	pid = proc_spawn(argv, ends[1], ends[1]);
	cr_assert_gt(pid, 0);
	(void)close(ends[1]);
	while ((got = read(ends[0], text + size, sizeof(text) - 1 - (size_t)size)) > 0)
		size += got;
	cr_expect_eq(proc_wait(pid), 0);
	cr_expect_str_eq(text, "out\nerr\nend\n");
}

/* Two free descriptors are enough. */
/* With two descriptors left, which a pipe needs. */
static int capture_with_few(void)
{
	char *argv[] = SHELL("echo fine");
	struct rlimit few;
	cleanup_free char *text = NULL;
	int taken[3];

	for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
		taken[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (taken[i] < 0)
			return 1;
	}
	/* The lowest free numbers need not follow each other: whoever started us may have left some open. */
	if (getrlimit(RLIMIT_NOFILE, &few) < 0)
		return 2;
	few.rlim_cur = (rlim_t)taken[2] + 1;
	if (close(taken[1]) < 0 || close(taken[2]) < 0 || setrlimit(RLIMIT_NOFILE, &few) < 0)
		return 3;
	if (proc_capture(argv, 100, 10000, &text) != 0)
		return 4;
	return strcmp(text, "fine\n") != 0 ? 5 : 0;
}

/* In a child, which has one thread: the test framework's other one opens sockets when it likes, and takes the last descriptors. */
Test(proc, few_descriptors_left)
{
	pid_t child = fork();

	cr_assert_geq(child, 0);
	if (child == 0)
		_exit(capture_with_few());
	int status = proc_wait(child);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x", (unsigned)status);
}

static const struct {
	const char *name, *program, *path_list, *found;
	int errnum;
} programs[] = {
	{"in the list", "sh", "/nonexistent:/bin", "/bin/sh", 0},
	{"first wins", "sh", "/bin:/usr/bin", "/bin/sh", 0},
	{"with a slash", "/bin/sh", "", "/bin/sh", 0},
	{"with a slash, missing", "/bin/nothing-here", "/bin", NULL, ENOENT},
	{"missing", "nothing-here", "/bin:/usr/bin", NULL, ENOENT},
	{"not executable", "passwd", "/etc", NULL, EACCES},
	{"executable behind one that is not", "passwd", "/etc:/usr/bin", "/usr/bin/passwd", 0},
	{"a directory", "bin", "/usr", NULL, EACCES},
	{"relative folders are passed over", "sh", ".:bin::/bin", "/bin/sh", 0},
	{"empty name", "", "/bin", NULL, ENOENT},
	{"empty list", "sh", "", NULL, ENOENT},
};

Test(proc, find_program)
{
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		cleanup_free char *found = NULL;

		errno = 0;
		found = proc_find_program(programs[i].program, programs[i].path_list);
		if (!programs[i].found) {
			cr_expect_null(found, "%s: %s", programs[i].name, found);
			cr_expect_eq(errno, programs[i].errnum, "%s: %s", programs[i].name, strerror(errno));
		} else {
			cr_expect(found && !strcmp(found, programs[i].found), "%s: %s", programs[i].name, found ? found : "none");
		}
	}
}
