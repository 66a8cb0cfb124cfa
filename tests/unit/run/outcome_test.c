#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/outcome.h"
#include "util/fd.h"
#include "util/mem.h"

Test(outcome, causes_and_statuses)
{
	static const struct {
		const char *name;
		int wait_status;
		enum outcome_cause cause;
		int status;
	} cases[] = {
	    {"success", 0, OUTCOME_EXITED, 0},
	    {"a status", 3 << 8, OUTCOME_EXITED, 3},
	    {"the highest", 255 << 8, OUTCOME_EXITED, 255},
	    {"a signal", SIGTERM, OUTCOME_SIGNALED, 143},
	    {"with a core", SIGSEGV | 0x80, OUTCOME_SIGNALED, 139},
	    {"CPU time", SIGXCPU, OUTCOME_CPU_TIME, 128 + SIGXCPU},
	    {"file size", SIGXFSZ, OUTCOME_FILE_SIZE, 128 + SIGXFSZ},
	    {"a system call", SIGSYS, OUTCOME_SECCOMP, 128 + SIGSYS},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct outcome outcome = {.wait_status = cases[i].wait_status};

		cr_assert_eq(outcome_cause_of(cases[i].wait_status), cases[i].cause, "%s", cases[i].name);
		cr_assert_eq(outcome_exit_status(&outcome), cases[i].status, "%s", cases[i].name);
	}
	for (int cause = 0; cause < OUTCOME_CAUSE_MAX; cause++)
		cr_assert_not_null(outcome_cause_name((enum outcome_cause)cause), "cause %d has no name", cause);
}

Test(outcome, explanations)
{
	static const struct {
		const char *name;
		struct outcome outcome;
		const char *text;
	} cases[] = {
	    {"own exit", {.cause = OUTCOME_EXITED}, NULL},
	    {"own signal", {.cause = OUTCOME_SIGNALED}, NULL},
	    {"^C", {.cause = OUTCOME_INTERRUPTED}, NULL},
	    {"timeout", {.cause = OUTCOME_TIMEOUT, .limits.timeout = {5000, {"web.yaml", 12, 3}}}, "ended by the timeout of 5s (web.yaml:12)"},
	    {"timeout of the command line", {.cause = OUTCOME_TIMEOUT, .limits.timeout = {90000, {"command line", 0, 0}}}, "ended by the timeout of 90s (command line)"},
	    {"timeout, origin unknown", {.cause = OUTCOME_TIMEOUT, .limits.timeout = {1000, {NULL, 0, 0}}}, "ended by the timeout of 1s"},
	    {"CPU time", {.cause = OUTCOME_CPU_TIME, .limits.cpu_time = {1000, {"a.yaml", 1, 1}}}, "ended by the CPU time limit of 1s (a.yaml:1)"},
	    {"file size", {.cause = OUTCOME_FILE_SIZE, .limits.file_size = {1048576, {"a.yaml", 2, 1}}}, "ended by the file size limit of 1M (a.yaml:2)"},
	    {"file size of somebody else", {.cause = OUTCOME_FILE_SIZE}, "ended by the file size limit"},
	};
	char buffer[OUTCOME_TEXT];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *text = outcome_explain(&cases[i].outcome, buffer);

		if (!cases[i].text)
			cr_assert_null(text, "%s: %s", cases[i].name, text);
		else
			cr_assert_str_eq(text, cases[i].text, "%s: %s", cases[i].name, text);
	}
	for (int cause = OUTCOME_TIMEOUT; cause < OUTCOME_CAUSE_MAX; cause++) {
		struct outcome outcome = {.cause = (enum outcome_cause)cause};

		if (cause != OUTCOME_INTERRUPTED)
			cr_assert_not_null(outcome_explain(&outcome, buffer), "%s", outcome_cause_name(outcome.cause));
	}
}

static const struct outcome sample = {
    .cause = OUTCOME_TIMEOUT,
    .wait_status = SIGTERM,
    .usage = {.wall_us = 5000123, .user_us = 1, .system_us = 2, .max_rss_kb = 3},
    .limits.timeout = {5000, {"we\"b.yaml", 12, 3}},
    .rungs = {.ids = "subids", .limits = "rlimit"},
    .notes = {"one"},
    .note_count = 1,
};

static char folder[] = "/tmp/carrel-outcome-XXXXXX";

static void enter_folder(void)
{
	cr_assert_not_null(mkdtemp(folder));
	cr_assert_eq(chdir(folder), 0);
}

