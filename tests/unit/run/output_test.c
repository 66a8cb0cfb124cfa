#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/output.h"
#include "util/fd.h"
#include "util/mem.h"

Test(output, admits_what_fits)
{
	static const struct {
		const char *name;
		struct output_budget budget;
		size_t size, admitted;
		uint64_t left;
		bool over;
	} cases[] = {
		{"no limit", {0}, 70, 70, 0, false},
		{"room", {.is_limited = true, .left = 100}, 70, 70, 30, false},
		{"exactly", {.is_limited = true, .left = 70}, 70, 70, 0, false},
		{"one too many", {.is_limited = true, .left = 69}, 70, 69, 0, true},
		{"nothing may be said", {.is_limited = true}, 1, 0, 0, true},
		{"nothing said", {.is_limited = true}, 0, 0, 0, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct output_budget budget = cases[i].budget;

		cr_expect_eq(output_admit(&budget, cases[i].size), cases[i].admitted, "%s", cases[i].name);
		cr_expect_eq(budget.left, cases[i].left, "%s", cases[i].name);
		cr_expect_eq(budget.is_over, cases[i].over, "%s", cases[i].name);
	}
	cr_expect_eq(output_admit(NULL, 7), 7);
}

enum target { TARGET_PIPE, TARGET_FILE, TARGET_APPEND, TARGET_SOCKET };

static void open_target(enum target kind, int ends[2])
{
	char path[] = "/tmp/carrel-output-XXXXXX";

	if (kind == TARGET_PIPE) {
		cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	} else if (kind == TARGET_SOCKET) {
		cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	} else {
		ends[0] = mkstemp(path);
		ends[1] = open(path, O_WRONLY | O_CLOEXEC | (kind == TARGET_APPEND ? O_APPEND : 0));
		cr_assert(ends[0] >= 0 && ends[1] >= 0);
		cr_assert_eq(unlink(path), 0);
	}
}

/* A payload, in a process of its own, whose stdout and stderr are the pipes. */
static pid_t speak(struct output *output, const char *script)
{
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid == 0) {
		(void)signal(SIGPIPE, SIG_DFL);
		if (output_adopt(output) == 0)
			(void)execl("/bin/sh", "sh", "-c", script, NULL);
		_exit(99);
	}
	output_close_write_ends(output);
	return pid;
}

static bool is_open(const struct output *output)
{
	return output->streams[0].read_end >= 0 || output->streams[1].read_end >= 0;
}

static void step_to_end(struct output *output)
{
	while (is_open(output)) {
		struct pollfd fds[OUTPUT_FDS];

		output_prepare(output, fds);
		cr_assert_gt(poll(fds, OUTPUT_FDS, 10000), 0, "nothing happens");
		output_step(output, fds);
	}
	output_finish(output, -1);
}

static size_t read_all(int fd, char *text, size_t size)
{
	size_t total = 0;
	ssize_t n;

	while (total < size - 1 && (n = read(fd, text + total, size - 1 - total)) > 0)
		total += (size_t)n;
	text[total] = 0;
	return total;
}

