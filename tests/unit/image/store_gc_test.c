#include "image/store_gc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_depot.h"
#include "util/fd.h"

TestSuite(store_gc, .init = depot_begin, .fini = depot_end, .timeout = 60);

static struct store_usage prune(bool all)
{
	struct store_usage freed;

	EXPECT_OK(store_prune(&depot, NULL, all, &freed, WHY), "prune");
	cr_expect_eq(depot_count("trash"), 0);
	return freed;
}

static struct store_removal try_to_remove(const char *word, bool force)
{
	struct store_removal removal = {.word = word};

	EXPECT_OK(store_remove(&depot, NULL, &depot_arena, force, &removal, 1, WHY), word);
	return removal;
}

static struct store_removal remove_image(const char *word, bool force)
{
	struct store_removal removal = try_to_remove(word, force);

	cr_assert_null(removal.why, "%s: %s: %s", word, removal.why->what, removal.why->cause);
	return removal;
}

Test(store_gc, what_has_a_name_stays_with_all_it_needs)
{
	struct image named = depot_image("named", LAYERS("base", "mine")), nameless = depot_image("nameless", LAYERS("base", "other"));
	struct store_usage freed;

	depot_tag("named:1", &named);
	freed = prune(false);
	cr_expect(depot_is_whole(&named));
	cr_expect(!depot_has("images/%s", digest_hex(&nameless.manifest)));
	cr_expect(!depot_has("layers/%s.single", digest_hex(&nameless.layers[1])));
	cr_expect_eq(depot_count("blobs/sha256"), 4);
	cr_expect_eq(freed.images, 1);
	cr_expect_eq(freed.layer_count, 1);
	cr_expect_eq(freed.blob_count, 3, "%zu", freed.blob_count);
	cr_expect(freed.reclaimable > 0 && freed.reclaimable == freed.blobs + freed.layers + freed.waste);
	freed = prune(false);
	cr_expect_eq(freed.reclaimable, 0);
}

