#include "run/storage.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/path.h"

/* What nobody holds is removed by the next start: in the store's own folder, and not where somebody has put a symlink in its place. */
Test(storage, sweeps_its_own_scratch_only)
{
	static const struct {
		const char *name;
		bool is_link, swept;
	} cases[] = {{"a folder", false, true}, {"a symlink", true, false}};
	struct arena arena = {0};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char store[] = "/tmp/carrel-storage-XXXXXX";
		struct error err = {0};
		struct stat st;
		int lock = -1;

		cr_assert_not_null(mkdtemp(store), "%s", cases[i].name);
		const struct host host = {.arena = &arena, .store_dir = store};
		struct plan plan = {.arena = &arena, .host = &host};
		const char *scratch = arena_printf(&arena, "%s/scratch", store), *victim = arena_printf(&arena, "%s/victim", store);
		const char *left = arena_printf(&arena, "%s/left", cases[i].is_link ? victim : scratch);

		cr_assert_eq(mkdir(cases[i].is_link ? victim : scratch, 0700), 0, "%s", cases[i].name);
		cr_assert_eq(mkdir(left, 0700), 0, "%s", cases[i].name);
		cr_assert(!cases[i].is_link || symlink("victim", scratch) == 0, "%s", cases[i].name);
		cr_expect_eq(storage_make_scratch(&plan, &lock, &err), 0, "%s: %s: %s", cases[i].name, err.what, err.cause);
		cr_expect_eq(stat(left, &st) < 0, cases[i].swept, "%s", cases[i].name);
		(void)fd_close(lock);
		cr_expect_eq(path_remove_tree(AT_FDCWD, store), 0, "%s", cases[i].name);
	}
	arena_done(&arena);
}
