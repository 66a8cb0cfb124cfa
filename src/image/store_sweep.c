/* What those have left who were killed: everything of theirs has a lock that is free by now. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/store_gc.h"
#include "image/store_parts.h"
#include "image/store_trash.h"
#include "util/fd.h"

#define LOCK_SUFFIX ".lock"

/* Is this a file that nobody holds? Then we do. */
static int take_orphan(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 ? fd_close(fd) : fd;
}

static bool is_there(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* tmp/ID of a blob or another file; tmp/ID.lock of the folder tmp/ID. */
static bool sweep_temp(const struct store *store, int dir, const char *name)
{
	size_t len = strlen(name);
	bool is_lock = len > strlen(LOCK_SUFFIX) && !strcmp(name + len - strlen(LOCK_SUFFIX), LOCK_SUFFIX);
	char path[PATH_MAX], lock_name[NAME_MAX + 8];
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	if (S_ISDIR(st.st_mode)) {
		(void)snprintf(lock_name, sizeof(lock_name), "%s" LOCK_SUFFIX, name);
		(void)snprintf(path, sizeof(path), "tmp/%s", name);
		return !is_there(dir, lock_name) && store_drop(store, path) == 0;
	}
	cleanup_close int fd = take_orphan(dir, name);
	if (fd < 0 && S_ISREG(st.st_mode))
		return false;
	if (is_lock) {
		(void)snprintf(path, sizeof(path), "tmp/%.*s", (int)(len - strlen(LOCK_SUFFIX)), name);
		int r = store_drop(store, path);
		if (r < 0 && r != -ENOENT)
			return false;
	}
	return unlinkat(dir, name, 0) == 0;
}

static bool sweep_claim(const struct store *store, int dir, const char *name)
{
	cleanup_close int fd = take_orphan(dir, name);

	(void)store;
	return fd >= 0 && unlinkat(dir, name, 0) == 0;
}

/* Who waits for it finds, once it is his, that the name leads elsewhere, and begins anew. */
static bool sweep_lock(const struct store *store, int dir, const char *name)
{
	cleanup_close int fd = take_orphan(dir, name);
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "locks/%s", name);
	return fd >= 0 && store_is_at(store, path, fd) && unlinkat(dir, name, 0) == 0;
}

static unsigned sweep_folder(const struct store *store, const char *folder, bool (*sweep)(const struct store *store, int dir, const char *name), unsigned most)
{
	DIR *dir = store_list(store, folder);
	struct dirent *entry;
	unsigned swept = 0;

	while (dir && swept < most && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && sweep(store, dirfd(dir), entry->d_name))
			swept++;
	if (dir)
		(void)closedir(dir);
	return swept;
}

void store_sweep(const struct store *store, const struct store_gc_host *host, unsigned most)
{
	bool undecided, dead;

	(void)sweep_folder(store, "tmp", sweep_temp, most);
	(void)sweep_folder(store, "claims", sweep_claim, most);
	(void)sweep_folder(store, "locks", sweep_lock, most);
	trash_look(store, &undecided, &dead);
	if (undecided) {
		cleanup_close int lock = store_lock_now(store, STORE_GC_LOCK);

		if (lock >= 0 && trash_settle(store, NULL) == 0)
			dead = true;
	}
	if (dead) {
		cleanup_close int lock = store_lock_now(store, STORE_TRASH_LOCK);

		if (lock >= 0)
			(void)!trash_empty(store, host, most, NULL, NULL); /* the next sweep, or a prune that says why, goes on */
	}
}
