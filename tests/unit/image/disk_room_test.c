/* Layers and blobs that never end, on filesystems of all sizes. */
#include "image/disk_room.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/store.h"
#include "unit/image/inside.h"
#include "unit/image/tar_corpus.h"
#include "unit/image/unpack_attempt.h"
#include "util/mem.h"

TestSuite(disk_room, .timeout = 60);

#define MB (1ULL << 20)
#define GB (1ULL << 30)
#define DISK(mb, inodes) {.f_frsize = 4096, .f_blocks = 1 << 30, .f_bavail = (mb) * 256ULL, .f_files = 1 << 30, .f_favail = (inodes)}

/* --- what stays free --- */

Test(disk_room, reserve)
{
	static const struct {
		const char *name;
		struct statvfs disk;
		uint64_t bytes, inodes;
	} cases[] = {
		{"large", DISK(100000, 10000000), 256 * MB, 16384},
		{"small", DISK(16, 160), MB, 10},
		{"full", DISK(0, 0), 0, 0},
		{"no count of inodes", {.f_frsize = 4096, .f_blocks = 4096, .f_bavail = 4096}, MB, 0},
		{"no size", {.f_frsize = 4096, .f_files = 1000, .f_favail = 320}, 0, 20},
		{"nothing is known", {.f_frsize = 4096}, 0, 0},
		{"no end", {.f_frsize = 1 << 20, .f_blocks = UINT64_MAX, .f_bavail = UINT64_MAX, .f_files = UINT64_MAX, .f_favail = UINT64_MAX}, 256 * MB, 16384},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct disk_room room = {.fd = -1};

		disk_room_reserve(&room, &cases[i].disk);
		cr_expect_eq(room.bytes_reserve, cases[i].bytes, "%s: %lu bytes", cases[i].name, room.bytes_reserve);
		cr_expect_eq(room.inodes_reserve, cases[i].inodes, "%s: %lu inodes", cases[i].name, room.inodes_reserve);
	}
}

Test(disk_room, judge)
{
	static const struct {
		const char *name;
		struct statvfs begin, now;
		uint64_t bytes, inodes;
		enum disk_room_verdict verdict;
		uint64_t next_bytes, next_inodes; /* until the next look */
	} cases[] = {
		{"20 GB fit onto 21", DISK(21000, 100000), DISK(1000, 90000), MB, 1, DISK_ROOM_ENOUGH, 16 * MB, 256},
		{"just", DISK(160, 1600), DISK(11, 1600), MB, 0, DISK_ROOM_ENOUGH, 0, 187},
		{"a byte too many", DISK(160, 1600), DISK(11, 1600), MB + 1, 0, DISK_ROOM_NO_BYTES, 0, 0},
		{"the last inode", DISK(160, 1600), DISK(160, 101), 0, 1, DISK_ROOM_ENOUGH, 16 * MB, 0},
		{"an inode too many", DISK(160, 1600), DISK(160, 100), 0, 1, DISK_ROOM_NO_INODES, 0, 0},
		{"several layers share it", DISK(160, 1600), DISK(26, 1600), 0, 0, DISK_ROOM_ENOUGH, 2 * MB, 187},
		{"others filled it meanwhile", DISK(160, 1600), DISK(0, 1600), 1, 0, DISK_ROOM_NO_BYTES, 0, 0},
		{"full from the start: its own error comes", DISK(0, 0), DISK(0, 0), GB, 1000, DISK_ROOM_ENOUGH, UINT64_MAX, UINT64_MAX},
		{"inodes are not counted", {.f_frsize = 4096, .f_blocks = 1 << 20, .f_bavail = 40960}, {.f_frsize = 4096, .f_blocks = 1 << 20, .f_bavail = 40960}, 0, GB, DISK_ROOM_ENOUGH, 16 * MB,
		    UINT64_MAX},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct disk_room room = {.fd = -1};

		disk_room_reserve(&room, &cases[i].begin);
		cr_expect_eq(disk_room_judge(&room, &cases[i].now, cases[i].bytes, cases[i].inodes), cases[i].verdict, "%s", cases[i].name);
		cr_expect_eq(room.bytes, cases[i].next_bytes, "%s: %lu bytes", cases[i].name, room.bytes);
		cr_expect_eq(room.inodes, cases[i].next_inodes, "%s: %lu inodes", cases[i].name, room.inodes);
	}
}

/* --- on a disk --- */

#define PUT(...) tar_put(out, &(const struct tar_item){__VA_ARGS__})

/* A file of 1 GB, of which the tar has each byte. */
static void write_large(struct tar_out *out)
{
	static const char zeros[1 << 16];

	PUT(.name = "large", .size = "10000000000");
	for (size_t i = 0; i < GB / sizeof(zeros) && !out->failed; i++)
		tar_raw(out, zeros, sizeof(zeros));
}

static void put_files(struct tar_out *out, size_t count, const char *data)
{
	char name[32];

	for (size_t i = 0; i < count && !out->failed; i++) {
		(void)snprintf(name, sizeof(name), "file%zu", i);
		PUT(.name = name, .data = data);
	}
}

static void write_small(struct tar_out *out)
{
	put_files(out, 100000, "x");
}

static void write_empty(struct tar_out *out)
{
	put_files(out, 100000, "");
}

