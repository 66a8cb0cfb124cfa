/* Removing a tree that somebody else made, at a constant price.
 *
 * A payload may nest directories deeper than there is stack or are descriptors (10⁵ levels are made in a second), and must not keep its scratch
 * by that. So nothing here is recursive: the directories found in a subdirectory are first renamed up into the top one, after which the subdirectory
 * is empty and goes. Each directory is thus handled once, with three descriptors open.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/path.h"

struct removal {
	int top;
	dev_t device;
	uint64_t next_name; /* for what is renamed into the top */
	uint64_t lifts;     /* how many were */
	bool progress;      /* in this pass over the top */
	int first;          /* error */
};

static void note(struct removal *removal, int result)
{
	if (result < 0 && !removal->first)
		removal->first = result;
}

static bool is_dot(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/* A directory without permission is made accessible; on the descriptor where one can be had. */
static int open_directory(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == EACCES && fchmodat(dirfd, name, 0700, 0) == 0)
		fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && (st.st_mode & 0700) != 0700)
		(void)fchmod(fd, 0700); /* when this fails, removing what is in it says why */
	return fd;
}

/* 0: gone; 1: a directory with something in it. */
static int remove_simple(int dirfd, const char *name)
{
	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	return errno == ENOTEMPTY || errno == EEXIST || errno == EACCES ? 1 : -errno;
}

/* Move `name` of the directory `from` into the top. Moving a directory writes its "..", so it must be ours to write. */
static int lift(struct removal *removal, int from, const char *name)
{
	char lifted[48];
	int r;

	do {
		(void)snprintf(lifted, sizeof(lifted), ".carrel-removed-%" PRIu64, removal->next_name++);
		r = renameat(from, name, removal->top, lifted) < 0 ? -errno : 0;
		if (r == -EACCES) {
			cleanup_close int fd = open_directory(from, name);

			r = fd >= 0 && renameat(from, name, removal->top, lifted) == 0 ? 0 : -EACCES;
		}
	} while (r == -ENOTEMPTY || r == -EEXIST || r == -ENOTDIR); /* the name is taken */
	removal->lifts += r == 0;
	return r;
}

static int empty_into_top(struct removal *removal, int fd)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	int first = 0;

	if (!dir) {
		first = -errno;
		(void)fd_close(fd);
		return first;
	}
	while ((entry = readdir(dir))) {
		int r = is_dot(entry->d_name) ? 0 : remove_simple(dirfd(dir), entry->d_name);

		if (r > 0)
			r = lift(removal, dirfd(dir), entry->d_name);
		if (r < 0 && !first)
			first = r;
	}
	(void)closedir(dir);
	return first;
}

static int remove_in_top(struct removal *removal, const char *name)
{
	struct stat st;
	int r = remove_simple(removal->top, name), fd;

	if (r <= 0)
		return r;
	fd = open_directory(removal->top, name);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || st.st_dev != removal->device) {
		(void)fd_close(fd);
		return -EXDEV; /* another mount is not ours to empty */
	}
	r = empty_into_top(removal, fd);
	if (unlinkat(removal->top, name, AT_REMOVEDIR) < 0)
		return r < 0 ? r : -errno;
	return 0;
}

/* One pass over the top. What is lifted meanwhile may or may not be seen by it, so passes go on until one changes nothing. */
static void pass(struct removal *removal)
{
	int fd = openat(removal->top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	removal->progress = false;
	removal->first = 0;
	if (!dir) {
		note(removal, -errno);
		(void)fd_close(fd);
		return;
	}
	while ((entry = readdir(dir))) {
		uint64_t before = removal->lifts;
		int r;

		if (is_dot(entry->d_name))
			continue;
		r = remove_in_top(removal, entry->d_name);
		note(removal, r);
		if (r == 0 || removal->lifts != before)
			removal->progress = true;
	}
	(void)closedir(dir);
}

int path_remove_tree(int dirfd, const char *name)
{
	struct removal removal = {.top = -1};
	struct stat st;
	int r = remove_simple(dirfd, name);

	if (r <= 0)
		return r;
	cleanup_close int top = open_directory(dirfd, name);
	if (top < 0)
		return top;
	if (fstat(top, &st) < 0)
		return -errno;
	removal.top = top;
	removal.device = st.st_dev;
	do
		pass(&removal);
	while (removal.progress);
	if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return removal.first ? removal.first : -errno;
	return 0;
}
