/* Layers made by hand and by chance, as root of a user namespace; what the merge makes of them is compared with a table and with the kernel's own overlayfs. */
#include "image/merge_parts.h"

#include <archive.h>
#include <archive_entry.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "isolate/overlay.h"
#include "unit/image/merge_world.h"
#include "unit/ordinary.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/path.h"

enum { LAYERS = 4 };

static int merge(const struct merge_layer *layers, size_t count, struct error *err)
{
	int fd = memfd_create("tar", MFD_CLOEXEC);
	int r = merge_write_tar(&(const struct merge_spec){.layers = layers, .count = count}, fd, err);

	return r < 0 ? r : fd;
}

/* --- by hand ----------------------------------------------------------------------------------------------------------------------------------- */

struct row {
	const char *name;
	const char *layers[LAYERS][12]; /* topmost first */
	const char *expected;
	enum layer_owner owner;
};

static const struct row rows[] = {
	{"one", {{"d:a", "f:a/f", "l:s", "p:p", "s:sock"}}, ". d 755\na d 755\na/f F0\np p 600\ns l -> tar/get\n", LAYER_RANGE},
	{"whiteout", {{"w:f"}, {"f:f", "f:g"}}, ". d 755\ng F1\n", LAYER_RANGE},
	{"whiteout of nothing", {{"w:f"}, {"f:g"}}, ". d 755\ng F1\n", LAYER_RANGE},
	{"whiteout of a folder", {{"w:d"}, {"d:d", "f:d/f"}}, ". d 755\n", LAYER_RANGE},
	{"whiteout between", {{"d:d"}, {"w:d"}, {"d:d", "f:d/f"}}, ". d 755\nd d 755\n", LAYER_RANGE},
	{"whiteout file", {{"W:.wh.f", "W:.wh..wh.plnk"}, {"f:f", "f:g"}}, ". d 755\ng F1\n", LAYER_RANGE},
	{"whiteout file beside its name", {{"d:d", "W:.wh.d", "f:d/n"}, {"d:d", "f:d/f"}}, ". d 755\nd d 755\nd/n F0\n", LAYER_RANGE},
	{"opaque", {{"d:d", "o:d", "f:d/n"}, {"d:d", "f:d/f"}}, ". d 755\nd d 755\nd/n F0\n", LAYER_RANGE},
	{"opaque in the middle", {{"d:d"}, {"d:d", "o:d", "f:d/n"}, {"d:d", "f:d/f"}}, ". d 755\nd d 755\nd/n F1\n", LAYER_RANGE},
	{"opaque file", {{"d:d", "W:d/.wh..wh..opq", "f:d/n"}, {"d:d", "f:d/f"}}, ". d 755\nd d 755\nd/n F0\n", LAYER_RANGE},
	{"opaque root", {{"f:n", "o:."}, {"f:f"}}, ". d 755\nn F0\n", LAYER_RANGE},
	{"folder to file", {{"f:d"}, {"d:d", "f:d/f"}}, ". d 755\nd F0\n", LAYER_RANGE},
	{"file to folder", {{"d:d", "f:d/n"}, {"f:d"}, {"d:d", "f:d/f"}}, ". d 755\nd d 755\nd/n F0\n", LAYER_RANGE},
	{"topmost decides", {{"d:d", "m:700 d"}, {"d:d", "m:1777 d", "f:d/f"}}, ". d 755\nd d 700\nd/f F1\n", LAYER_RANGE},
	{"hard links", {{"f:b", "h:a=b"}, {"f:c", "h:d=c", "w:e"}, {"f:e"}}, ". d 755\na F0\nb F0\nc F1\nd F1\n", LAYER_RANGE},
	{"hard link whose first name is hidden", {{"w:a"}, {"f:a", "h:b=a", "h:c=a"}}, ". d 755\nb F1\nc F1\n", LAYER_RANGE},
	{"attributes", {{"f:f", "x:f", "X:f", "d:d", "x:d"}}, ". d 755\nd d 755\nd x user.note=some\nf F0\nf x user.note=some\n", LAYER_RANGE},
	{"recorded owners", {{"f:f", "r:7:8:4755 f", "d:d", "r:1:2:1777 d"}}, ". d 755\nd d 1777\nf f 4755 8 HASH0\n", LAYER_SINGLE},
	{"recorded owners of others", {{"f:f", "r:7:8:4755 f"}}, ". d 755\nf F0\n", LAYER_RANGE},
};

