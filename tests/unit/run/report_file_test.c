#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/report_file.h"
#include "util/fd.h"
#include "util/mem.h"

static const struct outcome sample = {
    .cause = OUTCOME_TIMEOUT,
    .wait_status = SIGTERM,
    .usage = {.wall_us = 5000123, .user_us = 1, .system_us = 2, .max_rss_kb = 3},
    .limits.timeout = {5000, {"we\"b.yaml", 12, 3}},
    .rungs = {.ids = "subids", .limits = "rlimit"},
    .notes = {"one"},
    .note_count = 1,
};

static int write_report(const char *target, struct error *err)
{
	struct report_file report = REPORT_FILE_NONE;
	int r = report_file_open(target, &report, err);

	if (r == 0)
		r = report_file_write(&report, &sample, err);
	report_file_close(&report);
	return r;
}

static char folder[] = "/tmp/carrel-report-XXXXXX";

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

Test(report_file, a_report_is_json, .init = enter_folder, .fini = leave_folder)
{
	static const char *const parts[] = {"\"status\": 143", "\"cause\": \"timeout\"", "\"explanation\": \"ended by the timeout of 5s (we\\\"b.yaml:12)\"",
	    "\"signal\": 15", "\"ms\": 5000", "\"wall_us\": 5000123", "\"max_rss_kb\": 3", "\"ids\": \"subids\"", "\"overlay\": null", "\"one\""};

	cr_assert_eq(write_report("report.json", NULL), 0);
	cleanup_free char *text = content_of("report.json");
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		cr_assert_not_null(strstr(text, parts[i]), "%s is not in\n%s", parts[i], text);
	cr_assert_eq(text[strlen(text) - 1], '\n');
	unlink("report.json");
}

Test(report_file, a_file_is_replaced_in_one_step, .init = enter_folder, .fini = leave_folder)
{
	struct stat before, after;

	close(open("report", O_CREAT | O_WRONLY, 0640));
	cr_assert_eq(chmod("report", 0640), 0);
	cr_assert_eq(stat("report", &before), 0);
	cr_assert_eq(write_report("report", NULL), 0);
	cr_assert_eq(stat("report", &after), 0);
	cr_assert_neq(before.st_ino, after.st_ino, "written in place");
	cr_assert_eq(after.st_mode & 07777, 0640, "its mode became %o", after.st_mode);
	unlink("report");
	(void)umask(027);
	cr_assert_eq(write_report("report", NULL), 0);
	cr_assert_eq(stat("report", &after), 0);
	cr_assert_eq(after.st_mode & 07777, 0640, "umask: %o", after.st_mode);
	unlink("report");
}

Test(report_file, special_files_are_written_in_place, .init = enter_folder, .fini = leave_folder)
{
	struct stat st;

	close(open("target", O_CREAT | O_WRONLY, 0600));
	cr_assert_eq(symlink("target", "link"), 0);
	cr_assert_eq(write_report("link", NULL), 0);
	cr_assert(lstat("link", &st) == 0 && S_ISLNK(st.st_mode), "the link was replaced");
	cr_assert(stat("target", &st) == 0 && st.st_size > 100);

	cr_assert_eq(mkfifo("fifo", 0600), 0);
	cleanup_close int reader = open("fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char text[64];
	cr_assert_eq(write_report("fifo", NULL), 0);
	cr_assert_gt(read(reader, text, sizeof(text)), 10);
	cr_assert_eq(write_report("/dev/null", NULL), 0);
	unlink("link");
	unlink("target");
	unlink("fifo");
}

Test(report_file, a_number_is_a_descriptor)
{
	int ends[2];
	char number[16], text[64];

	cr_assert_eq(pipe(ends), 0);
	(void)snprintf(number, sizeof(number), "%d", ends[1]);
	cr_assert_eq(write_report(number, NULL), 0);
	cr_assert_gt(read(ends[0], text, sizeof(text)), 10);
}

Test(report_file, failures_are_named)
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

		cr_assert_eq(write_report(cases[i].target, &err), -cases[i].code, "%s: %s", cases[i].name, err.cause);
		cr_assert_str_eq(err.what, cases[i].what, "%s", cases[i].name);
	}
}

/* What the payload does to the path after it was opened. */
Test(report_file, a_symlink_made_meanwhile_is_replaced, .init = enter_folder, .fini = leave_folder)
{
	struct report_file report = REPORT_FILE_NONE;
	struct stat st;

	close(open("precious", O_CREAT | O_WRONLY, 0600));
	cr_assert_eq(mkdir("sub", 0700), 0);
	cr_assert_eq(mkdir("elsewhere", 0700), 0);
	cr_assert_eq(report_file_open("sub/report", &report, NULL), 0);
	cr_assert_eq(symlink("../precious", "sub/report"), 0);
	cr_assert_eq(rename("sub", "moved"), 0);
	cr_assert_eq(symlink("elsewhere", "sub"), 0);
	cr_assert_eq(report_file_write(&report, &sample, NULL), 0);
	report_file_close(&report);
	cr_assert(stat("precious", &st) == 0 && st.st_size == 0, "the symlink was followed");
	cr_assert(lstat("moved/report", &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 100);
	cr_assert_eq(unlink("moved/report"), 0);
	cr_assert_eq(rmdir("moved"), 0);
	cr_assert_eq(unlink("sub"), 0);
	cr_assert_eq(rmdir("elsewhere"), 0, "it was written elsewhere");
	unlink("precious");
}