Test(output, counts_both_streams)
{
	static const struct {
		const char *name;
		enum target kind;
		bool together;
		const char *script;
		uint64_t max;
		const char *out, *err;
		bool over;
	} cases[] = {
		{"pipes", TARGET_PIPE, false, "echo out; echo err >&2", 100, "out\n", "err\n", false},
		{"files", TARGET_FILE, false, "echo out; echo err >&2", 100, "out\n", "err\n", false},
		{"appended", TARGET_APPEND, false, "echo out; echo err >&2", 100, "out\n", "err\n", false},
		{"sockets", TARGET_SOCKET, false, "echo out; echo err >&2", 100, "out\n", "err\n", false},
		{"exactly", TARGET_PIPE, false, "echo out; echo err >&2", 8, "out\n", "err\n", false},
		{"one too many", TARGET_PIPE, false, "echo out; sleep 0.1; echo err >&2", 7, "out\n", "err", true},
		{"nothing", TARGET_PIPE, false, "echo out", 0, "", "", true},
		{"order", TARGET_PIPE, true, "echo 1; echo 2 >&2; echo 3; echo 4 >&2", 100, "1\n2\n3\n4\n", NULL, false},
		{"order, over", TARGET_FILE, true, "echo 1; echo 2 >&2; echo 3; echo 4 >&2", 5, "1\n2\n3", NULL, true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct output output;
		struct error err = {0};
		int out[2], other[2], status;
		char text[256];

		open_target(cases[i].kind, out);
		open_target(cases[i].kind, other);
		output_init(&output);
		cr_assert_eq(output_open(&output, cases[i].max, out[1], cases[i].together ? out[1] : other[1], &err), 0);
		cr_expect_eq(output.err_is_out, cases[i].together, "%s", cases[i].name);
		pid_t pid = speak(&output, cases[i].script);
		step_to_end(&output);
		cr_expect_eq(output.budget.is_over, cases[i].over, "%s", cases[i].name);
		output_close(&output);
		cr_assert_eq(waitpid(pid, &status, 0), pid);
		(void)close(out[1]);
		(void)close(other[1]);
		(void)read_all(out[0], text, sizeof(text));
		cr_expect_str_eq(text, cases[i].out, "%s: %s", cases[i].name, text);
		(void)read_all(other[0], text, sizeof(text));
		cr_expect_str_eq(text, cases[i].err ? cases[i].err : "", "%s: %s", cases[i].name, text);
		(void)close(out[0]);
		(void)close(other[0]);
	}
}

/* SIGPIPE comes as without us, also to one that writes for ever. */
Test(output, reader_that_is_gone)
{
	struct output output;
	struct error err = {0};
	int out[2], status;

	(void)signal(SIGPIPE, SIG_IGN);
	open_target(TARGET_PIPE, out);
	output_init(&output);
	cr_assert_eq(output_open(&output, 1ULL << 40, out[1], -1, &err), 0);
	pid_t pid = speak(&output, "exec yes");
	(void)close(out[0]);
	step_to_end(&output);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE, "status %x", (unsigned)status);
	cr_expect_not(output.budget.is_over);
	output_close(&output);
}

/* A reader that stands still holds the payload up and not us; one who asks us to end is heard. */
Test(output, slow_reader)
{
	struct output output;
	struct error err = {0};
	int out[2], stop[2], status;
	unsigned stalled = 0;

	open_target(TARGET_PIPE, out);
	cr_assert_eq(pipe2(stop, O_CLOEXEC), 0);
	output_init(&output);
	cr_assert_eq(output_open(&output, 1ULL << 40, out[1], -1, &err), 0);
	pid_t pid = speak(&output, "exec yes");
	while (stalled < 3) {
		struct pollfd fds[OUTPUT_FDS];

		output_prepare(&output, fds);
		stalled = poll(fds, OUTPUT_FDS, 50) == 0 ? stalled + 1 : 0;
		output_step(&output, fds);
	}
	cr_assert_eq(kill(pid, SIGKILL), 0);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(write(stop[1], "x", 1), 1);
	output_finish(&output, stop[0]);
	output_close(&output);
}

Test(output, nothing_is_lost_or_torn)
{
	static char text[3 << 20];
	struct output output;
	struct error err = {0};
	int out[2], status;

	open_target(TARGET_FILE, out);
	output_init(&output);
	cr_assert_eq(output_open(&output, 2 << 20, out[1], -1, &err), 0);
	pid_t pid = speak(&output, "exec seq 1 1000000");
	step_to_end(&output);
	output_close(&output);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(read_all(out[0], text, sizeof(text)), 2 << 20);
	char *rest = text;
	for (unsigned long i = 1; i < 300000; i++)
		cr_assert_eq(strtoul(rest, &rest, 10), i);
}
