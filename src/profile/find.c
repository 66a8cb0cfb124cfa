#include "profile/find.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "profile/node.h"
#include "profile/suggest.h"
#include "util/fd.h"

static const char suffix[] = ".yaml";
enum { SUFFIX_LEN = sizeof(suffix) - 1, NAME_LENGTH_MAX = 200 };

static bool ends_in_suffix(const char *name)
{
	size_t len = strlen(name);

	return len > SUFFIX_LEN && strcmp(name + len - SUFFIX_LEN, suffix) == 0;
}

bool find_is_path(const char *name)
{
	return strchr(name, '/') || ends_in_suffix(name);
}

static int fail(struct error *err, int code, const char *name, const char *cause, const char *hint, const struct origin *at)
{
	error_set(err, code, "cannot read profile '%s'", name);
	if (cause)
		error_cause(err, "%s", cause);
	error_hint(err, "%s", hint);
	error_at(err, at, at ? "extends" : NULL);
	return -code;
}

/* One open, one stat and one read: a profile is read at every start. */
static int slurp(struct arena *arena, const char *file, const char **ret_text, size_t *ret_size)
{
	/* O_NONBLOCK: a FIFO in its place must not hang us. */
	cleanup_close int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > NODE_FILE_MAX)
		return -EFBIG;
	size_t room = (size_t)st.st_size, size = 0;
	char *text = arena_alloc(arena, room + 1);
	for (ssize_t n = 1; n && size < room; size += (size_t)n) {
		n = read(fd, text + size, room - size);
		if (n < 0 && errno == EINTR) {
			n = 1;
			size--;
			continue;
		}
		if (n < 0)
			return -errno;
	}
	*ret_text = text;
	*ret_size = size;
	return 0;
}

static int fail_file(struct error *err, int code, const char *file, const struct origin *at)
{
	const char *cause = code == EINVAL ? "it is not a regular file" : code == EISDIR ? "it is a directory" : code == EFBIG ? "it is larger than 1 MiB" : NULL;

	return fail(err, code, file, cause, "", at);
}

static int load_path(struct arena *arena, const char *name, const char *from, const struct origin *at, const char **ret_file, const char **ret_text, size_t *ret_size,
		     struct error *err)
{
	const char *slash = from ? strrchr(from, '/') : NULL;

	/* One name for one file, where that is cheap: a circle of extends is known by it. */
	while (slash && name[0] == '.' && name[1] == '/')
		name += 2;
	const char *file = name[0] == '/' || !slash ? arena_strdup(arena, name) : arena_printf(arena, "%.*s%s", (int)(slash - from) + 1, from, name);
	int r = slurp(arena, file, ret_text, ret_size);

	if (r < 0)
		return fail_file(err, -r, file, at);
	*ret_file = file;
	return 0;
}

static int fail_unknown(const struct profile_path *path, const char *name, const struct origin *at, struct error *err)
{
	struct arena arena = {0};
	struct suggestion suggestion = {.wanted = name};
	struct found_profile *found;
	size_t count;

	find_all(&arena, path, &found, &count);
	for (size_t i = 0; i < count; i++)
		suggest_offer(&suggestion, found[i].name);
	(void)fail(err, ENOENT, name, "no profile has this name", "see  carrel profile list ; a path needs a slash: ./file.yaml", at); /* returned below */
	if (suggestion.best)
		error_hint(err, "did you mean '%s'?", suggestion.best);
	arena_done(&arena);
	return -ENOENT;
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat sa, sb;

	return strcmp(a, b) == 0 || (stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino);
}

int find_load(struct arena *arena, const struct profile_path *path, const char *name, const char *from, const struct origin *at, const char **ret_file, const char **ret_text,
	      size_t *ret_size, struct error *err)
{
	bool skipped = false;

	if (!*name)
		return fail(err, EINVAL, name, "the name is empty", "", at);
	if (find_is_path(name))
		return load_path(arena, name, from, at, ret_file, ret_text, ret_size, err);
	if (strlen(name) > NAME_LENGTH_MAX || *name == '.')
		return fail(err, EINVAL, name, "it is not the name of a profile", "", at);
	for (const char *const *folder = path->folders; folder < path->folders + ARRAY_SIZE(path->folders) && *folder; folder++) {
		const char *file = arena_printf(arena, "%s/%s%s", *folder, name, suffix);
		int r = slurp(arena, file, ret_text, ret_size);

		if (r == -ENOENT || r == -ENOTDIR)
			continue;
		if (r < 0)
			return fail_file(err, -r, file, at);
		if (from && is_same_file(from, file)) {
			skipped = true;
			continue;
		}
		*ret_file = file;
		return 0;
	}
	if (skipped)
		return fail(err, ELOOP, name, "it extends itself, and no later folder has a profile of this name", "", at);
	return fail_unknown(path, name, at, err);
}

static int compare_found(const void *a, const void *b)
{
	return strcmp(((const struct found_profile *)a)->name, ((const struct found_profile *)b)->name);
}

static void find_in_folder(struct arena *arena, const char *folder, struct found_profile **found, size_t *count)
{
	DIR *dir = opendir(folder);
	size_t before = *count;

	if (!dir)
		return; /* a folder of the search path need not exist */
	for (struct dirent *entry; (entry = readdir(dir));) {
		size_t len = strlen(entry->d_name);
		bool is_known = false;

		if (entry->d_name[0] == '.' || !ends_in_suffix(entry->d_name))
			continue;
		const char *name = arena_strndup(arena, entry->d_name, len - SUFFIX_LEN);
		for (size_t i = 0; i < before && !is_known; i++)
			is_known = strcmp((*found)[i].name, name) == 0;
		if (is_known)
			continue;
		*found = arena_grow(arena, *found, *count, sizeof(**found));
		(*found)[(*count)++] = (struct found_profile){name, arena_printf(arena, "%s/%s", folder, entry->d_name)};
	}
	(void)closedir(dir); /* it was only read */
}

void find_all(struct arena *arena, const struct profile_path *path, struct found_profile **ret, size_t *ret_count)
{
	*ret = NULL;
	*ret_count = 0;
	for (const char *const *folder = path->folders; folder < path->folders + ARRAY_SIZE(path->folders) && *folder; folder++)
		find_in_folder(arena, *folder, ret, ret_count);
	if (*ret_count)
		qsort(*ret, *ret_count, sizeof(**ret), compare_found);
}
