#include "cli/image_table.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct {
	const char *name;
	uint64_t bytes;
	const char *text;
} sizes[] = {
	{"nothing", 0, "0B"},
	{"bytes", 999, "999B"},
	{"a thousand", 1000, "1kB"},
	{"three digits", 1234, "1.23kB"},
	{"nearly the next unit", 999499, "999kB"},
	{"rounded to the next unit", 999500, "1MB"},
	{"megabytes", 117000000, "117MB"},
	{"gigabytes", 4270000000, "4.27GB"},
	{"all", UINT64_MAX, "18.4EB"},
};

Test(image_table, sizes)
{
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		char text[IMAGE_SIZE_TEXT];

		cr_expect_str_eq(image_format_size(sizes[i].bytes, text), sizes[i].text, "%s: %s", sizes[i].name, text);
	}
}

enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };

static const struct {
	int64_t seconds;
	const char *text;
} ages[] = {
	{-5, "Less than a second ago"}, {0, "Less than a second ago"}, {1, "1 second ago"}, {59, "59 seconds ago"}, {MINUTE, "About a minute ago"},
	{119, "About a minute ago"}, {2 * MINUTE, "2 minutes ago"}, {HOUR - 1, "59 minutes ago"}, {HOUR, "About an hour ago"}, {2 * HOUR, "2 hours ago"},
	{2 * DAY - 1, "47 hours ago"}, {2 * DAY, "2 days ago"}, {14 * DAY, "2 weeks ago"}, {60 * DAY - 1, "8 weeks ago"}, {60 * DAY, "2 months ago"},
	{730 * DAY - 1, "24 months ago"}, {730 * DAY, "2 years ago"}, {INT64_MAX, "292471208677 years ago"},
};

Test(image_table, ages)
{
	for (size_t i = 0; i < ARRAY_SIZE(ages); i++) {
		char text[IMAGE_AGE_TEXT];

		cr_expect_str_eq(image_format_age(ages[i].seconds, text), ages[i].text, "%lld: %s", (long long)ages[i].seconds, text);
	}
}

static const struct {
	const char *text;
	bool is_time;
	int64_t seconds;
} times[] = {
	{"1970-01-01T00:00:00Z", true, 0},
	{"2024-02-29T12:34:56Z", true, 1709210096},
	{"2024-03-01T00:00:00.123456789Z", true, 1709251200},
	{"2024-03-01T02:00:00+02:00", true, 1709251200},
	{"2024-02-29T18:30:00-05:30", true, 1709251200},
	{"2000-12-31T23:59:59z", true, 978307199},
	{"1969-12-31T23:59:59Z", true, -1},
	{"0001-01-01T00:00:00Z", true, -62135596800},
	{"9999-12-31T23:59:59Z", true, 253402300799},
	{"yesterday", false, 0},
	{"2024-03-01", false, 0},
	{NULL, false, 0},
};

Test(image_table, times)
{
	char text[IMAGE_AGE_TEXT];

	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		int64_t seconds = 0;

		cr_expect_eq(image_parse_time(times[i].text, &seconds), times[i].is_time, "%s", times[i].text);
		cr_expect_eq(seconds, times[i].seconds, "%s: %lld", times[i].text, (long long)seconds);
	}
	cr_expect_str_eq(image_format_created("2024-03-01T00:00:00Z", 1709251200 + 3 * DAY, text), "3 days ago");
	cr_expect_str_eq(image_format_created(NULL, 0, text), "N/A");
}

Test(image_table, columns_are_as_wide_as_their_widest_cell)
{
	static const char *const cells[] = {"NAME", "WHAT", "SIZE", "a-long-name", "x", "1B", "b", "\033[2Jhidden", "2B"};
	struct image_table table = {.columns = 3};
	cleanup_buf struct buf out = {0};

	for (size_t i = 0; i < ARRAY_SIZE(cells); i++)
		image_table_add(&table, cells[i]);
	image_table_format(&table, &out);
	image_table_done(&table);
	cr_expect_str_eq(out.text, "NAME          WHAT            SIZE\n"
				   "a-long-name   x               1B\n"
				   "b             \\x1b[2Jhidden   2B\n", "%s", out.text);
}
