#include <criterion/criterion.h>
#include <string.h>

#include "cli/progress_format.h"
#include "util/mem.h"

#define LAYER "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct {
	const char *name;
	uint64_t bytes;
	const char *shown;
} sizes[] = {
	{"nothing", 0, "0B"},
	{"bytes", 999, "999B"},
	{"thousands", 1000, "1.0kB"},
	{"rounded up to the next unit", 999600, "1.0MB"},
	{"three digits", 123456789, "123MB"},
	{"below a hundred", 99900000, "99.9MB"},
	{"the most there is", UINT64_MAX, "18.4EB"},
};

Test(progress_format, sizes)
{
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		char text[PROGRESS_BYTES];

		cr_expect_str_eq(progress_format_bytes(sizes[i].bytes, text), sizes[i].shown, "%s: %s", sizes[i].name, text);
	}
}

static const struct {
	const char *name;
	struct progress_item item;
	size_t width;
	const char *shown;
} lines[] = {
	{"half", {.name = LAYER, .phase = PROGRESS_DOWNLOADING, .done = 30000000, .total = 60000000, .rate = 8100000}, 79,
	 "0123456789ab: Downloading [===========>           ]  30.0MB/60.0MB  8.1MB/s"},
	{"nothing yet", {.name = LAYER, .phase = PROGRESS_DOWNLOADING, .done = 0, .total = 60000000}, 79,
	 "0123456789ab: Downloading [>                      ]      0B/60.0MB"},
	{"all", {.name = LAYER, .phase = PROGRESS_UNPACKING, .done = 60, .total = 60}, 79,
	 "0123456789ab: Extracting  [=======================]     60B/60B"},
	{"more than all", {.name = LAYER, .phase = PROGRESS_UNPACKING, .done = 90, .total = 60}, 79,
	 "0123456789ab: Extracting  [=======================]     90B/60B"},
	{"a bar has an end", {.name = LAYER, .phase = PROGRESS_DOWNLOADING, .done = 1, .total = 2}, 200,
	 "0123456789ab: Downloading [====================>                   ]      1B/2B"},
	{"no room for a bar", {.name = LAYER, .phase = PROGRESS_DOWNLOADING, .done = 1, .total = 2}, 40, "0123456789ab: Downloading      1B/2B"},
	{"no room for numbers", {.name = LAYER, .phase = PROGRESS_DOWNLOADING, .done = 1, .total = 2}, 30, "0123456789ab: Downloading"},
	{"no room for words", {.name = LAYER, .phase = PROGRESS_DOWNLOADING, .done = 1, .total = 2}, 20, "0123456789ab"},
	{"hardly any room", {.name = LAYER, .phase = PROGRESS_DOWNLOADING, .done = 1, .total = 2}, 3, "012"},
	{"no total", {.name = "a.tar", .phase = PROGRESS_READING, .done = 1500}, 79, "a.tar: Reading   1.5kB"},
	{"waits", {.name = LAYER, .phase = PROGRESS_WAITING, .total = 60}, 79, "0123456789ab: Waiting"},
	{"was there", {.name = LAYER, .phase = PROGRESS_EXISTS, .work = PROGRESS_DONE}, 79, "0123456789ab: Already exists"},
	{"pulled", {.name = LAYER, .phase = PROGRESS_DONE, .work = PROGRESS_UNPACKING, .done = 1, .total = 1}, 79, "0123456789ab: Pull complete"},
	{"pushed", {.name = LAYER, .phase = PROGRESS_DONE, .work = PROGRESS_UPLOADING}, 79, "0123456789ab: Pushed"},
	{"done without work", {.name = LAYER, .phase = PROGRESS_DONE, .work = PROGRESS_DONE}, 79, "0123456789ab: Done"},
	{"a name that a terminal would obey", {.name = "\033[2J.tar", .phase = PROGRESS_READING}, 79, "\\x1b[2J.tar: Reading"},
	{"a long name", {.name = "aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd", .phase = PROGRESS_WRITING}, 79, "aaaaaaaaaabbbbbbbbbbccccccccccdd: Writing"},
};

