#include <criterion/criterion.h>
#include <errno.h>

#include "isolate/tree.h"
#include "util/mem.h"

Test(tree_scratch, storage_is_what_the_payload_can_fill)
{
	static const struct {
		const char *name;
		struct tree_entry entry;
		size_t count;
	} cases[] = {
		{"a tmpfs of its own", {.kind = TREE_TMPFS, .source_fd = 7}, 1},
		{"one that shares the scratch", {.kind = TREE_TMPFS, .in_scratch = true, .source_fd = 7}, 0},
		{"one below a fresh /proc", {.kind = TREE_TMPFS, .made_up = true, .source_fd = 7}, 0},
		{"not mounted", {.kind = TREE_TMPFS, .source_fd = -1}, 0},
		{"the host's", {.kind = TREE_BIND, .source_fd = 7}, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tree_entry entry = cases[i].entry;
		struct tree_plan plan = {.entries = &entry, .entry_count = 1, .scratch = TREE_SCRATCH_DISK};
		struct tree_storage storage;
		struct error err = {0};
		struct tree tree;

		tree_init(&tree, NULL, &plan);
		cr_expect_eq(tree_storage_fds(&tree, &storage, &err), 0, "%s", cases[i].name);
		cr_expect_eq(storage.scratch, -1, "%s", cases[i].name);
		cr_expect(storage.scratch_on_disk, "%s", cases[i].name);
		cr_expect_eq(storage.tmpfs_count, cases[i].count, "%s", cases[i].name);
		tree.scratch_fd = 8;
		tree.dev_fd = 9;
		cr_expect_eq(tree_storage_fds(&tree, &storage, &err), 0, "%s", cases[i].name);
		cr_expect_eq(storage.scratch, 8, "%s", cases[i].name);
		cr_expect_eq(storage.tmpfs_count, cases[i].count + 1, "%s", cases[i].name);
		cr_expect_eq(storage.tmpfs[cases[i].count], 9, "%s", cases[i].name);
	}
}

Test(tree_scratch, storage_that_is_too_much_is_an_error)
{
	struct tree_entry entries[TREE_STORAGE_MAX + 1];
	struct tree_plan plan = {.entries = entries, .entry_count = ARRAY_SIZE(entries)};
	struct tree_storage storage;
	struct error err = {0};
	struct tree tree;

	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		entries[i] = (struct tree_entry){.kind = TREE_TMPFS, .source_fd = 7};
	tree_init(&tree, NULL, &plan);
	cr_expect_eq(tree_storage_fds(&tree, &storage, &err), -E2BIG);
	plan.entry_count--;
	cr_expect_eq(tree_storage_fds(&tree, &storage, &err), 0);
	cr_expect_eq(storage.tmpfs_count, TREE_STORAGE_MAX);
}