Test(store_gc, all_takes_names_that_no_sandbox_uses)
{
	struct image used = depot_image("used", LAYERS("one")), kept = depot_image("kept", LAYERS("two")), idle = depot_image("idle", LAYERS("three"));
	int held;

	depot_tag("used", &used);
	depot_tag("kept", &kept);
	depot_tag("idle", &idle);
	cr_assert(mkdirat(depot.dir, "instances", 0700) == 0 && mkdirat(depot.dir, "instances/box", 0700) == 0);
	cleanup_close int file = openat(depot.dir, "instances/box/image", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	const char *text = arena_printf(&depot_arena, "%s\ndocker.io/library/kept:latest\n", kept.manifest.text);
	cr_assert(fd_write_all(file, text, strlen(text)) == 0);
	EXPECT_OK(store_find(&depot, &depot_arena, "used", NULL, &held, WHY), "hold");
	(void)prune(false);
	cr_expect(depot_is_whole(&used) && depot_is_whole(&kept) && depot_is_whole(&idle));
	(void)prune(true);
	cr_expect(depot_is_whole(&used) && depot_is_whole(&kept));
	cr_expect_eq(depot_count("images"), 2);
	cr_expect_eq(depot_count("refs"), 2);
	held = fd_close(held);
	cr_assert(unlinkat(depot.dir, "instances/box/image", 0) == 0);
	(void)prune(true);
	cr_expect_eq(depot_count("images"), 0);
	cr_expect_eq(depot_count("blobs/sha256"), 0);
	cr_expect_eq(depot_count("layers"), 0);
}

Test(store_gc, a_claim_keeps_what_has_no_name_yet)
{
	struct image image = depot_image("claimed", LAYERS("one"));
	struct digest blob;
	const struct digest *wanted[] = {&image.manifest, &blob};
	int claim;

	EXPECT_OK(store_put_blob(&depot, "half", 4, &blob, WHY), "blob");
	EXPECT_OK(store_claim(&depot, wanted, 2, &claim, WHY), "claim");
	(void)prune(true);
	cr_expect(depot_is_whole(&image));
	cr_expect(depot_has("blobs/sha256/%s", digest_hex(&blob)));
	claim = fd_close(claim);
	(void)prune(false);
	cr_expect_eq(depot_count("images"), 0);
	cr_expect_eq(depot_count("blobs/sha256"), 0);
}

/* --- one image --- */

static struct image one, two;
static int held_one = -1;

static void prepare(void)
{
	depot_begin();
	one = depot_image("one", LAYERS("base", "a"));
	two = depot_image("two", LAYERS("base", "b"));
	depot_tag("one:1", &one);
	depot_tag("two:1", &two);
}

TestSuite(store_gc_remove, .init = prepare, .fini = depot_end, .timeout = 60);

Test(store_gc_remove, the_last_name_takes_the_image_with_it)
{
	struct store_removal removal;

	depot_tag("one:2", &one);
	removal = remove_image("one:2", false);
	cr_expect(removal.untagged_count == 1 && !digest_is_set(&removal.deleted));
	cr_expect_str_eq(removal.untagged[0], "docker.io/library/one:2");
	cr_expect(depot_is_whole(&one));
	removal = remove_image("one:1", false);
	cr_expect(removal.untagged_count == 1 && digest_equal(&removal.deleted, &one.config));
	cr_expect(depot_is_whole(&two));
	cr_expect_eq(depot_count("images"), 1);
	cr_expect_eq(depot_count("layers"), 2);
	cr_expect_eq(depot_count("blobs/sha256"), 4);
}

Test(store_gc_remove, only_what_is_its_own)
{
	struct image stray = depot_image("stray", LAYERS("stray"));

	(void)remove_image("one:1", false);
	cr_expect(depot_is_whole(&stray), "what has no name is prune's");
}

Test(store_gc_remove, by_its_digits)
{
	struct store_removal removal;
	const char *digits = arena_strndup(&depot_arena, digest_hex(&one.config), 12);

	depot_tag("other:1", &one);
	removal = try_to_remove(digits, false);
	cr_assert(removal.why && removal.why->code == ENOTUNIQ);
	cr_expect_str_eq(removal.why->hint, "remove one name at a time, or all with --force");
	cr_expect(depot_is_whole(&one) && depot_count("refs") == 3);
	removal = remove_image(digits, true);
	cr_expect(removal.untagged_count == 2 && digest_is_set(&removal.deleted));
	depot_tag("two:2", &two);
	removal = remove_image(two.config.text, false); /* one repository */
	cr_expect(removal.untagged_count == 2 && digest_is_set(&removal.deleted));
	cr_expect_eq(depot_count("layers"), 0);
}

/* Files in refs/ that no carrel makes: their image would stay for ever. */
Test(store_gc_remove, with_names_that_are_none)
{
	static const char *const names[] = {"docker.io%library%x\033[31m:1", "one:1", "%%", "docker.io%library%one:2@sha256:12"};
	struct store_removal removal;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		cleanup_close int file = openat(depot.dir, arena_printf(&depot_arena, "refs/%s", names[i]), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		cr_assert(fd_write_all(file, one.manifest.text, strlen(one.manifest.text)) == 0);
	}
	removal = try_to_remove(one.config.text, false);
	cr_expect(removal.why && removal.why->code == ENOTUNIQ);
	removal = remove_image(one.config.text, true);
	cr_expect_eq(removal.untagged_count, ARRAY_SIZE(names) + 1);
	cr_expect(digest_is_set(&removal.deleted));
	cr_expect_eq(depot_count("refs"), 1);
}

Test(store_gc_remove, not_while_a_sandbox_runs)
{
	struct store_removal removal;

	EXPECT_OK(store_find(&depot, &depot_arena, "one:1", NULL, &held_one, WHY), "hold");
	removal = try_to_remove("one:1", false);
	cr_assert(removal.why && removal.why->code == EBUSY);
	cr_expect_str_eq(removal.why->cause, "a sandbox runs from it");
	cr_expect_eq(depot_count("refs"), 2);
	depot_tag("one:2", &one);
	removal = remove_image("one:2", false); /* another name is left */
	cr_expect_eq(removal.untagged_count, 1);
	removal = remove_image("one:1", true);
	cr_expect(removal.untagged_count == 1 && !digest_is_set(&removal.deleted));
	cr_expect(depot_is_whole(&one));
	held_one = fd_close(held_one);
	(void)prune(false);
	cr_expect_eq(depot_count("images"), 1);
}

Test(store_gc_remove, what_is_not_there)
{
	struct store_removal removal = try_to_remove("nothing", false);

	cr_assert(removal.why && removal.why->code == ENOENT);
	cr_expect_eq(removal.untagged_count, 0);
}

/* --- after a kill, and among others --- */

static const struct digest *its_manifest(void)
{
	return &one.manifest;
}

static const struct digest *its_layer(void)
{
	return &one.layers[1];
}

static const struct digest *its_blob(void)
{
	return &one.blobs[1];
}

/* As if somebody had been killed between the renaming and the second look. */
static const struct {
	const char *name, *from, *as;
	const struct digest *(*object)(void);
} halves[] = {
	{"a record that a name wants", "images/%s", "trash/image-%s-0123456789abcdef", its_manifest},
	{"a layer that a record wants", "layers/%s.single", "trash/layer-%s.single-0123456789abcdef", its_layer},
	{"a blob that a record wants", "blobs/sha256/%s", "trash/blob-%s-0123456789abcdef", its_blob},
};

static const char *put_in(const char *pattern, const char *hex)
{
	const char *at = strstr(pattern, "%s");

	return arena_printf(&depot_arena, "%.*s%s%s", (int)(at - pattern), pattern, hex, at + 2);
}

Test(store_gc_remove, the_next_takes_the_second_look)
{
	for (size_t i = 0; i < ARRAY_SIZE(halves); i++) {
		const char *hex = digest_hex(halves[i].object());

		cr_assert(renameat(depot.dir, put_in(halves[i].from, hex), depot.dir, put_in(halves[i].as, hex)) == 0, "%s", halves[i].name);
		store_sweep(&depot, NULL, 100);
		cr_expect(depot_is_whole(&one), "%s", halves[i].name);
		cr_expect_eq(depot_count("trash"), 0, "%s", halves[i].name);
	}
}

static int prune_for_ever(int number)
{
	(void)number;
	for (;;) {
		struct store_usage freed;

		if (store_prune(&depot, NULL, false, &freed, NULL) < 0)
			return 1;
	}
}

/* What install does: claim, look, make what is missing, record, name, let go. Then it must be whole, and be found by its name. */
static int install_and_remove(int number)
{
	for (int i = 0; i < 30; i++) {
		const struct digest *wanted[] = {&one.manifest, &one.config, &one.layers[0], &one.layers[1], &one.blobs[0], &one.blobs[1]};
		struct store_removal removals[2] = {{.word = NULL}};
		struct arena arena = {0};
		struct reference reference, second;
		struct image found;
		char name[32], also[32];
		int claim, held;

		(void)snprintf(name, sizeof(name), "mine%d:%d", number, i);
		(void)snprintf(also, sizeof(also), "also%d:%d", number, i);
		if (reference_parse(&arena, name, &reference, NULL) < 0 || reference_parse(&arena, also, &second, NULL) < 0 || store_claim(&depot, wanted, ARRAY_SIZE(wanted), &claim, NULL) < 0)
			return 1;
		struct image image = depot_image("one", LAYERS("base", "a"));
		if (store_tag(&depot, &reference, &image.manifest, NULL) < 0 || store_tag(&depot, &second, &image.manifest, NULL) < 0)
			return 1;
		claim = fd_close(claim);
		if (store_find(&depot, &arena, name, &found, &held, NULL) < 0 || !depot_is_whole(&found))
			return 1;
		held = fd_close(held);
		removals[0].word = name;
		removals[1].word = also;
		if (store_remove(&depot, NULL, &arena, true, removals, ARRAY_SIZE(removals), NULL) < 0 || removals[0].why || removals[1].why)
			return 1;
		arena_done(&arena);
	}
	return 0;
}

Test(store_gc_remove, while_others_claim_install_and_remove)
{
	pid_t pruner = depot_fork(prune_for_ever, 0), pids[3];

	(void)remove_image("one:1", false);
	for (int i = 0; i < 3; i++)
		pids[i] = depot_fork(install_and_remove, i);
	for (int i = 0; i < 3; i++)
		depot_wait("installer", pids[i], 0);
	cr_assert(kill(pruner, SIGKILL) == 0);
	depot_wait("pruner", pruner, 128 + SIGKILL);
	(void)prune(false);
	cr_expect(depot_is_whole(&two));
	cr_expect_eq(depot_count("images"), 1);
	cr_expect_eq(depot_count("blobs/sha256"), 4);
	cr_expect_eq(depot_count("layers"), 2);
}

Test(store_gc_remove, killed_at_any_moment)
{
	for (int i = 0; i < 15; i++) {
		pid_t pid = depot_fork(prune_for_ever, i);

		for (int j = 0; j < 5; j++)
			(void)depot_image(arena_printf(&depot_arena, "stray %d %d", i, j), LAYERS("stray"));
		(void)usleep((useconds_t)(i * 511));
		cr_assert(kill(pid, SIGKILL) == 0);
		depot_wait("killed", pid, 128 + SIGKILL);
		cr_expect(depot_is_whole(&one) && depot_is_whole(&two), "%d", i);
	}
	(void)prune(false);
	cr_expect_eq(depot_count("images"), 2);
	cr_expect_eq(depot_count("layers"), 3);
}

Test(store_gc_remove, usage_says_what_prune_frees)
{
	struct store_usage before, after, freed;

	(void)depot_image("stray", LAYERS("stray"));
	store_sweep(&depot, NULL, 100);
	EXPECT_OK(store_put_blob(&depot, "lost", 4, &(struct digest){0}, WHY), "lost");
	EXPECT_OK(store_usage(&depot, &before, WHY), "before");
	cr_expect(before.images == 3 && before.blob_count == 10 && before.layer_count == 4 && before.waste_count == 1, "%zu images, %zu blobs, %zu layers, %zu waste", before.images,
	    before.blob_count, before.layer_count, before.waste_count);
	freed = prune(false);
	cr_expect_eq(freed.reclaimable, before.reclaimable);
	EXPECT_OK(store_usage(&depot, &after, WHY), "after");
	cr_expect(after.images == 2 && after.reclaimable == 0 && after.waste == 0 && after.waste_count == 0);
	cr_expect_eq(before.blobs + before.layers + before.waste, after.blobs + after.layers + freed.reclaimable);
}

Test(store_gc_remove, usage_knows_who_is_at_work)
{
	static const char data[100000];
	struct store_usage usage;
	struct store_layer layer;
	struct store_blob blob;
	struct digest claimed;
	int claim;

	store_sweep(&depot, NULL, 100);
	EXPECT_OK(store_put_blob(&depot, "claimed", 7, &claimed, WHY), "blob");
	EXPECT_OK(store_claim(&depot, (const struct digest *[]){&claimed}, 1, &claim, WHY), "claim");
	EXPECT_OK(store_blob_begin(&depot, &blob, WHY), "begin");
	EXPECT_OK(store_blob_add(&blob, data, sizeof(data), WHY), "add");
	EXPECT_OK(store_layer_begin(&depot, &layer, WHY), "layer");
	EXPECT_OK(store_usage(&depot, &usage, WHY), "usage");
	cr_expect(usage.busy_count == 4 && usage.waste_count == 4, "%zu of %zu: the claimed blob, the one that is begun, the folder and its lock", usage.busy_count, usage.waste_count);
	cr_expect(usage.busy == usage.waste && usage.busy > sizeof(data) && usage.reclaimable == 0);
	cr_expect_eq(store_left_over(&depot), 0);
	store_layer_abandon(&layer);
	store_blob_abandon(&blob);
	claim = fd_close(claim);
	EXPECT_OK(store_usage(&depot, &usage, WHY), "usage");
	cr_expect(usage.busy == 0 && usage.waste_count == 2 && usage.reclaimable == usage.waste, "%zu: the blob, and the folder in the trash", usage.waste_count);
	cr_expect_gt(store_left_over(&depot), 0);
}
