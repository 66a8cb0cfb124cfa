#include "image/sqfs.h"

#include <criterion/criterion.h>
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/fd.h"

Test(sqfs, words_that_mean_a_file)
{
	static const struct {
		const char *word;
		bool is_path;
	} cases[] = {
		{"./env", true}, {"../env.img", true}, {"/srv/env", true}, {"env.sqfs", true}, {"dir/env.sqsh", true}, {"env.squashfs", true}, {"debian", false}, {"library/debian", false},
		{"debian:12", false}, {".sqfs", false}, {"env.sqfs:1", false}, {"", false}, {"host.example/sqfs", false}, {".hidden", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(sqfs_is_path(cases[i].word), cases[i].is_path, "'%s'", cases[i].word);
}

enum { USED = 5000, PADDED = 8192 };

/* A file with a superblock and nothing else that counts. */
static int make_file(void)
{
	int fd = memfd_create("sqfs", MFD_CLOEXEC);
	unsigned char block[96] = {0};
	const struct {
		size_t at;
		uint32_t value;
	} fields[] = {{0, 0x73717368}, {4, 17}, {8, 1234}, {12, 131072}, {20, 17u << 16 | 6}, {28, 4}, {40, USED}, {64, 200}, {72, 300}};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		uint32_t value = htole32(fields[i].value);
		memcpy(block + fields[i].at, &value, sizeof(value));
	}
	cr_assert(fd >= 0 && ftruncate(fd, PADDED) == 0);
	cr_assert_eq(pwrite(fd, block, sizeof(block), 0), (ssize_t)sizeof(block));
	return fd;
}

static void put_end(int fd, const struct image *image)
{
	cleanup_buf struct buf end = {0};

	sqfs_format_end(image, PADDED, USED, &end);
	cr_assert_eq(pwrite(fd, end.text, end.size, PADDED), (ssize_t)end.size);
}

Test(sqfs, comes_back)
{
	const char *words[] = {"sh", "-c", "echo"}, *many[2000];
	struct image image = {.command = {.items = words, .count = 3}, .workdir = "/work", .platform = {.os = "linux", .architecture = "amd64"}};
	struct arena arena = {0};
	struct error err = {0};

	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = arena_printf(&arena, "key%zu=a value that makes the record longer than what is read at once", i);
	for (int round = 0; round < 2; round++) {
		cleanup_close int fd = make_file();
		struct sqfs sqfs;

		image.labels = (struct image_texts){.items = many, .count = round ? ARRAY_SIZE(many) : 0};
		put_end(fd, &image);
		cr_assert_eq(sqfs_read(fd, "file", &arena, &sqfs, &err), 0, "%s: %s", err.what, err.cause);
		cr_expect(sqfs.has_record && sqfs.bytes_used == USED);
		cr_expect_str_eq(sqfs.identity, "sqfs:1234-5000-17");
		cr_expect_eq(sqfs.image.command.count, 3);
		cr_expect_str_eq(sqfs.image.workdir, "/work");
		cr_expect_eq(sqfs.image.labels.count, image.labels.count);
	}
	arena_done(&arena);
}

Test(sqfs, of_somebody_else)
{
	struct arena arena = {0};
	struct error err = {0};
	struct sqfs sqfs;
	cleanup_close int fd = make_file();

	cr_assert_eq(sqfs_read(fd, "file", &arena, &sqfs, &err), 0, "%s: %s", err.what, err.cause);
	cr_expect(!sqfs.has_record && sqfs.image.command.count == 0);
	cr_expect_str_eq(sqfs.image.platform.os, "linux");
	/* Not padded, as some tools leave it. */
	cr_assert_eq(ftruncate(fd, USED), 0);
	cr_expect_eq(sqfs_read(fd, "file", &arena, &sqfs, &err), 0);
	arena_done(&arena);
}

Test(sqfs, lies)
{
	static const struct {
		const char *name;
		long at; /* from the end of the file where negative */
		const char *bytes;
		size_t size;
		int r;
		const char *cause;
	} cases[] = {
		{"magic", 0, "x", 1, -EINVAL, "no squashfs"}, {"version", 28, "\3", 1, -EINVAL, "other than 4.0"}, {"minor version", 30, "\1", 1, -EINVAL, "other than 4.0"},
		{"block size", 12, "\1", 1, -EBADMSG, "no sense"}, {"block log", 22, "\37", 1, -EBADMSG, "no sense"}, {"inode table", 66, "\1", 1, -EBADMSG, "no sense"}, {"directory table", 79, "\377", 1, -EBADMSG, "no sense"},
		{"bytes used", 47, "\1", 1, -EBADMSG, "cut short"}, {"bytes used by little", 40, "\0\0\1", 3, -EBADMSG, "cut short"}, {"no bytes used", 40, "\0\0", 2, -EBADMSG, "no sense"},
		{"trailer's version", -24, "\2", 1, -EBADMSG, "another kind"}, {"no record", -20, "\0\0\0\0", 4, -EBADMSG, "does not fit"}, {"huge record", -20, "\377\377\377\377", 4, -EBADMSG, "does not fit"},
		{"record in the squashfs", -16, "\1\0", 2, -EBADMSG, "does not fit"}, {"record behind the end", -9, "\377", 1, -EBADMSG, "does not fit"}, {"made for another", -8, "\1", 1, -EBADMSG, "does not fit"},
		{"record", -36, "evil", 4, -EINVAL, ""}, {"NUL in the record", -40, "\0", 1, -EINVAL, ""},
		{"no trailer's magic", -32, "x", 1, 0, ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct image image = {.workdir = "/work"};
		struct arena arena = {0};
		struct error err = {0};
		struct sqfs sqfs;
		cleanup_close int fd = make_file();

		put_end(fd, &image);
		off_t at = cases[i].at < 0 ? lseek(fd, 0, SEEK_END) + cases[i].at : cases[i].at;
		cr_assert_eq(pwrite(fd, cases[i].bytes, cases[i].size, at), (ssize_t)cases[i].size);
		cr_expect_eq(sqfs_read(fd, "file", &arena, &sqfs, &err), cases[i].r, "%s: %s: %s", cases[i].name, err.what, err.cause);
		cr_expect(strstr(err.cause, cases[i].cause), "%s: %s", cases[i].name, err.cause);
		arena_done(&arena);
	}
}

Test(sqfs, cut_anywhere)
{
	struct image image = {.workdir = "/work"};
	struct arena arena = {0};
	cleanup_close int fd = make_file();
	struct error err = {0};
	struct sqfs sqfs;

	put_end(fd, &image);
	off_t size = lseek(fd, 0, SEEK_END);
	for (off_t cut = size - 1; cut >= 0; cut -= cut > PADDED || cut < 200 ? 1 : 97) {
		cr_assert_eq(ftruncate(fd, cut), 0);
		int r = sqfs_read(fd, "file", &arena, &sqfs, &err);
		/* Without its end it is as a foreign one; without a part of the squashfs it is nothing. */
		cr_expect_eq(r, cut >= USED ? 0 : cut < 96 ? -EINVAL : -EBADMSG, "%ld bytes", (long)cut);
		cr_expect(cut < USED || !sqfs.has_record, "%ld bytes", (long)cut);
	}
	arena_done(&arena);
}
