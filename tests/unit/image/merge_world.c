#include "unit/image/merge_world.h"

#include <archive.h>
#include <archive_entry.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "unit/isolate/child.h"
#include "util/buf.h"
#include "util/fd.h"
#include "unit/ordinary.h"
#include "util/mem.h"
#include "util/path.h"

/* --- a place where we are root -------------------------------------------------------------------------------------------------------------- */

char world_place[64];

/* The test's body, in a child that is root in a fresh folder; it says what is wrong by its text. */
static char *said;

int world_complain(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(said, 65536, fmt, args);
	va_end(args);
	return 1;
}

/* Where nothing needs attributes, memory is faster than a disk that others use. */
const char *world_base = "/tmp";

static int as_root(int (*body)(const void *context), const void *context)
{
	int r;

	said = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq((void *)said, MAP_FAILED);
	(void)snprintf(world_place, sizeof(world_place), "%s/carrel-merge-XXXXXX", world_base);
	cr_assert_not_null(mkdtemp(world_place));
	r = in_child(body, context);
	cr_assert_eq(path_remove_tree(AT_FDCWD, world_place), 0);
	return r;
}

void world_expect_fine(const char *name, int (*body)(const void *context), const void *context)
{
	int r = as_root(body, context);

	if (r == WORLD_SKIPPED)
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

unsigned world_hash(unsigned hash, const char *data, size_t size)
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
char *world_read_tar(int fd)
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
			hash = world_hash(hash, buffer, (size_t)size);
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
			hash = world_hash(hash, buffer, (size_t)size);
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
char *world_read_tree(int fd)
{
	char path[40];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/.", fd);
	walked = mem_alloc(sizeof(*walked));
	walked_root = strlen(path) + 1;
	(void)nftw(path, visit, 16, FTW_PHYS);
	return join(walked);
}

/* --- layers ------------------------------------------------------------------------------------------------------------------------------------ */

int world_make(int root, const char *what, size_t layer)
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

int world_layer(size_t layer)
{
	char path[80];

	(void)snprintf(path, sizeof(path), "%s/%zu", world_place, layer);
	if (mkdir(path, 0755) < 0)
		return -1;
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}