/* Each name makes a thousand directories that have no entry of their own. */
static void write_deep(struct tar_out *out)
{
	enum { DEPTH = 1000 };
	char name[2 * DEPTH + 3];

	for (char top = 'b'; top <= 'z' && !out->failed; top++) {
		for (size_t i = 0; i < DEPTH; i++)
			memcpy(name + 2 * i, "a/", 2);
		name[0] = top;
		memcpy(name + 2 * DEPTH, "f", 2);
		tar_put_pax(out, (const struct tar_pair[]){{"path", name, 0}, {NULL, NULL, 0}});
		PUT(.name = "f");
	}
}

/* 6 MB of 8. */
static void write_fitting(struct tar_out *out)
{
	static const char zeros[1 << 16];

	put_files(out, 700, "x");
	PUT(.name = "fits", .size = "00014000000");
	for (size_t i = 0; i < 3 * MB / sizeof(zeros); i++)
		tar_raw(out, zeros, sizeof(zeros));
}

static const struct disk_case {
	const char *name, *options;
	void (*write)(struct tar_out *out);
	const char *cause; /* NULL: it fits */
	uint64_t bytes_stay, inodes_stay;
} disks[] = {
	{"it fits", "size=8m,nr_inodes=3000", write_fitting, NULL, 0, 0},
	{"one large file", "size=8m,nr_inodes=100", write_large, "No space left on device: the last 524 kB stay", 500000, 0},
	{"many small files", "size=8m,nr_inodes=0", write_small, "No space left on device: the last 524 kB stay", 500000, 0},
	{"many directories that nobody names", "size=0,nr_inodes=1600", write_deep, "No space left on device: the last 99 inodes stay", 0, 99},
	{"many empty files", "size=0,nr_inodes=1600", write_empty, "No space left on device: the last 99 inodes stay", 0, 99},
};

static void try_disk(const struct disk_case *disk, struct buf *complaints)
{
	const struct tar_case tar = {.name = disk->name, .write = disk->write};
	struct statvfs left;
	struct attempt one;

	attempt(&one, &tar, &(const struct unpack_spec){.owner = LAYER_SINGLE});
	if (statvfs(".", &left) < 0 || left.f_bavail * left.f_frsize < disk->bytes_stay || left.f_favail < disk->inodes_stay)
		buf_printf(complaints, "%s: %lu bytes and %lu inodes are left\n", disk->name, left.f_bavail * left.f_frsize, left.f_favail);
	if (one.err.code != (disk->cause ? ENOSPC : 0) || (disk->cause && !strstr(one.err.cause, disk->cause)))
		buf_printf(complaints, "%s: %d, %s: %s\n", disk->name, one.err.code, one.err.what, one.err.cause);
	attempt_done(&one, complaints, disk->name);
}

static bool make_disk(const char *options)
{
	return mkdir("disk", 0755) == 0 && unshare(CLONE_NEWNS) == 0 && mount("none", "disk", "tmpfs", 0, options) == 0 && chdir("disk") == 0;
}

static bool remove_disk(void)
{
	return chdir("..") == 0 && umount2("disk", MNT_DETACH) == 0 && rmdir("disk") == 0;
}

static void try_disks(const void *context, struct buf *complaints)
{
	(void)context;
	for (size_t i = 0; i < ARRAY_SIZE(disks); i++) {
		if (!make_disk(disks[i].options)) {
			buf_printf(complaints, "%s: cannot make a disk: %s\n", disks[i].name, strerror(errno));
			return;
		}
		try_disk(&disks[i], complaints);
		if (!remove_disk())
			buf_printf(complaints, "%s: cannot remove the disk: %s\n", disks[i].name, strerror(errno));
	}
}

Test(disk_room, on_a_disk)
{
	inside_test(false, try_disks, NULL);
}

/* A registry's stream of which nothing gets as far as the layer, as skippable frames. */
static void try_blob(const void *context, struct buf *complaints)
{
	static const char zeros[1 << 16];
	cleanup_free char *place = NULL;
	struct store_blob blob = {.fd = -1};
	struct statvfs left = {.f_bavail = 0};
	struct error err = {0};
	struct store store;
	int r = make_disk("size=8m,mode=700") ? 0 : -errno;

	(void)context;
	place = get_current_dir_name();
	if (r == 0)
		r = store_create(place, &store, &err);
	if (r == 0)
		r = store_blob_begin(&store, &blob, &err);
	for (size_t i = 0; r == 0 && i < GB / sizeof(zeros); i++)
		r = store_blob_add(&blob, zeros, sizeof(zeros), &err);
	if (statvfs(".", &left) < 0 || left.f_bavail * left.f_frsize < 500000)
		buf_printf(complaints, "%lu bytes are left\n", left.f_bavail * left.f_frsize);
	if (r != -ENOSPC || !strstr(err.cause, "No space left on device: the last 5") || !strstr(err.cause, " kB stay free for others"))
		buf_printf(complaints, "%d, %s: %s\n", r, err.what, err.cause);
	store_blob_abandon(&blob);
	store_close(&store);
	if (!remove_disk())
		buf_printf(complaints, "cannot remove the disk: %s\n", strerror(errno));
}

Test(disk_room, a_blob)
{
	inside_test(false, try_blob, NULL);
}