static void leave_folder(void)
{
	cr_assert_eq(chdir("/"), 0);
	cr_assert_eq(rmdir(folder), 0, "something was left behind");
}

static char *content_of(const char *path)
{
	char *text;

	cr_assert_eq(fd_slurp_at(AT_FDCWD, path, 65536, &text, NULL), 0, "%s", path);
	return text;
}

Test(outcome, a_report_is_json, .init = enter_folder, .fini = leave_folder)
{
	static const char *const parts[] = {"\"status\": 143", "\"cause\": \"timeout\"", "\"explanation\": \"ended by the timeout of 5s (we\\\"b.yaml:12)\"",
	    "\"signal\": 15", "\"ms\": 5000", "\"wall_us\": 5000123", "\"max_rss_kb\": 3", "\"ids\": \"subids\"", "\"overlay\": null", "\"one\""};

	cr_assert_eq(outcome_write_report(&sample, "report.json", NULL), 0);
	cleanup_free char *text = content_of("report.json");
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		cr_assert_not_null(strstr(text, parts[i]), "%s is not in\n%s", parts[i], text);
	cr_assert_eq(text[strlen(text) - 1], '\n');
	unlink("report.json");
}

Test(outcome, a_file_is_replaced_in_one_step, .init = enter_folder, .fini = leave_folder)
{
	struct stat before, after;

	close(open("report", O_CREAT | O_WRONLY, 0640));
	cr_assert_eq(chmod("report", 0640), 0);
	cr_assert_eq(stat("report", &before), 0);
	cr_assert_eq(outcome_write_report(&sample, "report", NULL), 0);
	cr_assert_eq(stat("report", &after), 0);
	cr_assert_neq(before.st_ino, after.st_ino, "written in place");
	cr_assert_eq(after.st_mode & 07777, 0640, "its mode became %o", after.st_mode);
	unlink("report");
	(void)umask(027);
	cr_assert_eq(outcome_write_report(&sample, "report", NULL), 0);
	cr_assert_eq(stat("report", &after), 0);
	cr_assert_eq(after.st_mode & 07777, 0640, "umask: %o", after.st_mode);
	unlink("report");
}

Test(outcome, special_files_are_written_in_place, .init = enter_folder, .fini = leave_folder)
{
	struct stat st;

	close(open("target", O_CREAT | O_WRONLY, 0600));
	cr_assert_eq(symlink("target", "link"), 0);
	cr_assert_eq(outcome_write_report(&sample, "link", NULL), 0);
	cr_assert(lstat("link", &st) == 0 && S_ISLNK(st.st_mode), "the link was replaced");
	cr_assert(stat("target", &st) == 0 && st.st_size > 100);

	cr_assert_eq(mkfifo("fifo", 0600), 0);
	cleanup_close int reader = open("fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char text[64];
	cr_assert_eq(outcome_write_report(&sample, "fifo", NULL), 0);
	cr_assert_gt(read(reader, text, sizeof(text)), 10);
	cr_assert_eq(outcome_write_report(&sample, "/dev/null", NULL), 0);
	unlink("link");
	unlink("target");
	unlink("fifo");
}

Test(outcome, a_number_is_a_descriptor)
{
	int ends[2];
	char number[16], text[64];

	cr_assert_eq(pipe(ends), 0);
	(void)snprintf(number, sizeof(number), "%d", ends[1]);
	cr_assert_eq(outcome_write_report(&sample, number, NULL), 0);
	cr_assert_gt(read(ends[0], text, sizeof(text)), 10);
}

Test(outcome, failures_are_named)
{
	static const struct {
		const char *name, *target, *what;
		int code;
	} cases[] = {
	    {"a closed descriptor", "777", "cannot write the report to descriptor 777", EBADF},
	    {"a number too high", "99999999999", "cannot write the report to descriptor 99999999999", EBADF},
	    {"no such folder", "/nonexistent/x/report", "cannot create the report /nonexistent/x/report", ENOENT},
	    {"a folder", "/tmp", "cannot open the report /tmp", EISDIR},
	    {"nothing", "", "cannot write the report ", ENOENT},
	    {"a full disk", "/dev/full", "cannot write the report /dev/full", ENOSPC},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error err = {0};

		cr_assert_eq(outcome_write_report(&sample, cases[i].target, &err), -cases[i].code, "%s: %s", cases[i].name, err.cause);
		cr_assert_str_eq(err.what, cases[i].what, "%s", cases[i].name);
	}
}
