#include "util/path.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/sys.h"

enum {
	RESOLVE_INSIDE = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	RACE_TRIES = 1000,
};

char *path_clean(struct arena *arena, const char *path)
{
	char *clean = arena_alloc(arena, strlen(path) + 2);
	char *end = clean;

	assert(path[0] == '/');
	while (*path) {
		size_t len;

		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len == 2 && !memcmp(path, "..", 2)) {
			while (end > clean && *--end != '/')
				;
		} else if (len && !(len == 1 && *path == '.')) {
			*end++ = '/';
			memcpy(end, path, len);
			end += len;
		}
		path += len;
	}
	if (end == clean)
		*end++ = '/';
	*end = 0;
	return clean;
}

char *path_join(struct arena *arena, const char *dir, const char *path)
{
	if (path[0] == '/')
		return path_clean(arena, path);
	return path_clean(arena, arena_printf(arena, "%s/%s", dir, path));
}

bool path_is_beneath(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (len == 1)
		return true; /* "/" */
	return !strncmp(path, dir, len) && (path[len] == 0 || path[len] == '/');
}

const char *path_basename(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

char *path_dirname(struct arena *arena, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return arena_strdup(arena, ".");
	return slash == path ? arena_strdup(arena, "/") : arena_strndup(arena, path, (size_t)(slash - path));
}

static int open_resolved(int root_fd, const char *path, int flags, uint64_t resolve)
{
	int fd, tries = 0;

	/* EAGAIN: a ".." was met while anybody on this machine renamed or mounted something, and the kernel could not tell whether
	 * it matters (openat2(2)). On a busy host that happens by chance, so only many in a row are an answer. */
	do
		fd = sys_openat2(root_fd, path, (uint64_t)(flags | O_CLOEXEC), 0, resolve);
	while (fd < 0 && errno == EAGAIN && ++tries < RACE_TRIES);
	return fd < 0 ? -errno : fd;
}

int path_open_in(int root_fd, const char *path, int flags)
{
	return open_resolved(root_fd, path, flags, RESOLVE_INSIDE);
}

int path_open_beneath(int dir_fd, const char *path, int flags)
{
	return open_resolved(dir_fd, path, flags, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
}

static int make_component(int parent, const char *name, enum path_kind kind)
{
	if (kind == PATH_DIRECTORY)
		return mkdirat(parent, name, 0755) < 0 ? -errno : 0;
	cleanup_close int fd = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0644);
	return fd < 0 ? -errno : 0;
}

int path_make_in(int root_fd, const char *path, enum path_kind kind, bool *ret_made)
{
	struct arena arena = {0};
	bool made = false;
	int fd;

	/* Open ever longer prefixes from the root: RESOLVE_IN_ROOT must see the whole way to confine it. */
	char *prefix = arena_strdup(&arena, path);
	for (char *slash = prefix;;) {
		slash += strspn(slash, "/");
		slash += strcspn(slash, "/");
		bool last = !slash[strspn(slash, "/")];
		char kept = *slash;
		*slash = 0;

		fd = path_open_in(root_fd, prefix, O_PATH);
		if (fd == -ENOENT) {
			cleanup_close int parent = path_open_in(root_fd, path_dirname(&arena, prefix), O_PATH | O_DIRECTORY);
			int r = parent < 0 ? parent : make_component(parent, path_basename(prefix), last ? kind : PATH_DIRECTORY);

			/* EEXIST: a dangling symlink stands there; what it names inside the root is not ours to make. */
			fd = r < 0 ? r : path_open_in(root_fd, prefix, O_PATH);
			made = true;
		}
		if (fd < 0 || last)
			break;
		(void)fd_close(fd);
		*slash = kept;
	}
	arena_done(&arena);
	if (fd >= 0 && ret_made)
		*ret_made = made;
	return fd;
}

int path_make_dirs(const char *path, mode_t mode)
{
	char *prefix = mem_strdup(path);
	struct stat st;
	int r = 0;

	for (char *slash = prefix + 1; r == 0; slash++) {
		char kept;

		slash += strcspn(slash, "/");
		kept = *slash;
		*slash = 0;
		if (mkdir(prefix, mode) < 0 && errno != EEXIST)
			r = -errno;
		*slash = kept;
		if (!kept)
			break;
	}
	free(prefix);
	if (r == 0 && stat(path, &st) < 0)
		return -errno;
	return r == 0 && !S_ISDIR(st.st_mode) ? -ENOTDIR : r;
}
