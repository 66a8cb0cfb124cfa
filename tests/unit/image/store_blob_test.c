#include "image/store.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_depot.h"
#include "util/fd.h"

TestSuite(store_blob, .init = depot_begin, .fini = depot_end, .timeout = 60);

#define ABC "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

Test(store_blob, is_written_and_read)
{
	cleanup_free char *text = NULL;
	struct digest digest;
	size_t size;

	EXPECT_OK(store_put_blob(&depot, "abc", 3, &digest, WHY), "put");
	cr_expect_str_eq(digest.text, ABC);
	EXPECT_OK(store_read_blob(&depot, &digest, 3, &text, &size, WHY), "read");
	cr_expect(size == 3 && !strcmp(text, "abc"));
	cr_expect_eq(depot_count("tmp"), 0);
}

static const struct {
	const char *name, *text, *expected;
	uint64_t size;
	int error;
	const char *cause;
} commits[] = {
	{"nothing expected", "abc", NULL, UINT64_MAX, 0, NULL},
	{"all as expected", "abc", ABC, 3, 0, NULL},
	{"no digest is set", "abc", "", 3, 0, NULL},
	{"shorter", "abc", ABC, 4, EBADMSG, "it has 3 bytes, and 4 were announced"},
	{"longer", "abc", ABC, 2, EBADMSG, "it has 3 bytes, and 2 were announced"},
	{"another", "abd", ABC, 3, EBADMSG, "its digest is sha256:a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9"},
	{"empty", "", NULL, 0, 0, NULL},
};

Test(store_blob, a_commit_checks_size_and_digest)
{
	for (size_t i = 0; i < ARRAY_SIZE(commits); i++) {
		struct store_blob blob;
		struct digest expected, got = {0};
		struct error err = {0};

		EXPECT_OK(store_blob_begin(&depot, &blob, WHY), commits[i].name);
		EXPECT_OK(store_blob_add(&blob, commits[i].text, strlen(commits[i].text), WHY), commits[i].name);
		(void)strcpy(expected.text, commits[i].expected ? commits[i].expected : "");
		int r = store_blob_commit(&blob, commits[i].expected ? &expected : NULL, commits[i].size, &got, &err);
		cr_expect_eq(r, -commits[i].error, "%s: %d", commits[i].name, r);
		if (r < 0)
			cr_expect_str_eq(err.cause, commits[i].cause, "%s", commits[i].name);
		else
			cr_expect(depot_has("blobs/sha256/%s", digest_hex(&got)), "%s", commits[i].name);
		store_blob_abandon(&blob);
		cr_expect_eq(depot_count("tmp"), 0, "%s", commits[i].name);
	}
	cr_expect_eq(depot_count("blobs/sha256"), 2);
}

static const struct {
	const char *name, *content; /* NULL: as it should be */
	uint64_t size;
	int result;
	bool is_kept;
} opens[] = {
	{"good", NULL, 3, 0, true},
	{"good, whatever size", NULL, UINT64_MAX, 0, true},
	{"good, and the size is a lie", NULL, 5, -EBADMSG, true},
	{"empty after a power cut", "", 3, -ENOENT, false},
	{"empty, whatever size", "", UINT64_MAX, -ENOENT, false},
	{"cut off", "ab", 3, -ENOENT, false},
	{"cut off, and the size is a lie", "ab", 5, -ENOENT, false},
};

Test(store_blob, a_bad_one_is_as_good_as_none)
{
	for (size_t i = 0; i < ARRAY_SIZE(opens); i++) {
		struct digest digest;
		struct stat st;

		EXPECT_OK(store_put_blob(&depot, "abc", 3, &digest, WHY), opens[i].name);
		if (opens[i].content) {
			cleanup_close int file = openat(depot.dir, arena_printf(&depot_arena, "blobs/sha256/%s", digest_hex(&digest)), O_WRONLY | O_TRUNC | O_CLOEXEC);
			cr_assert(fd_write_all(file, opens[i].content, strlen(opens[i].content)) == 0);
		}
		cleanup_close int fd = store_open_blob(&depot, &digest, opens[i].size);
		cr_expect(opens[i].result ? fd == opens[i].result : fd >= 0, "%s: %d", opens[i].name, fd);
		cr_expect(fd < 0 || (fstat(fd, &st) == 0 && st.st_size == 3), "%s", opens[i].name);
		cr_expect_eq(depot_has("blobs/sha256/%s", digest_hex(&digest)), opens[i].is_kept, "%s", opens[i].name);
	}
}

