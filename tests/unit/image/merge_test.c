/* Layers made by hand and by chance, as root of a user namespace; what the merge makes of them is compared with a table and with the kernel's own overlayfs. */
#include "image/merge_parts.h"

#include <archive.h>
#include <archive_entry.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "isolate/overlay.h"
#include "unit/isolate/child.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/path.h"

enum { SKIPPED = 77, LAYERS = 4 };

/* --- a place where we are root -------------------------------------------------------------------------------------------------------------- */

static char place[64];

static bool become_root(void)
{
	char line[64];
	unsigned uid = geteuid(), gid = getegid();

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return false;
	(void)snprintf(line, sizeof(line), "0 %u 1", uid);
	if (fd_put_at(AT_FDCWD, "/proc/self/uid_map", line) < 0 || fd_put_at(AT_FDCWD, "/proc/self/setgroups", "deny") < 0)
		return false;
	(void)snprintf(line, sizeof(line), "0 %u 1", gid);
	return fd_put_at(AT_FDCWD, "/proc/self/gid_map", line) == 0;
}

/* The test's body, in a child that is root in a fresh folder; it says what is wrong by its text. */
static char *said;

static int complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int complain(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(said, 65536, fmt, args);
	va_end(args);
	return 1;
}

/* Where nothing needs attributes, memory is faster than a disk that others use. */
static const char *base = "/tmp";

static int as_root(int (*body)(const void *context), const void *context)
{
	int r;

	said = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq((void *)said, MAP_FAILED);
	(void)snprintf(place, sizeof(place), "%s/carrel-merge-XXXXXX", base);
	cr_assert_not_null(mkdtemp(place));
	r = in_child(body, context);
	cr_assert_eq(path_remove_tree(AT_FDCWD, place), 0);
	return r;
}

static void expect_fine(const char *name, int (*body)(const void *context), const void *context)
{
	int r = as_root(body, context);

	if (r == SKIPPED)
		cr_skip_test("%s", said);
	cr_assert_eq(r, 0, "%s: %d: %s", name, r, said);
}

/* --- trees of one line for each file --------------------------------------------------------------------------------------------------------- */

struct lines {
	char *items[4096];
	size_t count;
};

static void add_line(struct lines *lines, char *line)
{
	if (lines->count < ARRAY_SIZE(lines->items))
		lines->items[lines->count++] = line;
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *join(struct lines *lines)
{
	struct buf out = {0};

	qsort(lines->items, lines->count, sizeof(char *), compare_lines);
	buf_puts(&out, "");
	for (size_t i = 0; i < lines->count; i++)
		buf_printf(&out, "%s\n", lines->items[i]);
	return out.text;
}

static unsigned hash_bytes(unsigned hash, const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (unsigned char)data[i]) * 16777619u;
	return hash;
}

/* "PATH TYPE MODE" and for files the size and a hash, for symlinks the target. */
static char *line_of(const char *path, mode_t mode, uint64_t size, unsigned hash, const char *target)
{
	if (S_ISREG(mode))
		return mem_printf("%s f %o %lu %08x", path, mode & 07777, (unsigned long)size, hash);
	if (S_ISLNK(mode))
		return mem_printf("%s l -> %s", path, target);
	return mem_printf("%s %s %o", path, S_ISDIR(mode) ? "d" : S_ISFIFO(mode) ? "p" : "?", mode & 07777);
}

/* The lines of the file's first name once more. */
static void repeat_lines(struct lines *lines, const char *first, const char *path)
{
	size_t size = strlen(first), count = lines->count;

	for (size_t i = 0; i < count; i++) {
		if (!strncmp(lines->items[i], first, size) && lines->items[i][size] == ' ')
			add_line(lines, mem_printf("%s%s", path, lines->items[i] + size));
	}
	if (lines->count == count)
		add_line(lines, mem_printf("%s is a link to nothing: %s", path, first));
}

static void add_xattrs(struct lines *lines, struct archive_entry *entry, const char *path)
{
	const char *name;
	const void *value;
	size_t size;

	archive_entry_xattr_reset(entry);
	while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK)
		add_line(lines, mem_printf("%s x %s=%.*s", path, name, (int)size, (const char *)value));
}

