/* Several words at once: what each of them says, and what all of them cost. (One word, and among others: store_gc_test.c.) */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "store_depot.h"
#include "util/fd.h"

TestSuite(store_remove, .init = depot_begin, .fini = depot_end, .timeout = 60);

enum { WORDS_MAX = 8 };

/* In the words a '#' stands for the id of the image "one", and '@' for the first digits of that of "kept". */
static const struct words_case {
	const char *name;
	const char *words[WORDS_MAX];
	bool force;
	int why[WORDS_MAX];
	size_t untagged[WORDS_MAX];
	const char *deleted[WORDS_MAX]; /* by its name here */
	size_t images, layers; /* that are left */
} cases[] = {
	{"two images", {"one:1", "two:1"}, .untagged = {1, 1}, .deleted = {"one", "two"}, .images = 1, .layers = 1},
	{"with one that is none", {"one:1", "nothing", "two:1"}, .why = {0, ENOENT}, .untagged = {1, 0, 1}, .deleted = {"one", NULL, "two"}, .images = 1, .layers = 1},
	{"one of two names", {"kept:1"}, .untagged = {1}, .images = 3, .layers = 4},
	{"all names of one", {"kept:1", "kept:2"}, .untagged = {1, 1}, .deleted = {NULL, "kept"}, .images = 2, .layers = 3},
	{"the same twice", {"one:1", "one:1"}, .why = {0, ENOENT}, .untagged = {1}, .deleted = {"one"}, .images = 2, .layers = 3},
	{"its name, then its id", {"one:1", "#"}, .why = {0, ENOENT}, .untagged = {1}, .deleted = {"one"}, .images = 2, .layers = 3},
	{"its id, then its name", {"#", "one:1"}, .why = {0, ENOENT}, .untagged = {1}, .deleted = {"one"}, .images = 2, .layers = 3},
	{"its id twice", {"#", "#"}, .why = {0, ENOENT}, .untagged = {1}, .deleted = {"one"}, .images = 2, .layers = 3},
	{"a name, then an id of what has more", {"kept:1", "@"}, .untagged = {1, 1}, .deleted = {NULL, "kept"}, .images = 2, .layers = 3},
	{"a name, an id, and the digits of one with two names", {"two:1", "#", "@"}, .untagged = {1, 1, 2}, .deleted = {"two", "one", "kept"}, .images = 0, .layers = 0},
	{"a word that is no name", {"One", "one:1"}, .why = {EINVAL}, .untagged = {0, 1}, .deleted = {NULL, "one"}, .images = 2, .layers = 3},
};

static struct image one, two, kept;

static const char *word_of(const char *word)
{
	return *word == '#' ? one.config.text : *word == '@' ? arena_strndup(&depot_arena, digest_hex(&kept.config), 12) : word;
}

static const struct digest *id_of(const char *name)
{
	const struct image *image = *name == 'o' ? &one : *name == 't' ? &two : &kept;

	return &image->config;
}

static void expect(const struct words_case *c, const struct store_removal *removals, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int why = removals[i].why ? removals[i].why->code : 0;

		cr_expect_eq(why, c->why[i], "%s: %s: %s", c->name, c->words[i], why ? removals[i].why->cause : "taken");
		cr_expect_eq(removals[i].untagged_count, c->untagged[i], "%s: %s: %zu names", c->name, c->words[i], removals[i].untagged_count);
		cr_expect(c->deleted[i] ? digest_equal(&removals[i].deleted, id_of(c->deleted[i])) : !digest_is_set(&removals[i].deleted), "%s: %s: deleted '%s'", c->name, c->words[i],
		    removals[i].deleted.text);
	}
	cr_expect_eq(depot_count("images"), c->images, "%s: %zu images", c->name, depot_count("images"));
	cr_expect_eq(depot_count("layers"), c->layers, "%s: %zu layers", c->name, depot_count("layers"));
	cr_expect_eq(depot_count("trash"), 0, "%s", c->name);
}

