#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "run/scratch.h"

Test(scratch, full_by_bytes_or_names)
{
	static const struct {
		const char *name;
		struct statfs fs;
		bool full;
	} cases[] = {
		{"empty", {.f_blocks = 16, .f_bfree = 16, .f_bavail = 16, .f_files = 9, .f_ffree = 9}, false},
		{"one page left", {.f_blocks = 16, .f_bfree = 1, .f_bavail = 1, .f_files = 9, .f_ffree = 9}, false},
		{"no page left", {.f_blocks = 16, .f_files = 9, .f_ffree = 9}, true},
		{"only root's pages left", {.f_blocks = 16, .f_bfree = 2, .f_files = 9, .f_ffree = 9}, true},
		{"no name left", {.f_blocks = 16, .f_bfree = 9, .f_bavail = 9, .f_files = 9}, true},
		{"names are not counted", {.f_blocks = 16, .f_bfree = 9, .f_bavail = 9}, false},
		{"no limit at all", {.f_blocks = 0}, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(scratch_is_full(&cases[i].fs), cases[i].full, "%s", cases[i].name);
}

Test(scratch, looks_sooner_where_less_is_left)
{
	static const struct {
		const char *name;
		uint64_t left;
		bool changed;
		uint64_t pause, next;
	} cases[] = {
		{"nearly full", 4096, true, 100, 2},
		{"64M", 64 << 20, true, 2, 32},
		{"much", 1ULL << 40, true, 2, 100},
		{"idle", 4096, false, 2, 4},
		{"long idle", 4096, false, 100, 100},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(scratch_pause(cases[i].left, cases[i].changed, cases[i].pause), cases[i].next, "%s", cases[i].name);
}

Test(scratch, note_names_size_and_line)
{
	static const struct {
		const char *name;
		struct origin at;
		const char *contained;
	} cases[] = {
		{"file and line", {.file = "web.yaml", .line = 12}, "the scratch space of 64M (web.yaml:12) was full: "},
		{"command line", {.file = "command line --set"}, "the scratch space of 64M (command line --set) was full: "},
		{"nowhere", {0}, "the scratch space of 64M was full: "},
	};
	struct arena arena = {0};
	struct scratch scratch = {.fd = -1, .is_limited = true};

	cr_expect_null(scratch_note(&scratch, &arena, 64 << 20, &cases[0].at));
	scratch.was_full = true;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *note = scratch_note(&scratch, &arena, 64 << 20, &cases[i].at);

		cr_expect(note && strstr(note, cases[i].contained), "%s: %s", cases[i].name, note);
	}
	arena_done(&arena);
}

Test(scratch, nothing_to_look_at)
{
	struct scratch scratch;

	scratch_open(&scratch, -1, true);
	cr_expect_eq(scratch_look(&scratch, 5), 0);
	scratch_open(&scratch, open("/dev/shm", O_PATH | O_CLOEXEC), true);
	cr_expect_gt(scratch_look(&scratch, 5), 5);
	scratch_close(&scratch);
	cr_expect_eq(scratch.fd, -1);
}