/* A tar stream, as an archive reader of another kind would see it. */
static char *read_tar(int fd)
{
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;
	struct lines *lines = mem_alloc(sizeof(*lines));
	char buffer[65536];

	(void)archive_read_support_format_tar(archive);
	(void)archive_read_set_options(archive, "hdrcharset=BINARY");
	(void)lseek(fd, 0, SEEK_SET);
	if (archive_read_open_fd(archive, fd, 65536) != ARCHIVE_OK)
		return mem_strdup("no archive");
	while (archive_read_next_header(archive, &entry) == ARCHIVE_OK) {
		char *path = mem_strdup(archive_entry_pathname(entry));
		unsigned hash = 2166136261u;
		ssize_t size;

		if (path[strlen(path) - 1] == '/' && path[1])
			path[strlen(path) - 1] = 0;
		if (archive_entry_hardlink(entry)) {
			repeat_lines(lines, archive_entry_hardlink(entry), path);
			continue;
		}
		while ((size = archive_read_data(archive, buffer, sizeof(buffer))) > 0)
			hash = hash_bytes(hash, buffer, (size_t)size);
		if (size < 0)
			add_line(lines, mem_printf("%s cannot be read: %s", path, archive_error_string(archive)));
		add_line(lines, line_of(path, archive_entry_mode(entry), (uint64_t)archive_entry_size(entry), hash, archive_entry_symlink(entry)));
		add_xattrs(lines, entry, path);
	}
	(void)archive_read_free(archive);
	return join(lines);
}

static struct lines *walked;
static size_t walked_root;

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	char target[4096], names[4096];
	unsigned hash = 2166136261u;
	const char *name = ftw->level ? path + walked_root : ".";
	ssize_t size;

	if (type == FTW_NS)
		return 0; /* a whiteout in a folder that one layer has alone: the kernel lists it, and finds nothing there */
	if (S_ISLNK(st->st_mode)) {
		size = readlink(path, target, sizeof(target) - 1);
		target[size < 0 ? 0 : size] = 0;
	}
	if (S_ISREG(st->st_mode)) {
		cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
		char *buffer = mem_alloc(65536);
		while ((size = read(fd, buffer, 65536)) > 0)
			hash = hash_bytes(hash, buffer, (size_t)size);
		free(buffer);
	}
	add_line(walked, line_of(name, st->st_mode, (uint64_t)st->st_size, hash, target));
	size = S_ISLNK(st->st_mode) ? 0 : listxattr(path, names, sizeof(names));
	for (const char *at = names; at < names + size; at += strlen(at) + 1) {
		ssize_t length = strcmp(at, "user.note") ? -1 : getxattr(path, at, target, sizeof(target));
		if (length >= 0)
			add_line(walked, mem_printf("%s x %s=%.*s", name, at, (int)length, target));
	}
	return 0;
}

/* The same of a directory; its own line is "." */
static char *read_tree(int fd)
{
	char path[40];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/.", fd);
	walked = mem_alloc(sizeof(*walked));
	walked_root = strlen(path) + 1;
	(void)nftw(path, visit, 16, FTW_PHYS);
	return join(walked);
}

/* --- layers ------------------------------------------------------------------------------------------------------------------------------------ */

/* "d:PATH", "f:PATH" (content: the layer's number), "w:" whiteout, "W:" whiteout file, "o:" opaque, "O:" opaque file, "l:" symlink, "h:NEW=OLD", "p:" fifo,
 * "s:" socket, "m:MODE PATH", "x:PATH" an attribute, "X:" attributes of overlays, "r:UID:GID:MODE PATH" recorded owner. */
