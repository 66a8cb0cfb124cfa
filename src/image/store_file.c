#include "image/store_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/sys.h"

int store_open_in(const struct store *store, const char *path, int flags)
{
	int fd;

	if (store->dir < 0)
		return -ENOENT;
	fd = sys_openat2(store->dir, path, (uint64_t)(flags | O_CLOEXEC), 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	return fd < 0 ? -errno : fd;
}

int store_look(const struct store *store, const char *path, int flags)
{
	int fd = store_open_in(store, path, flags);

	if (fd != -ENOENT || store->is_removing)
		return fd;
	cleanup_close int lock = store_open_in(store, "locks/" STORE_GC_LOCK, O_RDONLY | O_NONBLOCK);
	if (lock < 0)
		return -ENOENT;
	(void)flock(lock, LOCK_SH); /* where that fails we look too early, and what we do not find is made anew */
	return store_open_in(store, path, flags);
}

DIR *store_list(const struct store *store, const char *path)
{
	int fd = store_open_in(store, path, O_RDONLY | O_DIRECTORY);
	DIR *dir;

	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	dir = fdopendir(fd);
	if (!dir)
		(void)fd_close(fd);
	return dir;
}

/* A small file comes in one piece, as a list of a thousand of them wants it. What is no file gives nothing, or as little as a file could. */
int store_slurp(int fd, size_t limit, char **ret_text, size_t *ret_size)
{
	char small[4096];
	ssize_t n = read(fd, small, sizeof(small));
	struct stat st;

	if (n < 0)
		return -errno;
	if ((size_t)n > limit)
		return -EFBIG;
	if ((size_t)n < sizeof(small)) {
		*ret_text = memcpy(mem_alloc((size_t)n + 1), small, (size_t)n);
		if (ret_size)
			*ret_size = (size_t)n;
		return 0;
	}
	if (fstat(fd, &st) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? fd_slurp(fd, limit, ret_text, ret_size) : -EINVAL;
}

/* The folder that a path's last component is in. */
static int open_parent(const struct store *store, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];

	*ret_name = slash ? slash + 1 : path;
	if (!slash)
		return store_open_in(store, ".", O_PATH | O_DIRECTORY);
	(void)snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	return store_open_in(store, folder, O_PATH | O_DIRECTORY);
}

void store_make_id(char id[STORE_ID + 1])
{
	uint64_t random;

	/* As many bytes never come short (getrandom(2)); before the pool is ready it waits. */
	while (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		;
	(void)snprintf(id, STORE_ID + 1, "%016llx", (unsigned long long)random);
}

int store_make_temp(const struct store *store, const char *folder, const char *suffix, char ret_name[STORE_NAME], int *ret_fd)
{
	cleanup_close int dir = store_open_in(store, folder, O_PATH | O_DIRECTORY);

	if (dir < 0)
		return dir;
	for (;;) {
		char id[STORE_ID + 1];
		struct stat st;

		store_make_id(id);
		(void)snprintf(ret_name, STORE_NAME, "%s%s", id, suffix);
		cleanup_close int fd = openat(dir, ret_name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
		if (fd < 0 && errno == EEXIST)
			continue;
		if (fd < 0)
			return -errno;
		/* Between the making and the lock it looks like one whose owner is gone, and a sweep may have taken it. */
		if (flock(fd, LOCK_EX) < 0 || fstat(fd, &st) < 0) {
			int error = errno;

			(void)unlinkat(dir, ret_name, 0); /* the error is the lock's */
			return -error;
		}
		if (st.st_nlink == 0)
			continue;
		*ret_fd = take_fd(fd);
		return 0;
	}
}

int store_move(const struct store *store, const char *from, const char *to, bool is_new)
{
	const char *from_name, *to_name;
	cleanup_close int from_dir = open_parent(store, from, &from_name);
	cleanup_close int to_dir = open_parent(store, to, &to_name);

	if (from_dir < 0 || to_dir < 0)
		return from_dir < 0 ? from_dir : to_dir;
	if (!is_new)
		return renameat(from_dir, from_name, to_dir, to_name) < 0 ? -errno : 0;
	if (renameat2(from_dir, from_name, to_dir, to_name, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL)
		return -errno;
	/* NFS has no such flag: a link never replaces, and a directory never one that has something in it. */
	if (linkat(from_dir, from_name, to_dir, to_name, 0) == 0)
		return unlinkat(from_dir, from_name, 0) < 0 ? -errno : 0;
	if (errno != EPERM && errno != EISDIR)
		return -errno;
	if (renameat(from_dir, from_name, to_dir, to_name) == 0)
		return 0;
	return errno == ENOTEMPTY ? -EEXIST : -errno;
}

int store_unlink(const struct store *store, const char *path)
{
	const char *name;
	cleanup_close int dir = open_parent(store, path, &name);

	if (dir < 0)
		return dir;
	return unlinkat(dir, name, 0) < 0 ? -errno : 0;
}

int store_write(const struct store *store, const char *path, const void *data, size_t size, bool is_new)
{
	char name[STORE_NAME], temp[STORE_NAME + 8];
	cleanup_close int fd = -1;
	int r = store_make_temp(store, "tmp", "", name, &fd);

	if (r < 0)
		return r;
	(void)snprintf(temp, sizeof(temp), "tmp/%s", name);
	r = fd_write_all(fd, data, size);
	if (r == 0)
		r = store_move(store, temp, path, is_new);
	if (r < 0)
		(void)!store_unlink(store, temp); /* the next sweep does it */
	return r;
}

int store_drop(const struct store *store, const char *path)
{
	char id[STORE_ID + 1], place[STORE_NAME];

	store_make_id(id);
	(void)snprintf(place, sizeof(place), "trash/dead-%s", id);
	return store_move(store, path, place, false);
}

bool store_is_at(const struct store *store, const char *path, int fd)
{
	const char *name;
	cleanup_close int dir = open_parent(store, path, &name);
	struct stat here, there;

	return dir >= 0 && fstat(fd, &here) == 0 && fstatat(dir, name, &there, AT_SYMLINK_NOFOLLOW) == 0 && here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}
