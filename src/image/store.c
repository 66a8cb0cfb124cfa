#include "image/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/store_parts.h"
#include "util/fd.h"
#include "util/path.h"

#define MARK "oci-layout"

static const char *const folders[] = {"blobs", "blobs/sha256", "layers", "images", "refs", "tmp", "locks", "claims", "trash"};

/* Whoever can write to the store chooses what our sandboxes run. */
static int check_owner(const char *path, int dir, struct error *err)
{
	struct stat st;

	if (fstat(dir, &st) < 0)
		return error_set(err, errno, "cannot look at the store '%s'", path);
	if (st.st_uid != geteuid() && st.st_uid != 0) {
		(void)error_set(err, EPERM, "cannot use the store '%s'", path);
		(void)error_cause(err, "it belongs to another user (uid %u)", st.st_uid);
		return error_hint(err, "set CARREL_ROOT to a folder of your own");
	}
	if (st.st_mode & 022) {
		(void)error_set(err, EPERM, "cannot use the store '%s'", path);
		(void)error_cause(err, "others may write to it (mode %04o)", st.st_mode & 07777);
		return error_hint(err, "chmod 700 '%s'", path);
	}
	return 0;
}

int store_open(const char *path, struct store *ret, struct error *err)
{
	cleanup_close int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (dir < 0)
		return error_set(err, errno, "cannot open the store '%s'", path);
	r = check_owner(path, dir, err);
	if (r == 0)
		*ret = (struct store){.path = mem_strdup(path), .dir = take_fd(dir), .writable = false};
	return r;
}

/* --- is it ours? --- */

static bool has(const struct store *store, const char *name)
{
	struct stat st;

	return fstatat(store->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Nothing but what another process that makes this very store may have there by now: its temporary file. */
static bool is_untouched(const struct store *store, const char *folder)
{
	DIR *dir = store_list(store, folder);
	struct dirent *entry;
	bool untouched = dir || errno == ENOENT;

	while (dir && untouched && (entry = readdir(dir)))
		untouched = entry->d_name[0] == '.' || !strcmp(entry->d_name, "sha256") || (strspn(entry->d_name, "0123456789abcdef") == STORE_ID && strlen(entry->d_name) == STORE_ID);
	if (dir)
		(void)closedir(dir);
	return untouched;
}

static int refuse_place(const struct store *store, const char *cause, const char *name, struct error *err)
{
	(void)error_set(err, EEXIST, "cannot use '%s' as a store", store->path);
	(void)error_cause(err, cause, name);
	return error_hint(err, "set CARREL_ROOT to a folder that is empty, or not there yet");
}

int store_check_place(const struct store *store, struct error *err)
{
	if (has(store, MARK))
		return has(store, "locks") || !has(store, "index.json") ? 0 : refuse_place(store, "it is an image layout that somebody else has made (%s)", MARK, err);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		/* (By now the other process may have finished, and put something there.) */
		if (!is_untouched(store, folders[i]) && !has(store, MARK))
			return refuse_place(store, "its folder '%s' has something in it that is not carrel's", folders[i], err);
	}
	return 0;
}

/* What is missing, the mark of an image layout last: it says that the folders are there. */
static int complete(const struct store *store, struct error *err)
{
	static const char layout[] = "{\"imageLayoutVersion\": \"1.0.0\"}\n";
	int r = store_check_place(store, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (mkdirat(store->dir, folders[i], 0700) < 0 && errno != EEXIST)
			return error_set(err, errno, "cannot make the folder '%s/%s'", store->path, folders[i]);
	if (has(store, MARK))
		return 0;
	r = store_write_index(store, err);
	if (r < 0)
		return r;
	r = store_write(store, MARK, layout, sizeof(layout) - 1, false);
	return r < 0 ? error_set(err, -r, "cannot write '%s/oci-layout'", store->path) : 0;
}

int store_create(const char *path, struct store *ret, struct error *err)
{
	struct store store = {.dir = -1};
	int r = path_make_dirs(path, 0700);

	if (r < 0)
		return error_set(err, -r, "cannot make the store '%s'", path);
	r = store_open(path, &store, err);
	if (r < 0)
		return r;
	store.writable = true;
	r = complete(&store, err);
	if (r < 0)
		store_close(&store);
	else
		*ret = store;
	return r;
}

void store_close(struct store *store)
{
	free(store->path);
	*store = (struct store){.dir = fd_close(store->dir)};
}