/* "F0" stands for a file of layer 0, "HASH0" for its hash. */
static char *expand(const char *expected)
{
	struct buf out = {0};

	for (const char *at = expected; *at; at++) {
		char content[16];
		bool whole = at[0] == ' ' && at[1] == 'F' && at[2] >= '0' && at[2] <= '9' && at[3] == '\n', hash = !strncmp(at, " HASH", 5);
		int digit = whole ? at[2] : hash ? at[5] : 0;

		if (!digit) {
			buf_add(&out, at, 1);
			continue;
		}
		int size = snprintf(content, sizeof(content), "layer %c\n", digit);
		buf_printf(&out, whole ? " f 644 8 %08x" : " %08x", world_hash(2166136261u, content, (size_t)size));
		at += whole ? 2 : 5;
	}
	return out.text;
}

static int by_hand(const void *context)
{
	const struct row *row = context;
	struct merge_layer layers[LAYERS];
	struct error err = {0};
	size_t count = 0;

	(void)umask(022);
	if (!ordinary_be_root_inside(CLONE_NEWNS)) {
		(void)world_complain("no user namespaces here");
		return WORLD_SKIPPED;
	}
	for (; count < LAYERS && row->layers[count][0]; count++) {
		layers[count] = (struct merge_layer){.dir = world_layer(count), .owner = row->owner};
		for (const char *const *what = row->layers[count]; *what; what++) {
			if (layers[count].dir < 0 || world_make(layers[count].dir, *what, count) < 0)
				return world_complain("cannot make '%s' of layer %zu: %s", *what, count, strerror(errno));
		}
	}
	int fd = merge(layers, count, &err);
	if (fd < 0)
		return world_complain("%s: %s", err.what, err.cause);
	const char *got = world_read_tar(fd), *expected = expand(row->expected);
	return strcmp(got, expected) ? world_complain("got:\n%sexpected:\n%s", got, expected) : 0;
}

Test(merge, layers_by_hand)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		world_expect_fine(rows[i].name, by_hand, &rows[i]);
}

/* --- by chance, against the kernel --------------------------------------------------------------------------------------------------------------- */

static const char *any_path(unsigned *seed)
{
	static char path[4][32];
	static unsigned next;
	char *text = path[next++ % 4];
	size_t size = 0;

	for (int depth = 1 + rand_r(seed) % 3; depth > 0; depth--)
		size += (size_t)snprintf(text + size, sizeof(path[0]) - size, "%s%c", size ? "/" : "", "abcd"[rand_r(seed) % 4]);
	return text;
}

/* What does not fit (a file where a folder is wanted) is left undone. */
static void make_anything(int root, unsigned *seed, size_t layer)
{
	static const char kinds[] = "dddddffffwwwolhhpxXm";
	char what[96];

	for (int i = 0; i < 40; i++) {
		char kind = kinds[(size_t)rand_r(seed) % (sizeof(kinds) - 1)];
		const char *path = any_path(seed);

		if (kind == 'h')
			(void)snprintf(what, sizeof(what), "h:%s=%s", path, any_path(seed));
		else if (kind == 'm')
			(void)snprintf(what, sizeof(what), "m:%o %s", 0400u | (unsigned)rand_r(seed) % 07777u, path);
		else
			(void)snprintf(what, sizeof(what), "%c:%s", kind, path);
		(void)!world_make(root, what, layer);
	}
}

static int by_chance(const void *context)
{
	unsigned seed = *(const unsigned *)context;
	struct merge_layer layers[LAYERS];
	int lower[LAYERS];
	struct error err = {0};

	(void)umask(022);
	if (!ordinary_be_root_inside(CLONE_NEWNS)) {
		(void)world_complain("no user namespaces here");
		return WORLD_SKIPPED;
	}
	for (size_t i = 0; i < LAYERS; i++) {
		lower[i] = world_layer(i);
		layers[i] = (struct merge_layer){.dir = lower[i]};
		make_anything(lower[i], &seed, i);
	}
	cleanup_close int mount_fd = overlay_kernel.mount(&(const struct overlay_layers){.lower = lower, .lower_count = LAYERS, .upper = -1, .work = -1, .area = -1}, NULL, &err);
	if (mount_fd < 0) {
		(void)world_complain("no overlayfs of the kernel's here: %s", err.cause);
		return WORLD_SKIPPED;
	}
	int fd = merge(layers, LAYERS, &err);
	if (fd < 0)
		return world_complain("%s: %s", err.what, err.cause);
	const char *got = world_read_tar(fd), *expected = world_read_tree(mount_fd);
	return strcmp(got, expected) ? world_complain("got:\n%sthe kernel shows:\n%s", got, expected) : 0;
}

