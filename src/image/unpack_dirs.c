#include "image/unpack_dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/mem.h"
#include "util/path.h"

enum { DIR_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

/* Put time and mode right. */
static int settle(struct unpack_dir *dir)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, dir->mtime};
	int r = 0;

	if (!dir->written)
		return 0;
	if (dir->mode_now != dir->mode && fchmod(dir->fd, dir->mode) < 0)
		r = -errno;
	if (futimens(dir->fd, times) < 0 && r == 0)
		r = -errno;
	dir->mode_now = dir->mode;
	dir->written = false;
	return r;
}

static int release(struct unpack_dir *dir)
{
	int r = dir->fd < 0 ? 0 : settle(dir);

	dir->fd = fd_close(dir->fd);
	return r;
}

static struct unpack_dir *lookup(struct unpack_dirs *dirs, const char *path, size_t length)
{
	for (size_t i = 0; i < UNPACK_DIRS; i++) {
		struct unpack_dir *dir = &dirs->slots[i];

		if (dir->fd >= 0 && dir->length == length && !memcmp(dir->path, path, length)) {
			dir->used = ++dirs->clock;
			return dir;
		}
	}
	return NULL;
}

/* The slot that the directory has already, or the one that was not used for longest. */
static struct unpack_dir *choose(struct unpack_dirs *dirs, const struct stat *st)
{
	struct unpack_dir *oldest = NULL;

	for (size_t i = 0; i < UNPACK_DIRS; i++) {
		struct unpack_dir *dir = &dirs->slots[i];

		if (dir->fd >= 0 && dir->inode == st->st_ino && dir->device == st->st_dev)
			return dir;
		if (i > 0 && (!oldest || (oldest->fd >= 0 && (dir->fd < 0 || dir->used < oldest->used))))
			oldest = dir;
	}
	return oldest;
}

static int hold(struct unpack_dirs *dirs, const char *path, size_t length, int fd_given, struct unpack_dir **ret)
{
	cleanup_close int fd = fd_given;
	struct unpack_dir *dir;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	dir = choose(dirs, &st);
	if (dir == &dirs->slots[0] && dir->fd >= 0) { /* the root by another name keeps its own */
		dir->used = ++dirs->clock;
		*ret = dir;
		return 0;
	}
	if (dir->fd < 0 || dir->inode != st.st_ino || dir->device != st.st_dev) {
		r = release(dir);
		if (r < 0)
			return r;
		dir->fd = take_fd(fd);
		dir->device = st.st_dev;
		dir->inode = st.st_ino;
		dir->gid = st.st_gid;
		dir->mode = dir->mode_now = st.st_mode & 07777;
		dir->mtime = st.st_mtim;
		dir->written = false;
	}
	memcpy(dir->path, path, length);
	dir->path[length] = 0;
	dir->length = length;
	dir->used = ++dirs->clock;
	*ret = dir;
	return 0;
}

/* We are about to write in it. */
static int prepare(struct unpack_dir *dir)
{
	dir->written = true;
	if ((dir->mode_now & 0700) == 0700)
		return 0;
	if (fchmod(dir->fd, dir->mode_now | 0700) == 0)
		dir->mode_now |= 0700;
	return 0; /* when it is not ours to change, writing says what is wrong */
}

/* One component further. */
static int step(struct unpack_dirs *dirs, const char *path, size_t length, struct unpack_dir *parent, struct unpack_dir **ret)
{
	char prefix[PATH_MAX];
	const char *base;
	int fd;

	memcpy(prefix, path, length);
	prefix[length] = 0;
	base = path_basename(prefix);
	fd = openat(parent->fd, base, DIR_FLAGS);
	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR)) { /* a symlink, or a whiteout, which `make` replaces */
		fd = path_open_in(dirs->slots[0].fd, prefix, DIR_FLAGS & ~O_NOFOLLOW);
		errno = fd < 0 ? -fd : 0;
	}
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		int r = prepare(parent);

		if (r == 0)
			r = dirs->make(dirs->context, parent, base, &fd);
		if (r < 0)
			return r;
	} else if (fd < 0) {
		return -errno;
	}
	return hold(dirs, prefix, length, fd, ret);
}

static int make_path(struct unpack_dirs *dirs, const char *path, struct unpack_dir **ret)
{
	struct unpack_dir *dir = &dirs->slots[0];
	size_t length = 0;

	dir->used = ++dirs->clock;
	do {
		struct unpack_dir *known;
		int r = 0;

		length += strcspn(path + length, "/");
		known = lookup(dirs, path, length);
		if (known)
			dir = known;
		else
			r = step(dirs, path, length, dir, &dir);
		if (r < 0)
			return r;
	} while (path[length++]);
	*ret = dir;
	return 0;
}

int unpack_dirs_find(struct unpack_dirs *dirs, const char *path, struct unpack_dir **ret)
{
	size_t length = strlen(path);
	int fd;

	*ret = lookup(dirs, path, length);
	if (*ret)
		return 0;
	fd = path_open_in(dirs->slots[0].fd, path, DIR_FLAGS & ~O_NOFOLLOW);
	if (fd < 0)
		return fd;
	return hold(dirs, path, length, fd, ret);
}

int unpack_dirs_open(struct unpack_dirs *dirs, const char *path, struct unpack_dir **ret)
{
	int r = unpack_dirs_find(dirs, path, ret);

	if (r == -ENOENT || r == -ENOTDIR)
		r = make_path(dirs, path, ret);
	return r < 0 ? r : prepare(*ret);
}

int unpack_dirs_adopt(struct unpack_dirs *dirs, const char *parent, const char *base, int fd, struct unpack_dir **ret)
{
	char path[PATH_MAX], *end = path;

	if (parent[0]) {
		end = stpcpy(path, parent);
		*end++ = '/';
	}
	end = stpcpy(end, base);
	return hold(dirs, path, (size_t)(end - path), fd, ret);
}

int unpack_dirs_init(struct unpack_dirs *dirs, int target)
{
	struct unpack_dir *root;
	int fd = openat(target, ".", DIR_FLAGS);

	if (fd < 0)
		return -errno;
	dirs->slots = mem_resize(NULL, UNPACK_DIRS, sizeof(*dirs->slots));
	for (size_t i = 0; i < UNPACK_DIRS; i++)
		dirs->slots[i].fd = -1;
	/* All are free, so the first hold would take the second slot: the root's is filled by hand. */
	root = &dirs->slots[0];
	*root = (struct unpack_dir){.fd = fd};
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	root->device = st.st_dev;
	root->inode = st.st_ino;
	root->gid = st.st_gid;
	root->mode = root->mode_now = st.st_mode & 07777;
	root->mtime = st.st_mtim;
	return 0;
}

int unpack_dirs_flush(struct unpack_dirs *dirs)
{
	int first = 0;

	for (size_t i = 1; i < UNPACK_DIRS; i++) {
		int r = release(&dirs->slots[i]);

		if (r < 0 && first == 0)
			first = r;
	}
	return first;
}

int unpack_dirs_finish(struct unpack_dirs *dirs)
{
	int r = unpack_dirs_flush(dirs), last = release(&dirs->slots[0]);

	return r < 0 ? r : last;
}

void unpack_dirs_done(struct unpack_dirs *dirs)
{
	if (!dirs->slots)
		return;
	for (size_t i = 0; i < UNPACK_DIRS; i++)
		dirs->slots[i].fd = fd_close(dirs->slots[i].fd);
	free(dirs->slots);
	dirs->slots = NULL;
}