static int make_one(int root, const char *what, size_t layer)
{
	char kind = what[0], text[64];
	const char *path = what + 2, *blank = strchr(path, ' ');
	cleanup_close int fd = -1;

	switch (kind) {
	case 'd':
		return mkdirat(root, path, 0755);
	case 'f':
		fd = openat(root, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		return fd < 0 || dprintf(fd, "layer %zu\n", layer) < 0 ? -1 : 0;
	case 'w':
		return mknodat(root, path, S_IFCHR, 0);
	case 'W':
		return mknodat(root, path, S_IFREG | 0600, 0);
	case 'l':
		return symlinkat("tar/get", root, path);
	case 'h':
		(void)snprintf(text, sizeof(text), "%.*s", (int)strcspn(path, "="), path);
		return linkat(root, strchr(path, '=') + 1, root, text, 0);
	case 'p':
		return mkfifoat(root, path, 0600);
	case 's':
		return mknodat(root, path, S_IFSOCK | 0600, 0);
	case 'm':
		return fchmodat(root, blank + 1, (mode_t)strtoul(path, NULL, 8), 0);
	}
	fd = openat(root, blank ? blank + 1 : path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (kind == 'o')
		return fsetxattr(fd, "user.overlay.opaque", "y", 1, 0);
	if (kind == 'x')
		return fsetxattr(fd, "user.note", "some", 4, 0);
	if (kind == 'X')
		return fsetxattr(fd, "user.overlay.origin", "a", 1, 0) < 0 || fsetxattr(fd, "user.fuseoverlayfs.origin", "b", 1, 0) < 0 ? -1 : fsetxattr(fd, "user.containers.override_stat", "1:2:644", 7, 0);
	(void)snprintf(text, sizeof(text), "%.*s", (int)(blank - path), path);
	return fsetxattr(fd, "user.containers.override_stat", text, strlen(text), 0);
}

static int make_layer(size_t layer)
{
	char path[80];

	(void)snprintf(path, sizeof(path), "%s/%zu", place, layer);
	if (mkdir(path, 0755) < 0)
		return -1;
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

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
		buf_printf(&out, whole ? " f 644 8 %08x" : " %08x", hash_bytes(2166136261u, content, (size_t)size));
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
	if (!become_root()) {
		(void)complain("no user namespaces here");
		return SKIPPED;
	}
	for (; count < LAYERS && row->layers[count][0]; count++) {
		layers[count] = (struct merge_layer){.dir = make_layer(count), .owner = row->owner};
		for (const char *const *what = row->layers[count]; *what; what++) {
			if (layers[count].dir < 0 || make_one(layers[count].dir, *what, count) < 0)
				return complain("cannot make '%s' of layer %zu: %s", *what, count, strerror(errno));
		}
	}
	int fd = merge(layers, count, &err);
	if (fd < 0)
		return complain("%s: %s", err.what, err.cause);
	const char *got = read_tar(fd), *expected = expand(row->expected);
	return strcmp(got, expected) ? complain("got:\n%sexpected:\n%s", got, expected) : 0;
}

Test(merge, layers_by_hand)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		expect_fine(rows[i].name, by_hand, &rows[i]);
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
		(void)!make_one(root, what, layer);
	}
}

static int by_chance(const void *context)
{
	unsigned seed = *(const unsigned *)context;
	struct merge_layer layers[LAYERS];
	int lower[LAYERS];
	struct error err = {0};

	(void)umask(022);
	if (!become_root()) {
		(void)complain("no user namespaces here");
		return SKIPPED;
	}
	for (size_t i = 0; i < LAYERS; i++) {
		lower[i] = make_layer(i);
		layers[i] = (struct merge_layer){.dir = lower[i]};
		make_anything(lower[i], &seed, i);
	}
	cleanup_close int mount_fd = overlay_kernel.mount(&(const struct overlay_layers){.lower = lower, .lower_count = LAYERS, .upper = -1, .work = -1, .area = -1}, NULL, &err);
	if (mount_fd < 0) {
		(void)complain("no overlayfs of the kernel's here: %s", err.cause);
		return SKIPPED;
	}
	int fd = merge(layers, LAYERS, &err);
	if (fd < 0)
		return complain("%s: %s", err.what, err.cause);
	const char *got = read_tar(fd), *expected = read_tree(mount_fd);
	return strcmp(got, expected) ? complain("got:\n%sthe kernel shows:\n%s", got, expected) : 0;
}

Test(merge, as_the_kernel_shows_it)
{
	for (unsigned seed = 1; seed <= 40; seed++)
		expect_fine("a seed", by_chance, &seed);
}

/* --- bytes, holes, descriptors --------------------------------------------------------------------------------------------------------------------- */

static int equal_bytes(const void *context)
{
	struct error err = {0};
	cleanup_free char *texts[2] = {NULL, NULL};
	size_t sizes[2];

	(void)context;
	for (unsigned i = 0; i < 2; i++) { /* the same names, made in another order */
		struct merge_layer layer = {.dir = make_layer(i)};
		char name[32];

		for (unsigned k = 0; k < 200; k++) {
			const struct timespec times[2] = {{.tv_sec = 5}, {.tv_sec = 7, .tv_nsec = 5 + i}};
			(void)snprintf(name, sizeof(name), "f:%u", i ? k : 199 - k);
			if (make_one(layer.dir, name, 0) < 0 || utimensat(layer.dir, name + 2, times, 0) < 0)
				continue;
		}
		const struct timespec times[2] = {{.tv_sec = 5}, {.tv_sec = 9}};
		char path[80];
		(void)snprintf(path, sizeof(path), "%s/%u", place, i);
		(void)utimensat(AT_FDCWD, path, times, 0);
		int fd = merge(&layer, 1, &err);
		if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0 || fd_slurp(fd, 1 << 24, &texts[i], &sizes[i]) < 0)
			return complain("%s: %s", err.what, err.cause);
	}
	int r = sizes[0] != sizes[1] || memcmp(texts[0], texts[1], sizes[0]) ? complain("%zu and %zu bytes, not the same", sizes[0], sizes[1]) : 0;
	free(texts[1]);
	return r;
}