Test(merge, as_the_kernel_shows_it)
{
	for (unsigned seed = 1; seed <= 40; seed++)
		world_expect_fine("a seed", by_chance, &seed);
}

/* --- bytes, holes, descriptors --------------------------------------------------------------------------------------------------------------------- */

static int equal_bytes(const void *context)
{
	struct error err = {0};
	cleanup_free char *texts[2] = {NULL, NULL};
	size_t sizes[2];

	(void)context;
	for (unsigned i = 0; i < 2; i++) { /* the same names, made in another order */
		struct merge_layer layer = {.dir = world_layer(i)};
		char name[32];

		for (unsigned k = 0; k < 200; k++) {
			const struct timespec times[2] = {{.tv_sec = 5}, {.tv_sec = 7, .tv_nsec = 5 + i}};
			(void)snprintf(name, sizeof(name), "f:%u", i ? k : 199 - k);
			if (world_make(layer.dir, name, 0) < 0 || utimensat(layer.dir, name + 2, times, 0) < 0)
				continue;
		}
		const struct timespec times[2] = {{.tv_sec = 5}, {.tv_sec = 9}};
		char path[80];
		(void)snprintf(path, sizeof(path), "%s/%u", world_place, i);
		(void)utimensat(AT_FDCWD, path, times, 0);
		int fd = merge(&layer, 1, &err);
		if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0 || fd_slurp(fd, 1 << 24, &texts[i], &sizes[i]) < 0)
			return world_complain("%s: %s", err.what, err.cause);
	}
	int r = sizes[0] != sizes[1] || memcmp(texts[0], texts[1], sizes[0]) ? world_complain("%zu and %zu bytes, not the same", sizes[0], sizes[1]) : 0;
	free(texts[1]);
	return r;
}

Test(merge, equal_trees_give_equal_bytes)
{
	world_expect_fine("two orders", equal_bytes, NULL);
}

