#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "image/store.h"
#include "image/store_parts.h"
#include "util/fd.h"

static int open_lock(const struct store *store, const char *name)
{
	cleanup_close int dir = store_open_in(store, "locks", O_PATH | O_DIRECTORY);
	int fd;

	if (dir < 0)
		return dir;
	fd = openat(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	return fd < 0 ? -errno : fd;
}

static int take(int fd)
{
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

int store_lock(const struct store *store, const char *name, bool *ret_waited, struct error *err)
{
	char path[PATH_MAX];
	bool waited = false;

	(void)snprintf(path, sizeof(path), "locks/%s", name);
	for (;;) {
		cleanup_close int fd = open_lock(store, name);
		int r = fd < 0 ? fd : 0;

		if (r == 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
			waited = waited || errno == EWOULDBLOCK;
			r = take(fd);
		}
		if (r < 0)
			return error_set(err, -r, "cannot lock '%s' in the store '%s'", name, store->path);
		if (!store_is_at(store, path, fd))
			continue; /* a sweep removed it while we waited: the lock has another file now */
		if (ret_waited)
			*ret_waited = waited;
		return take_fd(fd);
	}
}

int store_lock_now(const struct store *store, const char *name)
{
	cleanup_close int fd = open_lock(store, name);
	char path[PATH_MAX];

	if (fd < 0)
		return fd;
	(void)snprintf(path, sizeof(path), "locks/%s", name);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	return store_is_at(store, path, fd) ? take_fd(fd) : -EWOULDBLOCK;
}

int store_claim(const struct store *store, const struct digest *const *digests, size_t count, int *ret_claim, struct error *err)
{
	cleanup_buf struct buf text = {0};
	cleanup_close int fd = -1;
	char name[STORE_NAME];
	int r = store_make_temp(store, "claims", "", name, &fd);

	for (size_t i = 0; i < count; i++)
		buf_printf(&text, "%s\n", digests[i]->text);
	if (r == 0 && text.size)
		r = fd_write_all(fd, text.text, text.size);
	if (r < 0)
		return error_set(err, -r, "cannot write a claim in the store '%s'", store->path);
	*ret_claim = take_fd(fd);
	return 0;
}
