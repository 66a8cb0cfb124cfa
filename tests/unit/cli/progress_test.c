/* The view on a terminal of our own (a pty as stderr), and without one. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli/progress.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/proc.h"

#define LAYER "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char *const other = "sha256:fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";

/* All that came out at `fd` until now, in `text`. */
static void drain(int fd, char *text, size_t room)
{
	size_t size = 0;
	ssize_t r;

	while (size + 1 < room && (r = read(fd, text + size, room - 1 - size)) > 0)
		size += (size_t)r;
	text[size] = 0;
}

/* stderr becomes `fd` while `use` works; Criterion's own is back afterwards. */
static void with_stderr(int fd, bool quiet, void (*use)(const struct progress *progress))
{
	int before = dup(STDERR_FILENO);
	struct progress_view *view;

	(void)dup2(fd, STDERR_FILENO);
	view = progress_view_new(quiet);
	use(progress_view_progress(view));
	progress_view_free(view);
	(void)dup2(before, STDERR_FILENO);
	(void)close(before);
}

static void one_layer(const struct progress *progress)
{
	progress_say(progress, "debian:12: Pulling");
	progress_report(progress, LAYER, PROGRESS_WAITING, 0, 100);
	progress_report(progress, other, PROGRESS_EXISTS, 0, 100);
	for (uint64_t done = 0; done < 100; done++)
		progress_report(progress, LAYER, PROGRESS_DOWNLOADING, done, 100);
	progress_report(progress, LAYER, PROGRESS_UNPACKING, 100, 100);
	progress_report(progress, LAYER, PROGRESS_DONE, 100, 100);
	progress_say(progress, "bad \033[2J line");
}

static const struct {
	const char *name;
	bool quiet;
	const char *printed;
} plain[] = {
	{"lines", false,
	 "debian:12: Pulling\nfedcba987654: Already exists\n0123456789ab: Downloading 100B\n0123456789ab: Pull complete\nbad \\x1b[2J line\n"},
	{"quiet", true, ""},
};

Test(progress, without_a_terminal)
{
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		char text[1024];
		int ends[2];

		cr_assert_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
		with_stderr(ends[1], plain[i].quiet, one_layer);
		drain(ends[0], text, sizeof(text));
		cr_expect_str_eq(text, plain[i].printed, "%s: %s", plain[i].name, text);
		(void)close(ends[0]);
		(void)close(ends[1]);
	}
}

static int open_terminal(int *ret_other_end)
{
	const struct winsize size = {.ws_row = 24, .ws_col = 80};
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);

	cr_assert(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	*ret_other_end = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	cr_assert_geq(*ret_other_end, 0);
	cr_assert_eq(ioctl(master, TIOCSWINSZ, &size), 0);
	return master;
}

Test(progress, on_a_terminal)
{
	char text[8192];
	int inner, outer = open_terminal(&inner);

	(void)setenv("TERM", "xterm", 1);
	with_stderr(inner, false, one_layer);
	drain(outer, text, sizeof(text));
	/* The last picture has it all, whatever was drawn before. */
	cr_expect_not_null(strstr(text, "debian:12: Pulling\r\n"), "%s", text);
	cr_expect_not_null(strstr(text, "bad \\x1b[2J line\r\n"), "%s", text);
	cr_expect_not_null(strstr(text, "0123456789ab: Pull complete\033[K\r\nfedcba987654: Already exists\033[K\r\n\033[J"), "%s", text);
	(void)close(inner);
	(void)close(outer);
}

static void half_a_second(const struct progress *progress)
{
	const struct timespec pause = {.tv_nsec = 200000};
	int64_t end = proc_now_ms() + 500;

	for (uint64_t done = 0; proc_now_ms() < end; done++) {
		progress_report(progress, LAYER, PROGRESS_DOWNLOADING, done, 1000000);
		(void)nanosleep(&pause, NULL);
	}
}

Test(progress, is_drawn_ten_times_a_second)
{
	static char text[65536];
	size_t frames = 0;
	int inner, outer = open_terminal(&inner);

	(void)setenv("TERM", "xterm", 1);
	with_stderr(inner, false, half_a_second);
	drain(outer, text, sizeof(text));
	for (const char *at = text; (at = strstr(at, "\033[J")); at++)
		frames++;
	/* At once, each tenth, and the last one. */
	cr_expect(frames >= 2 && frames <= 8, "%zu frames", frames);
	(void)close(inner);
	(void)close(outer);
}

static void *many_reports(void *context)
{
	for (uint64_t done = 0; done < 2000; done++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "%u", (unsigned)(done % 50));
		progress_report(context, name, PROGRESS_DOWNLOADING, done, 2000);
	}
	return NULL;
}

static void from_threads(const struct progress *progress)
{
	pthread_t threads[4];

	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, many_reports, (void *)(uintptr_t)progress), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		(void)pthread_join(threads[i], NULL);
}

Test(progress, more_than_lines)
{
	char text[65536];
	int inner, outer = open_terminal(&inner);

	(void)setenv("TERM", "xterm", 1);
	with_stderr(inner, false, from_threads);
	drain(outer, text, sizeof(text));
	cr_expect_not_null(strstr(text, "0 of 50 done\033[K\r\n\033[J"), "%s", text);
	(void)close(inner);
	(void)close(outer);
}