Test(store_blob, what_was_read_was_verified)
{
	struct digest digest;
	struct error err = {0};
	char *text = NULL;
	size_t size;
	int r;

	EXPECT_OK(store_put_blob(&depot, "abc", 3, &digest, WHY), "put");
	cr_expect_eq(store_read_blob(&depot, &digest, 2, &text, &size, &err), -EFBIG);
	cr_expect_str_eq(err.cause, "it has more than 2 bytes");
	cleanup_close int file = openat(depot.dir, arena_printf(&depot_arena, "blobs/sha256/%s", digest_hex(&digest)), O_WRONLY | O_CLOEXEC);
	cr_assert(fd_write_all(file, "xyz", 3) == 0);
	r = store_read_blob(&depot, &digest, 100, &text, &size, &err);
	cr_expect(r == -ENOENT && strstr(err.cause, "damaged"), "%d %s", r, err.cause);
	r = store_read_blob(&depot, &digest, 100, &text, &size, &err);
	cr_expect(r == -ENOENT && strstr(err.cause, "is not in the store"), "%d %s", r, err.cause);
	cr_expect_null(text);
}

Test(store_blob, a_fifo_in_its_place_does_not_hang_us)
{
	struct digest digest = depot_digest("fifo");
	int r;

	cr_assert(mkfifoat(depot.dir, arena_printf(&depot_arena, "blobs/sha256/%s", digest_hex(&digest)), 0600) == 0);
	r = store_open_blob(&depot, &digest, UINT64_MAX);
	cr_expect_eq(r, -EINVAL, "%d", r);
}

static int write_same(int number)
{
	struct digest digest;

	(void)number;
	for (int i = 0; i < 50; i++)
		if (store_put_blob(&depot, "the same", 8, &digest, NULL) < 0 || store_open_blob(&depot, &digest, 8) < 0)
			return 1;
	return 0;
}

Test(store_blob, several_write_the_same)
{
	struct digest digest = depot_digest("the same");
	pid_t pids[4];

	for (int i = 0; i < 4; i++)
		pids[i] = depot_fork(write_same, i);
	for (int i = 0; i < 4; i++)
		depot_wait("writer", pids[i], 0);
	cr_expect(depot_has("blobs/sha256/%s", digest_hex(&digest)));
	cr_expect_eq(depot_count("tmp"), 0);
}

static int write_for_ever(int number)
{
	static char chunk[4096];

	for (;;) {
		struct store_blob blob;

		if (store_blob_begin(&depot, &blob, NULL) < 0)
			return 1;
		for (int i = 0; i < 20; i++) {
			memset(chunk, number + i, sizeof(chunk));
			if (store_blob_add(&blob, chunk, sizeof(chunk), NULL) < 0)
				return 1;
		}
		if (store_blob_commit(&blob, NULL, UINT64_MAX, NULL, NULL) < 0)
			return 1;
		store_blob_abandon(&blob);
	}
}

Test(store_blob, a_killed_writer_leaves_nothing_for_long)
{
	struct store_usage freed;

	for (int i = 0; i < 20; i++) {
		pid_t pid = depot_fork(write_for_ever, i);

		(void)usleep((useconds_t)(1000 + i * 373));
		cr_assert(kill(pid, SIGKILL) == 0);
		depot_wait("killed", pid, 128 + SIGKILL);
	}
	EXPECT_OK(store_prune(&depot, NULL, false, &freed, WHY), "prune");
	cr_expect_eq(depot_count("tmp"), 0);
	cr_expect_eq(depot_count("trash"), 0);
	cr_expect_eq(depot_count("blobs/sha256"), 0);
	cr_expect(freed.blob_count > 0 && freed.blobs > 0);
}
