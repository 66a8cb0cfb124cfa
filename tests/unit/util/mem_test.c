#include "util/mem.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(mem);

Test(mem, alloc_is_zeroed)
{
	cleanup_free unsigned char *bytes = mem_alloc(1000), *none = mem_alloc(0);

	for (size_t i = 0; i < 1000; i++)
		cr_assert_eq(bytes[i], 0);
	cr_expect_not_null(none);
}

Test(mem, take_ptr_forgets)
{
	char *mine = mem_printf("%s-%d", "a", 1), *theirs = take_ptr(mine);

	cr_expect_null(mine);
	cr_expect_str_eq(theirs, "a-1");
	free(theirs);
}

Test(mem, overflow_ends_the_program)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		(void)close(STDERR_FILENO);
		free(mem_resize(NULL, SIZE_MAX / 2, 3));
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_CARREL);
}

static const size_t sizes[] = {0, 1, 15, 16, 17, 100, 2048, 2049, 8192, 8193, 100000};

Test(mem, arena_is_aligned_and_zeroed)
{
	struct arena arena = {0};

	for (size_t round = 0; round < 50; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			unsigned char *bytes = arena_alloc(&arena, sizes[i]);

			cr_assert_eq((uintptr_t)bytes % 16, 0, "%zu bytes", sizes[i]);
			for (size_t j = 0; j < sizes[i]; j++)
				cr_assert_eq(bytes[j], 0, "%zu bytes, at %zu", sizes[i], j);
			memset(bytes, 0xFF, sizes[i]);
		}
	}
	arena_done(&arena);
	cr_expect_null(arena.head);
	arena_done(&arena); /* twice is fine */
}

Test(mem, arena_texts)
{
	struct arena arena = {0};

	cr_expect_str_eq(arena_strdup(&arena, "abc"), "abc");
	cr_expect_str_eq(arena_strndup(&arena, "abcdef", 3), "abc");
	cr_expect_str_eq(arena_printf(&arena, "%0200d", 7) + 190, "0000000007");
	cr_expect_str_eq(arena_strdup(&arena, ""), "");
	arena_done(&arena);
}

Test(mem, arena_grow_keeps_what_was_there)
{
	struct arena arena = {0};
	size_t *items = NULL, moves = 0;

	for (size_t i = 0; i < 10000; i++) {
		size_t *grown = arena_grow(&arena, items, i, sizeof(*items));

		moves += grown != items;
		items = grown;
		items[i] = i;
	}
	for (size_t i = 0; i < 10000; i++)
		cr_assert_eq(items[i], i);
	cr_expect_leq(moves, 16, "%zu copies", moves);
	arena_done(&arena);
}
