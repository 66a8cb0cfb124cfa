#include "image/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_depot.h"
#include "util/fd.h"

TestSuite(store_refs, .init = depot_begin, .fini = depot_end, .timeout = 60);

Test(store_refs, are_listed_by_name)
{
	static const char *const names[] = {"zebra", "example.org:5000/team/app:1.0", "debian:12", "ant"};
	static const char *const sorted[] = {"docker.io/library/ant:latest", "docker.io/library/debian:12", "docker.io/library/zebra:latest", "example.org:5000/team/app:1.0"};
	struct image image = depot_image("a", LAYERS("one"));
	struct store_ref *refs;
	size_t count;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		depot_tag(names[i], &image);
	EXPECT_OK(store_refs(&depot, &depot_arena, &refs, &count, WHY), "list");
	cr_assert_eq(count, ARRAY_SIZE(sorted));
	for (size_t i = 0; i < count; i++) {
		cr_expect_str_eq(refs[i].name, sorted[i]);
		cr_expect(digest_equal(&refs[i].manifest, &image.manifest), "%s", sorted[i]);
	}
	cr_expect(depot_has("refs/example.org:5000%%team%%app:1.0"));
}

/* Each file that could stand in refs/ by accident or malice. */
static const struct {
	const char *name, *content;
} strange[] = {
	{"empty", ""},
	{"word", "hello\n"},
	{"short", "sha256:12\n"},
	{"long", "sha256:0123456789012345678901234567890123456789012345678901234567890123456789\n"},
	{".hidden", "sha256:0123456789012345678901234567890123456789012345678901234567890123\n"},
};