/* 8 GB of nothing with some bytes in it: the archive holds the bytes. */
static int holes(const void *context)
{
	struct merge_layer layer = {.dir = world_layer(0)};
	cleanup_close int file = openat(layer.dir, "sparse", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	cleanup_close int empty = openat(layer.dir, "hole", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	struct error err = {0};

	(void)context;
	if (pwrite(file, "first", 5, 0) != 5 || pwrite(file, "middle", 6, 4l << 30) != 6 || ftruncate(file, 8l << 30) < 0 || ftruncate(empty, 1l << 32) < 0)
		return world_complain("cannot make a sparse file: %s", strerror(errno));
	int fd = merge(&layer, 1, &err);
	off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	if (fd < 0 || size > 1 << 20)
		return world_complain("%ld bytes; %s: %s", (long)size, err.what, err.cause);
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;
	const void *data;
	size_t length;
	off_t at;
	unsigned found = 0;

	(void)archive_read_support_format_tar(archive);
	(void)lseek(fd, 0, SEEK_SET);
	(void)archive_read_open_fd(archive, fd, 65536);
	while (archive_read_next_header(archive, &entry) == ARCHIVE_OK) {
		if (!strcmp(archive_entry_pathname(entry), "hole"))
			found |= archive_entry_size(entry) == 1l << 32 ? 1 : 0;
		if (!strcmp(archive_entry_pathname(entry), "sparse"))
			found |= archive_entry_size(entry) == 8l << 30 ? 2 : 0;
		while (archive_read_data_block(archive, &data, &length, &at) == ARCHIVE_OK) {
			found |= length >= 5 && at == 0 && !memcmp(data, "first", 5) ? 4 : 0;
			found |= length >= 6 && at == 4l << 30 && !memcmp(data, "middle", 6) ? 8 : 0;
		}
	}
	(void)archive_read_free(archive);
	return found == 15 ? 0 : world_complain("found %u of 15", found);
}

Test(merge, sparse_files_stay_sparse)
{
	world_expect_fine("8 GB", holes, NULL);
}

/* 500 layers that all have one folder with a file each, and 110 descriptors beside the layers' own. */
static int many(const void *context)
{
	enum { MANY = 500 };
	static struct merge_layer layers[MANY];
	struct rlimit limit = {.rlim_cur = MANY + 110, .rlim_max = MANY + 110};
	struct error err = {0};
	char name[64];

	(void)context;
	for (size_t i = 0; i < MANY; i++) {
		layers[i].dir = world_layer(i);
		(void)snprintf(name, sizeof(name), "f:d/e/%03zu", (i * 7) % MANY);
		if (world_make(layers[i].dir, "d:d", i) < 0 || world_make(layers[i].dir, "d:d/e", i) < 0 || world_make(layers[i].dir, name, i) < 0)
			return world_complain("cannot make layer %zu: %s", i, strerror(errno));
	}
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return world_complain("cannot limit descriptors");
	int fd = merge(layers, MANY, &err);
	if (fd < 0)
		return world_complain("%s: %s", err.what, err.cause);
	const char *got = world_read_tar(fd);
	size_t lines = 0;
	for (const char *at = got; *at; at++)
		lines += *at == '\n';
	return lines == MANY + 3 ? 0 : world_complain("%zu lines", lines);
}

Test(merge, many_layers_and_few_descriptors)
{
	world_base = "/dev/shm";
	world_expect_fine("500", many, NULL);
}

/* 400 folders in each other: the path is longer than any call takes, and the file at the top is read after the way back. */
static int deep(const void *context)
{
	struct merge_layer layer = {.dir = world_layer(0)};
	int at = fcntl(layer.dir, F_DUPFD_CLOEXEC, 3);
	struct error err = {0};
	char name[201];

	(void)context;
	memset(name, 'd', 200);
	name[200] = 0;
	for (int i = 0; i < 400; i++) {
		int next = mkdirat(at, name, 0755) < 0 || world_make(at, "f:file", 0) < 0 ? -1 : openat(at, name, O_PATH | O_CLOEXEC);
		(void)close(at);
		at = next;
	}
	int fd = at < 0 ? -1 : merge(&layer, 1, &err);
	if (fd < 0)
		return world_complain("%s: %s", err.what, err.cause);
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;
	size_t count = 0;
	(void)archive_read_support_format_tar(archive);
	(void)lseek(fd, 0, SEEK_SET);
	(void)archive_read_open_fd(archive, fd, 65536);
	while (archive_read_next_header(archive, &entry) == ARCHIVE_OK)
		count++;
	(void)archive_read_free(archive);
	return count == 801 ? 0 : world_complain("%zu entries", count);
}

Test(merge, deep_trees)
{
	world_base = "/dev/shm";
	world_expect_fine("400", deep, NULL);
}

Test(merge, a_reader_who_is_gone)
{
	struct error err = {0};
	int ends[2];

	(void)signal(SIGPIPE, SIG_IGN);
	(void)snprintf(world_place, sizeof(world_place), "/tmp/carrel-merge-XXXXXX");
	cr_assert_not_null(mkdtemp(world_place));
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	(void)close(ends[0]);
	struct merge_layer layer = {.dir = world_layer(0)};
	cr_assert_eq(world_make(layer.dir, "f:f", 0), 0);
	cr_expect_eq(merge_write_tar(&(const struct merge_spec){.layers = &layer, .count = 1}, ends[1], &err), -EPIPE);
	cr_expect_str_eq(err.what, "cannot write the archive");
	cr_assert_eq(path_remove_tree(AT_FDCWD, world_place), 0);
}

Test(merge, recorded_owners)
{
	static const struct {
		const char *text;
		bool good;
		unsigned uid, gid, mode;
	} cases[] = {
		{"0:0:755", true, 0, 0, 0755}, {"33:42:100644", true, 33, 42, 0644}, {"1:2:4755:file", true, 1, 2, 04755},
		{"", false, 0, 0, 0}, {"1:2", false, 0, 0, 0}, {"1:2:", false, 0, 0, 0}, {"-1:2:644", false, 0, 0, 0}, {" 1:2:644", false, 0, 0, 0}, {"1:2:9", false, 0, 0, 0},
		{"4294967295:0:644", false, 0, 0, 0}, {"99999999999999999999:0:644", false, 0, 0, 0}, {"a:b:c", false, 0, 0, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct merge_root got = {0};

		cr_expect_eq(merge_parse_override(cases[i].text, &got), cases[i].good, "'%s'", cases[i].text);
		cr_expect(got.uid == cases[i].uid && got.gid == cases[i].gid && got.mode == cases[i].mode, "'%s': %u:%u:%o", cases[i].text, got.uid, got.gid, got.mode);
	}
}