Test(store_remove, each_word_on_its_own)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct store_removal removals[WORDS_MAX] = {0}, rest[] = {{.word = "one:1"}, {.word = "two:1"}, {.word = "kept:1"}, {.word = "kept:2"}};
		size_t count = 0;

		one = depot_image("one", LAYERS("base", "a"));
		two = depot_image("two", LAYERS("base", "b"));
		kept = depot_image("kept", LAYERS("c"));
		depot_tag("one:1", &one);
		depot_tag("two:1", &two);
		depot_tag("kept:1", &kept);
		depot_tag("kept:2", &kept);
		for (; cases[i].words[count]; count++)
			removals[count].word = word_of(cases[i].words[count]);
		EXPECT_OK(store_remove(&depot, NULL, &depot_arena, cases[i].force, removals, count, WHY), cases[i].name);
		expect(&cases[i], removals, count);
		EXPECT_OK(store_remove(&depot, NULL, &depot_arena, true, rest, ARRAY_SIZE(rest), WHY), cases[i].name);
	}
}

Test(store_remove, what_a_sandbox_has_stays_for_the_words_behind)
{
	struct store_removal removals[] = {{.word = "one:1"}, {.word = NULL}, {.word = "two:1"}};
	int held;

	one = depot_image("one", LAYERS("base", "a"));
	two = depot_image("two", LAYERS("base", "b"));
	depot_tag("one:1", &one);
	depot_tag("two:1", &two);
	removals[1].word = one.config.text;
	EXPECT_OK(store_find(&depot, &depot_arena, "one:1", NULL, &held, WHY), "hold");
	EXPECT_OK(store_remove(&depot, NULL, &depot_arena, true, removals, ARRAY_SIZE(removals), WHY), "remove");
	cr_expect(removals[0].untagged_count == 1 && !removals[0].why && !digest_is_set(&removals[0].deleted));
	cr_expect(removals[1].untagged_count == 0 && !removals[1].why && !digest_is_set(&removals[1].deleted), "it is there, without a name");
	cr_expect(digest_equal(&removals[2].deleted, &two.config));
	cr_expect(depot_is_whole(&one));
	held = fd_close(held);
}

/* --- what it costs --- */

/* How often files were opened in a folder, or renamed into it, since the watch began. */
static size_t count_events(int watch, const char *name)
{
	_Alignas(struct inotify_event) char events[65536];
	size_t count = 0;
	ssize_t size;

	while ((size = read(watch, events, sizeof(events))) > 0) {
		for (ssize_t at = 0; at < size;) {
			const struct inotify_event *event = (const void *)(events + at);

			cr_assert_not(event->mask & IN_Q_OVERFLOW, "more than anybody counts");
			count += event->len && (!name || !strcmp(event->name, name));
			at += (ssize_t)sizeof(*event) + (ssize_t)event->len;
		}
	}
	return count;
}

static int watch_folder(const char *folder, uint32_t what)
{
	int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	cr_assert(watch >= 0 && inotify_add_watch(watch, arena_printf(&depot_arena, "%s/%s", depot.path, folder), what) >= 0);
	return watch;
}

/* The opens of records and references for so many words, and as many that name nothing any more. */
static size_t cost_of(size_t count)
{
	struct store_removal *removals = arena_alloc(&depot_arena, 2 * count * sizeof(*removals));

	for (size_t i = 0; i < count; i++) {
		char *name = arena_printf(&depot_arena, "image%zu:1", i);
		struct image image = depot_image(name, LAYERS("base"));

		depot_tag(name, &image);
		removals[i].word = i % 2 ? name : arena_strdup(&depot_arena, image.config.text);
		removals[count + i].word = removals[i].word;
	}
	cleanup_close int index = watch_folder(".", IN_MOVED_TO), records = watch_folder("images", IN_OPEN), refs = watch_folder("refs", IN_OPEN);
	EXPECT_OK(store_remove(&depot, NULL, &depot_arena, false, removals, 2 * count, WHY), "remove");
	for (size_t i = 0; i < count; i++)
		cr_expect(!removals[i].why && removals[i].untagged_count == 1 && digest_is_set(&removals[i].deleted) && removals[count + i].why, "%s", removals[i].word);
	cr_expect_eq(depot_count("images") + depot_count("layers"), 0);
	cr_expect_eq(count_events(index, "index.json"), 1, "index.json is made anew once for %zu words", count);
	return count_events(records, NULL) + count_events(refs, NULL);
}

Test(store_remove, many_words_cost_as_much_as_each_of_them)
{
	size_t few = cost_of(10), many = cost_of(80);

	cr_expect_leq(many, 9 * few, "8 times as many words: %zu opens instead of %zu", many, few);
}