Test(merge, equal_trees_give_equal_bytes)
{
	expect_fine("two orders", equal_bytes, NULL);
}

/* 8 GB of nothing with some bytes in it: the archive holds the bytes. */
static int holes(const void *context)
{
	struct merge_layer layer = {.dir = make_layer(0)};
	cleanup_close int file = openat(layer.dir, "sparse", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	cleanup_close int empty = openat(layer.dir, "hole", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	struct error err = {0};

	(void)context;
	if (pwrite(file, "first", 5, 0) != 5 || pwrite(file, "middle", 6, 4l << 30) != 6 || ftruncate(file, 8l << 30) < 0 || ftruncate(empty, 1l << 32) < 0)
		return complain("cannot make a sparse file: %s", strerror(errno));
	int fd = merge(&layer, 1, &err);
	off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	if (fd < 0 || size > 1 << 20)
		return complain("%ld bytes; %s: %s", (long)size, err.what, err.cause);
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
	return found == 15 ? 0 : complain("found %u of 15", found);
}

Test(merge, sparse_files_stay_sparse)
{
	expect_fine("8 GB", holes, NULL);
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
		layers[i].dir = make_layer(i);
		(void)snprintf(name, sizeof(name), "f:d/e/%03zu", (i * 7) % MANY);
		if (make_one(layers[i].dir, "d:d", i) < 0 || make_one(layers[i].dir, "d:d/e", i) < 0 || make_one(layers[i].dir, name, i) < 0)
			return complain("cannot make layer %zu: %s", i, strerror(errno));
	}
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return complain("cannot limit descriptors");
	int fd = merge(layers, MANY, &err);
	if (fd < 0)
		return complain("%s: %s", err.what, err.cause);
	const char *got = read_tar(fd);
	size_t lines = 0;
	for (const char *at = got; *at; at++)
		lines += *at == '\n';
	return lines == MANY + 3 ? 0 : complain("%zu lines", lines);
}

Test(merge, many_layers_and_few_descriptors)
{
	base = "/dev/shm";
	expect_fine("500", many, NULL);
}

/* 400 folders in each other: the path is longer than any call takes, and the file at the top is read after the way back. */
static int deep(const void *context)
{
	struct merge_layer layer = {.dir = make_layer(0)};
	int at = fcntl(layer.dir, F_DUPFD_CLOEXEC, 3);
	struct error err = {0};
	char name[201];

	(void)context;
	memset(name, 'd', 200);
	name[200] = 0;
	for (int i = 0; i < 400; i++) {
		int next = mkdirat(at, name, 0755) < 0 || make_one(at, "f:file", 0) < 0 ? -1 : openat(at, name, O_PATH | O_CLOEXEC);
		(void)close(at);
		at = next;
	}
	int fd = at < 0 ? -1 : merge(&layer, 1, &err);
	if (fd < 0)
		return complain("%s: %s", err.what, err.cause);
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;
	size_t count = 0;
	(void)archive_read_support_format_tar(archive);
	(void)lseek(fd, 0, SEEK_SET);
	(void)archive_read_open_fd(archive, fd, 65536);
	while (archive_read_next_header(archive, &entry) == ARCHIVE_OK)
		count++;
	(void)archive_read_free(archive);
	return count == 801 ? 0 : complain("%zu entries", count);
}

Test(merge, deep_trees)
{
	base = "/dev/shm";
	expect_fine("400", deep, NULL);
}

Test(merge, a_reader_who_is_gone)
{
	struct error err = {0};
	int ends[2];

	(void)signal(SIGPIPE, SIG_IGN);
	(void)snprintf(place, sizeof(place), "/tmp/carrel-merge-XXXXXX");
	cr_assert_not_null(mkdtemp(place));
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	(void)close(ends[0]);
	struct merge_layer layer = {.dir = make_layer(0)};
	cr_assert_eq(make_one(layer.dir, "f:f", 0), 0);
	cr_expect_eq(merge_write_tar(&(const struct merge_spec){.layers = &layer, .count = 1}, ends[1], &err), -EPIPE);
	cr_expect_str_eq(err.what, "cannot write the archive");
	cr_assert_eq(path_remove_tree(AT_FDCWD, place), 0);
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