Test(progress_format, lines)
{
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		cleanup_buf struct buf out = {0};

		progress_format_line(&lines[i].item, lines[i].width, &out);
		cr_expect_str_eq(out.text, lines[i].shown, "%s: '%s'", lines[i].name, out.text);
		cr_expect(out.size <= lines[i].width, "%s: %zu columns", lines[i].name, out.size);
	}
}

static const struct {
	const char *name;
	size_t count, height;
	enum progress_phase phases[5];
	const char *shown;
	size_t drawn;
} pictures[] = {
	{"none", 0, 10, {0}, "", 0},
	{"all fit", 2, 2, {PROGRESS_DONE, PROGRESS_WAITING}, "a: Done\033[K\nb: Waiting\033[K\n", 2},
	{"those at work", 5, 3, {PROGRESS_DONE, PROGRESS_DOWNLOADING, PROGRESS_EXISTS, PROGRESS_RETRYING, PROGRESS_WAITING},
	 "b: Downloading\033[K\nd: Retrying\033[K\n2 of 5 done\033[K\n", 3},
	{"of those, as many as fit", 3, 2, {PROGRESS_DOWNLOADING, PROGRESS_DOWNLOADING, PROGRESS_DOWNLOADING}, "a: Downloading\033[K\n0 of 3 done\033[K\n", 2},
	{"one line", 3, 1, {PROGRESS_DONE, PROGRESS_DOWNLOADING, PROGRESS_DONE}, "2 of 3 done\033[K\n", 1},
	{"no line", 3, 0, {PROGRESS_DONE, PROGRESS_DOWNLOADING, PROGRESS_DONE}, "", 0},
};

Test(progress_format, pictures)
{
	static char names[][2] = {"a", "b", "c", "d", "e"};

	for (size_t i = 0; i < ARRAY_SIZE(pictures); i++) {
		struct progress_item items[5] = {0};
		cleanup_buf struct buf out = {0};
		size_t drawn;

		for (size_t j = 0; j < pictures[i].count; j++)
			items[j] = (struct progress_item){.name = names[j], .phase = pictures[i].phases[j], .work = PROGRESS_DONE};
		drawn = progress_format_picture(items, pictures[i].count, 79, pictures[i].height, &out);
		cr_expect_eq(drawn, pictures[i].drawn, "%s: %zu lines", pictures[i].name, drawn);
		cr_expect_str_eq(out.text ? out.text : "", pictures[i].shown, "%s: '%s'", pictures[i].name, out.text);
	}
}

static const struct {
	const char *name;
	struct progress_item item;
	const char *shown;
} logs[] = {
	{"begins", {.name = LAYER, .phase = PROGRESS_DOWNLOADING, .done = 0, .total = 60000000}, "0123456789ab: Downloading 60.0MB\n"},
	{"waiting is no news", {.name = LAYER, .phase = PROGRESS_WAITING, .total = 60}, ""},
	{"nor is what comes after the download", {.name = LAYER, .phase = PROGRESS_UNPACKING, .total = 60}, ""},
	{"ends", {.name = LAYER, .phase = PROGRESS_DONE, .work = PROGRESS_UNPACKING}, "0123456789ab: Pull complete\n"},
	{"was there", {.name = LAYER, .phase = PROGRESS_EXISTS, .work = PROGRESS_DONE, .total = 3}, "0123456789ab: Already exists\n"},
};

Test(progress_format, logs)
{
	for (size_t i = 0; i < ARRAY_SIZE(logs); i++) {
		cleanup_buf struct buf out = {0};

		progress_format_log(&logs[i].item, &out);
		cr_expect_str_eq(out.text ? out.text : "", logs[i].shown, "%s: '%s'", logs[i].name, out.text);
	}
}