Test(store_refs, what_is_none_is_passed_over)
{
	struct store_ref *refs;
	size_t count;

	for (size_t i = 0; i < ARRAY_SIZE(strange); i++) {
		cleanup_close int file = openat(depot.dir, arena_printf(&depot_arena, "refs/%s", strange[i].name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		cr_assert(fd_write_all(file, strange[i].content, strlen(strange[i].content)) == 0);
	}
	cr_assert(mkdirat(depot.dir, "refs/folder", 0700) == 0 && symlinkat("/etc/passwd", depot.dir, "refs/link") == 0);
	EXPECT_OK(store_refs(&depot, &depot_arena, &refs, &count, WHY), "list");
	cr_expect_eq(count, 0, "%zu", count);
}

Test(store_refs, a_tag_moves_and_goes)
{
	struct image a = depot_image("a", LAYERS("one")), b = depot_image("b", LAYERS("two"));
	struct reference reference = depot_reference("debian:12");
	struct digest got;
	struct error err = {0};

	depot_tag("debian:12", &a);
	depot_tag("debian:12", &b);
	EXPECT_OK(store_ref(&depot, &depot_arena, &reference, &got, WHY), "ref");
	cr_expect(digest_equal(&got, &b.manifest));
	EXPECT_OK(store_untag(&depot, &reference, WHY), "untag");
	cr_expect_eq(store_untag(&depot, &reference, &err), -ENOENT);
	cr_expect_str_eq(err.cause, "there is none of this name");
	cr_expect_eq(store_ref(&depot, &depot_arena, &reference, &got, &err), -ENOENT);
}

Test(store_refs, no_name_for_what_is_not_there)
{
	struct reference reference = depot_reference("debian:12");
	struct digest nothing = depot_digest("nothing");
	struct error err = {0};

	cr_expect_eq(store_tag(&depot, &reference, &nothing, &err), -ENOENT);
	cr_expect_eq(depot_count("refs"), 0);
}

Test(store_refs, a_digest_counts_more_than_a_tag)
{
	struct image image = depot_image("a", LAYERS("one"));
	const char *by_digest = arena_printf(&depot_arena, "debian:12@%s", depot_digest("an index").text);

	depot_tag(by_digest, &image);
	cr_expect(depot_has("refs/docker.io%%library%%debian@%s", depot_digest("an index").text));
}

Test(store_refs, a_name_too_long_for_a_file)
{
	struct image image = depot_image("a", LAYERS("one"));
	struct error err = {0};
	char name[240];

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	struct reference reference = {.registry = "registry.example.org", .repository = name, .tag = "x"};
	cr_expect_eq(store_tag(&depot, &reference, &image.manifest, &err), -ENAMETOOLONG);
	cr_expect_str_eq(err.cause, "it has more than 255 characters");
}

/* --- index.json --- */

static const char *index_text(void)
{
	cleanup_free char *text = NULL;

	cr_assert(fd_slurp_at(depot.dir, "index.json", 1 << 20, &text, NULL) == 0);
	return arena_strdup(&depot_arena, text);
}

static size_t occurrences(const char *text, const char *what)
{
	size_t count = 0;

	for (; (text = strstr(text, what)); text++)
		count++;
	return count;
}

Test(store_refs, the_index_follows)
{
	struct image image = depot_image("a", LAYERS("one"));
	struct reference reference = depot_reference("debian:12");

	cr_expect_eq(occurrences(index_text(), "\"digest\""), 0);
	depot_tag("debian:12", &image);
	depot_tag("debian:13", &image);
	cr_expect(strstr(index_text(), image.manifest.text) && strstr(index_text(), "\"org.opencontainers.image.ref.name\": \"docker.io/library/debian:12\""));
	cr_expect_eq(occurrences(index_text(), "\"digest\""), 2);
	EXPECT_OK(store_untag(&depot, &reference, WHY), "untag");
	cr_expect_null(strstr(index_text(), "debian:12"));
}

/* Names of one image stand together or apart; of one whose manifest is lost, none is there. */
Test(store_refs, the_index_says_of_each_name_its_image)
{
	static const struct {
		const char *name;
		int image;
		bool is_lost;
	} cases[] = {{"a:1", 0, false}, {"a:2", 0, false}, {"b:1", 1, false}, {"c:1", 2, true}, {"c:2", 2, true}, {"d:1", 0, false}};
	struct image images[] = {depot_image("one", LAYERS("x")), depot_image("two", LAYERS("x")), depot_image("lost", LAYERS("x"))};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		depot_tag(cases[i].name, &images[cases[i].image]);
	cr_assert_eq(unlinkat(depot.dir, arena_printf(&depot_arena, "blobs/sha256/%s", digest_hex(&images[2].manifest)), 0), 0);
	EXPECT_OK(store_write_index(&depot, WHY), "write");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *text = index_text(), *at = strstr(text, arena_printf(&depot_arena, "library/%s\"", cases[i].name)), *digest = NULL;

		cr_expect_neq(at == NULL, !cases[i].is_lost, "%s", cases[i].name);
		while (at && (text = strstr(text, "sha256:")) && text < at) /* its own is the last before the name */
			digest = text++;
		cr_expect(!at || (digest && !strncmp(digest, images[cases[i].image].manifest.text, DIGEST_TEXT)), "%s: %.80s", cases[i].name, digest);
	}
}

static struct digest tagged;

static int tag_many(int number)
{
	for (int i = 0; i < 20; i++) {
		struct arena arena = {0};
		struct reference reference;

		if (reference_parse(&arena, arena_printf(&arena, "name%d-%d", number, i), &reference, NULL) < 0 || store_tag(&depot, &reference, &tagged, NULL) < 0)
			return 1;
		if (i % 2 && store_untag(&depot, &reference, NULL) < 0)
			return 1;
		arena_done(&arena);
	}
	return 0;
}

Test(store_refs, the_index_is_right_in_the_end_when_several_write)
{
	struct image image = depot_image("a", LAYERS("one"));
	struct store_ref *refs;
	size_t count;
	pid_t pids[4];

	tagged = image.manifest;
	for (int i = 0; i < 4; i++)
		pids[i] = depot_fork(tag_many, i);
	for (int i = 0; i < 4; i++)
		depot_wait("tagger", pids[i], 0);
	EXPECT_OK(store_refs(&depot, &depot_arena, &refs, &count, WHY), "list");
	cr_expect_eq(count, 40);
	cr_expect_eq(occurrences(index_text(), "\"digest\""), 40);
	for (size_t i = 0; i < count; i++)
		cr_expect_not_null(strstr(index_text(), refs[i].name), "%s", refs[i].name);
	cr_expect_eq(depot_count("tmp"), 0);
}
