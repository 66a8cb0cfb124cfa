#include "image/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_depot.h"
#include "util/fd.h"

TestSuite(store_record, .init = depot_begin, .fini = depot_end, .timeout = 60);

static const char *record_path(const struct digest *manifest)
{
	return arena_printf(&depot_arena, "images/%s", digest_hex(manifest));
}

static ino_t inode(const struct digest *manifest)
{
	struct stat st = {0};

	(void)fstatat(depot.dir, record_path(manifest), &st, 0);
	return st.st_ino;
}

Test(store_record, comes_back_as_it_was)
{
	struct image image = depot_image("a", LAYERS("one", "two")), got;

	EXPECT_OK(store_image(&depot, &depot_arena, &image.manifest, &got, WHY), "image");
	cr_expect(digest_equal(&got.manifest, &image.manifest) && digest_equal(&got.config, &image.config));
	cr_expect(got.layer_count == 2 && digest_equal(&got.layers[1], &image.layers[1]));
	cr_expect(got.blob_count == 2 && digest_equal(&got.blobs[0], &image.blobs[0]));
	cr_expect_str_eq(got.created, image.created);
}

static const struct {
	const char *name, *content; /* NULL: another image's record */
	const char *cause;
	int error;
} bad[] = {
	{"empty, as after a power cut", "", "it is empty", EINVAL},
	{"no record", "hello\n", "it does not begin with 'carrel-image 1'", EINVAL},
	{"another image's", NULL, "it is another image's", EBADMSG},
};

Test(store_record, a_bad_one_is_said_to_be_that)
{
	struct image other = depot_image("other", LAYERS("one"));

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct digest digest = depot_digest(bad[i].name);
		cleanup_free char *text = NULL;
		struct image got;
		struct error err = {0};
		int r;

		cr_assert(fd_slurp_at(depot.dir, record_path(&other.manifest), 10000, &text, NULL) == 0);
		cleanup_close int file = openat(depot.dir, record_path(&digest), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		const char *content = bad[i].content ? bad[i].content : text;
		cr_assert(fd_write_all(file, content, strlen(content)) == 0);
		r = store_image(&depot, &depot_arena, &digest, &got, &err);
		cr_expect_eq(r, -bad[i].error, "%s: %d", bad[i].name, r);
		cr_expect_str_eq(err.cause, bad[i].cause, "%s", bad[i].name);
	}
	struct image *images;
	size_t count;
	EXPECT_OK(store_images(&depot, &depot_arena, &images, &count, WHY), "list");
	cr_expect_eq(count, 1, "the good one alone is listed, not %zu", count);
}

Test(store_record, a_fifo_in_its_place_does_not_hang_us)
{
	struct digest digest = depot_digest("fifo");
	struct image got;
	struct error err = {0};

	cr_assert(mkfifoat(depot.dir, record_path(&digest), 0600) == 0);
	cr_expect_lt(store_image(&depot, &depot_arena, &digest, &got, &err), 0);
}

Test(store_record, stays_the_same_file_while_a_sandbox_holds_it)
{
	struct image image = depot_image("a", LAYERS("one"));
	ino_t before = inode(&image.manifest);
	int held;

	EXPECT_OK(store_put_image(&depot, &image, WHY), "the same again");
	cr_expect_eq(inode(&image.manifest), before);
	EXPECT_OK(store_find(&depot, &depot_arena, image.manifest.text, NULL, &held, WHY), "hold");
	image.workdir = "/elsewhere";
	EXPECT_OK(store_put_image(&depot, &image, WHY), "another, and it is held");
	cr_expect_eq(inode(&image.manifest), before);
	held = fd_close(held);
	EXPECT_OK(store_put_image(&depot, &image, WHY), "another");
	cr_expect_neq(inode(&image.manifest), before);
	cr_expect_eq(depot_count("tmp"), 0);
}
