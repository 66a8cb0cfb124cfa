#include "image/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "store_depot.h"
#include "util/fd.h"

TestSuite(store_find, .init = depot_begin, .fini = depot_end, .timeout = 60);

static struct image a, b, c;

/* Records whose ids begin as we want them. */
static struct image put(const char *manifest, const char *config)
{
	struct image image = {0};

	(void)snprintf(image.manifest.text, sizeof(image.manifest.text), "sha256:%s%0*d", manifest, (int)(64 - strlen(manifest)), 0);
	(void)snprintf(image.config.text, sizeof(image.config.text), "sha256:%s%0*d", config, (int)(64 - strlen(config)), 0);
	EXPECT_OK(store_put_image(&depot, &image, WHY), manifest);
	return image;
}

static void prepare(void)
{
	depot_begin();
	a = put("aaaa1", "1234a");
	b = put("aaaa2", "1234b");
	c = put("cccc1", "1234b"); /* the same image, packed in another way */
	depot_tag("debian:12", &a);
	depot_tag("example.org/x@sha256:00000000000000000000000000000000000000000000000000000000000000dd", &b);
	depot_tag("beef", &c);
}

TestSuite(store_find_words, .init = prepare, .fini = depot_end, .timeout = 60);

static const struct {
	const char *name, *word;
	const struct image *image; /* NULL: an error */
	int error;
	const char *cause;
} words[] = {
	{"a tag", "debian:12", &a, 0, NULL},
	{"in full", "docker.io/library/debian:12", &a, 0, NULL},
	{"another tag", "debian:13", NULL, ENOENT, "it is not in the store"},
	{"a manifest's digits", "aaaa1", &a, 0, NULL},
	{"a manifest's digest", "sha256:aaaa200000000000000000000000000000000000000000000000000000000000", &b, 0, NULL},
	{"a manifest's digits in full", "aaaa200000000000000000000000000000000000000000000000000000000000", &b, 0, NULL},
	{"a configuration's digits", "1234a", &a, 0, NULL},
	{"with sha256:", "sha256:1234a", &a, 0, NULL},
	{"two manifests of one configuration", "1234b", &b, 0, NULL},
	{"several images", "1234", NULL, ENOTUNIQ, "the ids of several images begin with it"},
	{"several manifests", "aaaa", NULL, ENOTUNIQ, "the ids of several images begin with it"},
	{"too few digits", "123", NULL, ENOENT, "it is not in the store"},
	{"digits of nothing", "ffff", NULL, ENOENT, "it is not in the store"},
	{"a name that could be digits", "beef", &c, 0, NULL},
	{"a digest that was pulled", "example.org/x@sha256:00000000000000000000000000000000000000000000000000000000000000dd", &b, 0, NULL},
	{"a tag with it", "example.org/x:t@sha256:00000000000000000000000000000000000000000000000000000000000000dd", &b, 0, NULL},
	{"another repository's digest", "example.org/y@sha256:00000000000000000000000000000000000000000000000000000000000000dd", NULL, ENOENT, "it is not in the store"},
	{"the digest that a tag leads to", "debian@sha256:aaaa100000000000000000000000000000000000000000000000000000000000", &a, 0, NULL},
	{"in a repository without it", "beef@sha256:aaaa100000000000000000000000000000000000000000000000000000000000", NULL, ENOENT, "it is not in the store"},
	{"no reference", "Debian", NULL, EINVAL, ""},
	{"a path", "../refs/x", NULL, EINVAL, ""},
};

Test(store_find_words, mean_what_they_mean)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		struct error err = {0};
		struct image got = {0};
		int r = store_find(&depot, &depot_arena, words[i].word, &got, NULL, &err);

		cr_expect_eq(r, -words[i].error, "%s: %d %s", words[i].name, r, err.cause);
		if (words[i].image)
			cr_expect(digest_equal(&got.manifest, &words[i].image->manifest), "%s: %s", words[i].name, got.manifest.text);
		else
			cr_expect(strstr(err.cause, words[i].cause), "%s: %s", words[i].name, err.cause);
	}
}

Test(store_find, where_there_is_no_store)
{
	const struct store none = {.dir = -1};
	struct error err = {0};
	struct image got;

	cr_expect_eq(store_find(&none, &depot_arena, "debian", &got, NULL, &err), -ENOENT);
	cr_expect_str_eq(err.cause, "there is no store yet");
	cr_expect_eq(store_find(&none, &depot_arena, "abcd", &got, NULL, &err), -ENOENT);
}

Test(store_find, a_reference_to_what_a_power_cut_took)
{
	struct image image = depot_image("a", LAYERS("one")), got;
	struct error err = {0};

	depot_tag("debian:12", &image);
	cr_assert(unlinkat(depot.dir, arena_printf(&depot_arena, "images/%s", digest_hex(&image.manifest)), 0) == 0);
	cr_expect_eq(store_find(&depot, &depot_arena, "debian:12", &got, NULL, &err), -EBADMSG);
	cr_expect_str_eq(err.cause, "its record is missing");
	cr_expect_str_eq(err.hint, "carrel pull debian:12");
}

Test(store_find, the_record_is_held)
{
	struct image image = depot_image("a", LAYERS("one"));
	const char *path = arena_printf(&depot_arena, "images/%s", digest_hex(&image.manifest));
	cleanup_close int other = openat(depot.dir, path, O_RDWR | O_CLOEXEC);
	int held, again;

	depot_tag("debian:12", &image);
	EXPECT_OK(store_find(&depot, &depot_arena, "debian:12", NULL, &held, WHY), "hold");
	EXPECT_OK(store_find(&depot, &depot_arena, "debian:12", NULL, &again, WHY), "another holds it too");
	cr_expect(flock(other, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK);
	held = fd_close(held);
	again = fd_close(again);
	cr_expect(flock(other, LOCK_EX | LOCK_NB) == 0);
}
