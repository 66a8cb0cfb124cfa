#include "image/store.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_depot.h"
#include "util/fd.h"

TestSuite(store_layer, .init = depot_begin, .fini = depot_end, .timeout = 60);

static void fill(const struct store_layer *layer, const char *text)
{
	cleanup_close int file = openat(layer->dir, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	cr_assert(file >= 0 && fd_write_all(file, text, strlen(text)) == 0);
}

static const char *content(const struct digest *diff_id)
{
	enum layer_owner owner;
	cleanup_close int dir = store_open_layer(&depot, diff_id, &owner);
	cleanup_free char *text = NULL;

	return dir < 0 || fd_slurp_at(dir, "file", 100, &text, NULL) < 0 ? "" : arena_strdup(&depot_arena, text);
}

Test(store_layer, appears_whole)
{
	struct digest id = depot_digest("one");
	enum layer_owner owner = LAYER_RANGE;
	struct store_layer layer;
	struct stat st;

	cr_expect_eq(store_open_layer(&depot, &id, &owner), -ENOENT);
	EXPECT_OK(store_layer_begin(&depot, &layer, WHY), "begin");
	cr_expect(depot_has("tmp/%s", layer.name), "%s", layer.name);
	fill(&layer, "one");
	cr_expect_eq(store_open_layer(&depot, &id, &owner), -ENOENT);
	EXPECT_OK(store_layer_commit(&layer, &id, LAYER_SINGLE, WHY), "commit");
	store_layer_abandon(&layer);
	cr_expect_str_eq(content(&id), "one");
	cleanup_close int dir = store_open_layer(&depot, &id, &owner);
	cr_expect_eq(owner, LAYER_SINGLE);
	cr_expect(fstat(dir, &st) == 0 && (st.st_mode & 07777) == 0755);
	cr_expect_eq(store_open_layer_of(&depot, &id, LAYER_RANGE), -ENOENT);
	cr_expect_eq(depot_count("tmp"), 0);
	cr_expect_eq(depot_count("trash"), 0);
}

Test(store_layer, both_ways_of_unpacking_stand_side_by_side)
{
	struct digest id = depot_digest("both");
	enum layer_owner owner = LAYER_SINGLE;
	struct store_layer layer;

	depot_put_layer(&id, "single");
	EXPECT_OK(store_layer_begin(&depot, &layer, WHY), "begin");
	fill(&layer, "range");
	EXPECT_OK(store_layer_commit(&layer, &id, LAYER_RANGE, WHY), "commit");
	cr_expect_str_eq(content(&id), "range");
	cleanup_close int range = store_open_layer(&depot, &id, &owner), single = store_open_layer_of(&depot, &id, LAYER_SINGLE);
	cr_expect(range >= 0 && single >= 0 && owner == LAYER_RANGE);
}

Test(store_layer, who_comes_second_drops_his_own)
{
	struct digest id = depot_digest("twice");
	struct store_layer first, second;

	EXPECT_OK(store_layer_begin(&depot, &first, WHY), "first");
	EXPECT_OK(store_layer_begin(&depot, &second, WHY), "second");
	fill(&first, "first");
	fill(&second, "second");
	EXPECT_OK(store_layer_commit(&first, &id, LAYER_SINGLE, WHY), "first");
	EXPECT_OK(store_layer_commit(&second, &id, LAYER_SINGLE, WHY), "second");
	cr_expect_str_eq(content(&id), "first");
	cr_expect_eq(depot_count("tmp"), 0);
	cr_expect_eq(depot_count("trash"), 1);
	store_sweep(&depot, NULL, 100);
	cr_expect_eq(depot_count("trash"), 0);
}

/* Fedora's root directory is 0555, and one of somebody else cannot be renamed to another place either. */
Test(store_layer, a_root_that_cannot_be_written)
{
	struct digest id = depot_digest("fedora");
	struct store_layer layer;

	EXPECT_OK(store_layer_begin(&depot, &layer, WHY), "begin");
	fill(&layer, "x");
	cr_assert(fchmod(layer.dir, 0555) == 0);
	EXPECT_OK(store_layer_commit(&layer, &id, LAYER_SINGLE, WHY), "commit");
	cr_expect_str_eq(content(&id), "x");
}

Test(store_layer, what_is_abandoned_is_out_of_the_way)
{
	struct store_layer layer;

	EXPECT_OK(store_layer_begin(&depot, &layer, WHY), "begin");
	fill(&layer, "x");
	store_layer_abandon(&layer);
	store_layer_abandon(&layer);
	cr_expect_eq(depot_count("tmp"), 0);
	cr_expect_eq(depot_count("trash"), 1);
}

static int write_same(int number)
{
	struct digest id = depot_digest("shared");

	for (int i = 0; i < 20; i++) {
		struct store_layer layer;
		enum layer_owner owner;

		if (store_layer_begin(&depot, &layer, NULL) < 0 || fd_close(openat(layer.dir, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644)) != -1 ||
			store_layer_commit(&layer, &id, LAYER_SINGLE, NULL) < 0)
			return 1;
		store_layer_abandon(&layer);
		if (fd_close(store_open_layer(&depot, &id, &owner)) != -1)
			return 1;
		if (number == 0)
			store_sweep(&depot, NULL, 100);
	}
	return 0;
}

Test(store_layer, several_write_the_same_while_it_is_swept)
{
	struct digest id = depot_digest("shared");
	pid_t pids[4];

	for (int i = 0; i < 4; i++)
		pids[i] = depot_fork(write_same, i);
	for (int i = 0; i < 4; i++)
		depot_wait("writer", pids[i], 0);
	cr_expect(depot_has("layers/%s.single/tree/file", digest_hex(&id)));
	cr_expect_eq(depot_count("layers"), 1);
	cr_expect_eq(depot_count("tmp"), 0);
	store_sweep(&depot, NULL, 1000);
	cr_expect_eq(depot_count("trash"), 0);
}

static int write_for_ever(int number)
{
	struct digest id = depot_digest("for ever");

	for (int i = 0;; i++) {
		struct store_layer layer;

		if (store_layer_begin(&depot, &layer, NULL) < 0)
			return 1;
		for (char name[] = "a"; name[0] < 'h'; name[0]++)
			(void)mkdirat(layer.dir, name, 0700);
		if (i % 2 && store_layer_commit(&layer, &id, LAYER_SINGLE, NULL) < 0)
			return number + 1;
		store_layer_abandon(&layer);
	}
}

Test(store_layer, a_killed_writer_leaves_nothing_for_long)
{
	for (int i = 0; i < 20; i++) {
		pid_t pid = depot_fork(write_for_ever, i);

		(void)usleep((useconds_t)(1000 + i * 411));
		cr_assert(kill(pid, SIGKILL) == 0);
		depot_wait("killed", pid, 128 + SIGKILL);
		store_sweep(&depot, NULL, 1000);
		cr_expect_eq(depot_count("tmp"), 0, "%d", i);
		cr_expect_eq(depot_count("trash"), 0, "%d", i);
	}
	cr_expect_leq(depot_count("layers"), 1);
}
