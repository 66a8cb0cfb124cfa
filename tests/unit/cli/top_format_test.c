#include <criterion/criterion.h>
#include <string.h>

#include "cli/top.h"

static const struct {
	const char *name, *text;
	size_t width;
	const char *shown;
	size_t columns;
} cases[] = {
	{"plain", "make", 10, "make", 4},
	{"cut", "make", 2, "ma", 2},
	{"nothing", "", 2, "", 0},
	{"no room", "a", 0, "", 0},
	{"escape sequence", "a\x1b[2J", 20, "a\\x1b[2J", 8},
	{"an escape is not cut in the middle", "ab\x1b", 5, "ab", 2},
	{"two bytes, one column", "ä", 10, "ä", 1},
	{"wide", "漢字", 3, "漢", 2},
	{"C1 control", "\xc2\x9b", 20, "\\xc2\\x9b", 8},
	{"turned direction", "\xe2\x80\xae", 20, "\\xe2\\x80\\xae", 12},
	{"no UTF-8", "\xff\xfe", 20, "\\xff\\xfe", 8},
	{"overlong", "\xc0\xaf", 20, "\\xc0\\xaf", 8},
	{"cut character", "\xe6\xbc", 20, "\\xe6\\xbc", 8},
};

Test(top_format, text_of_others)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf out = {0};
		size_t columns = top_put_text(&out, cases[i].text, cases[i].width);

		cr_expect_eq(columns, cases[i].columns, "%s: %zu", cases[i].name, columns);
		cr_expect_str_eq(out.text ? out.text : "", cases[i].shown, "%s: %s", cases[i].name, out.text);
		buf_done(&out);
	}
}

static const char *const hostile[] = {"sh", "\x1b]0;x\a", NULL};
static const struct instance instances[] = {
	{.id = "0123456789ab", .name = "web", .profile = "default", .argv = hostile, .limits = {{"memory", 512 << 20, "watcher"}, {"tasks", 64, "rlimit"}, {"cpus", 1500, "none"}}, .limit_count = 3},
	{.id = "ffffffffffff", .profile = "build", .argv = hostile},
};

Test(top_format, table)
{
	struct top_row rows[] = {
		{.instance = &instances[0], .usage = {.memory = 100 << 20, .tasks = 3}, .uptime_ms = 3723000, .cpu_milli = 995},
		{.instance = &instances[1], .usage = {.memory = 2048, .tasks = 1}, .uptime_ms = 90000000, .cpu_milli = 0},
	};
	const struct top_sample sample = {.rows = rows, .count = 2};
	static const char all[] = "ID            NAME  PROFILE   UPTIME     MEMORY  CPU%  TASKS  COMMAND\n"
				  "0123456789ab  web   default  1:02:03  100M/512M  99.5   3/64  sh \\x1b]0;x\\x07\n"
				  "ffffffffffff  -     build      1d01h       2.0K   0.0      1  sh \\x1b]0;x\\x07\n";
	struct buf out = {0};

	top_format_table(&sample, 0, 0, "\n", &out);
	cr_expect_str_eq(out.text, all, "%s", out.text);
	out.size = 0;
	top_format_table(&sample, 16, 2, "\n", &out);
	cr_expect_str_eq(out.text, "ID            NA\n0123456789ab  we\n", "%s", out.text);
	buf_done(&out);
}

/* A column only where there is something to tell. */
Test(top_format, roots)
{
	static const char *const argv[] = {"sh", NULL};
	static const struct {
		const char *root, *shown;
	} roots[] = {
		{"docker.io/library/debian:12", "debian:12"}, {"docker.io/team/app:1", "team/app:1"}, {"localhost:5000/docker.io/x:1", "localhost:5000/docker.io/x:1"},
		{"/srv/roots/bookworm", "bookworm"}, {"a\x1b:1", "a\\x1b:1"}, {NULL, "         "},
	};

	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		const struct instance both[] = {
			{.id = "0123456789ab", .profile = "p", .root = roots[i].root, .argv = argv}, {.id = "0123456789ab", .profile = "p", .root = "docker.io/library/debian:12", .argv = argv}};
		struct top_row rows[] = {{.instance = &both[0]}, {.instance = &both[1]}};
		const struct top_sample sample = {.rows = rows, .count = 2};
		struct buf out = {0};

		top_format_table(&sample, 0, 0, "\n", &out);
		cr_expect(strstr(out.text, "PROFILE  ROOT"), "%s: %s", roots[i].root, out.text);
		const char *row = strchr(out.text, '\n') + 1 + strlen("0123456789ab  -     p        ");
		cr_expect_eq(strncmp(row, roots[i].shown, strlen(roots[i].shown)), 0, "%s: %s", roots[i].root, out.text);
		buf_done(&out);
	}
}

Test(top_format, order)
{
	struct top_row rows[] = {
		{.instance = &instances[0], .usage = {.memory = 1, .tasks = 3}, .uptime_ms = 5},
		{.instance = &instances[1], .usage = {.memory = 2, .tasks = 1}, .uptime_ms = 9},
	};
	struct top_sample sample = {.rows = rows, .count = 2};

	top_sort_rows(&sample, TOP_BY_AGE);
	cr_expect_eq(rows[0].uptime_ms, 9);
	top_sort_rows(&sample, TOP_BY_TASKS);
	cr_expect_eq(rows[0].usage.tasks, 3);
	top_sort_rows(&sample, TOP_BY_MEMORY);
	cr_expect_eq(rows[0].usage.memory, 2);
}
