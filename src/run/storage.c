#include "run/storage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isolate/inside.h"
#include "util/fd.h"
#include "util/path.h"

enum { SWEEP_MOST = 4 }; /* a start cleans up in bounded time */

static int remove_tree(void *path)
{
	return path_remove_tree(AT_FDCWD, path);
}

int storage_remove(const struct host *host, const char *path, struct error *err)
{
	struct idmap_spec spec = {.mode = IDMAP_AUTO, .wants_range = true};
	struct idmap_facts facts;
	struct idmap_plan ids;
	int r = path_remove_tree(AT_FDCWD, path);

	if (r == 0)
		return 0;
	if (r != -EACCES && r != -EPERM)
		return error_set(err, -r, "cannot remove '%s'", path);
	/* The rest belongs to subordinate ids, who are ours inside a user namespace. */
	r = host_id_facts(host, &facts, err);
	if (r == 0)
		r = idmap_plan(host->arena, &spec, &facts, &ids, err);
	if (r < 0)
		return r;
	struct error why = {0};
	r = inside_run(&ids, remove_tree, (void *)path, &why);
	if (r == 0)
		return 0;
	if (!why.code)
		return error_set(err, -r, "cannot remove '%s'", path);
	if (err)
		*err = why;
	return -why.code;
}

/* A folder whose lock is free belongs to nobody who lives. */
static void sweep(const struct host *host, const char *folder, unsigned most)
{
	/* A symlink in its place would have us remove what is not ours. */
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	unsigned swept = 0;

	while (dir && swept < most && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		cleanup_close int lock = openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0)
			continue;
		swept++;
		(void)!storage_remove(host, arena_printf(host->arena, "%s/%s", folder, entry->d_name), NULL); /* the next start tries again */
	}
	if (dir)
		closedir(dir);
}

void storage_sweep_scratch(const struct host *host)
{
	sweep(host, arena_printf(host->arena, "%s/scratch", host->store_dir), UINT_MAX);
}

int storage_make_scratch(struct plan *plan, int *ret_lock, struct error *err)
{
	char *folder = arena_printf(plan->arena, "%s/scratch", plan->host->store_dir);
	int r = path_make_dirs(folder, 0700);

	if (r < 0)
		return error_set(err, -r, "cannot make the scratch folder '%s'", folder);
	sweep(plan->host, folder, SWEEP_MOST);
	/* Between the making and the lock it looks like one whose owner is gone, and another start may sweep it. */
	for (int tries = 0; tries < 16; tries++) {
		char *made = arena_printf(plan->arena, "%s/XXXXXX", folder);
		struct stat st;

		if (!mkdtemp(made))
			return error_set(err, errno, "cannot make a scratch folder in '%s'", folder);
		cleanup_close int lock = open(made, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0 || fstat(lock, &st) < 0 || st.st_nlink == 0)
			continue;
		*ret_lock = take_fd(lock);
		plan->tree.scratch_dir = made;
		return 0;
	}
	return error_set(err, EAGAIN, "cannot lock a scratch folder in '%s'", folder);
}

int storage_remove_instance(const struct host *host, const char *name, struct error *err)
{
	const char *folder = arena_printf(host->arena, "%s/instances/%s", host->store_dir, name);
	cleanup_close int lock = -1;

	if (!*name || strchr(name, '/') || name[0] == '.') {
		error_set(err, EINVAL, "cannot remove the sandbox '%s'", name);
		return error_cause(err, "this is no name of a sandbox");
	}
	lock = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (lock < 0) {
		error_set(err, errno, "cannot remove the sandbox '%s'", name);
		return errno == ENOENT ? error_cause(err, "no sandbox of this name is kept") : -err->code;
	}
	if (flock(lock, LOCK_EX | LOCK_NB) < 0) {
		error_set(err, EBUSY, "cannot remove the sandbox '%s'", name);
		error_cause(err, "it is running");
		return error_hint(err, "end it first");
	}
	return storage_remove(host, folder, err);
}
