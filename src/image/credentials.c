/* The files and helpers in their order. A file that is there and cannot be read is an error: silently being somebody else would be worse. */
#include "image/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/credentials_parts.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/path.h"

enum { FILES_MAX = 3 };

static void wipe(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	free(*text);
	*text = NULL;
}

void credentials_done(struct credentials *credentials)
{
	wipe(&credentials->user);
	wipe(&credentials->password);
	wipe(&credentials->identity_token);
	free(credentials->source);
	credentials->source = NULL;
}

/* --- which files --- */

struct auth_file {
	const char *path;
	bool is_dockers; /* who calls Docker Hub by its address */
};

static bool is_set(const char *text)
{
	return text && *text;
}

/* In the order of reading; the file that is made where there is none stands first. */
static size_t list_files(struct arena *arena, const struct credentials_place *place, struct auth_file files[FILES_MAX])
{
	size_t count = 0;

	if (is_set(place->auth_file)) {
		files[count++] = (struct auth_file){.path = place->auth_file};
		return count;
	}
	if (is_set(place->docker_config))
		files[count++] = (struct auth_file){arena_printf(arena, "%s/config.json", place->docker_config), true};
	else if (is_set(place->home))
		files[count++] = (struct auth_file){arena_printf(arena, "%s/.docker/config.json", place->home), true};
	if (is_set(place->runtime_dir))
		files[count++] = (struct auth_file){.path = arena_printf(arena, "%s/containers/auth.json", place->runtime_dir)};
	if (is_set(place->config_home))
		files[count++] = (struct auth_file){.path = arena_printf(arena, "%s/containers/auth.json", place->config_home)};
	else if (is_set(place->home))
		files[count++] = (struct auth_file){.path = arena_printf(arena, "%s/.config/containers/auth.json", place->home)};
	return count;
}

/* 1: read, 0: there is none. */
static int read_file(const char *path, char **ret_text, size_t *ret_size, struct error *err)
{
	int r = fd_slurp_at(AT_FDCWD, path, AUTH_FILE_MAX, ret_text, ret_size);

	if (r == 0)
		return 1;
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	(void)error_set(err, -r, "cannot read '%s', which has passwords for registries", path);
	if (r == -EACCES)
		(void)error_hint(err, "it is somebody else's (after `sudo docker login`?): give it back with chown, or remove it");
	else if (r == -EINVAL)
		(void)error_cause(err, "it is no regular file");
	else if (r == -EFBIG)
		(void)error_cause(err, "it has more than %d MiB", AUTH_FILE_MAX >> 20);
	return r;
}

/* 1: read and taken apart, 0: there is none. */
static int look_into(const char *path, const char *registry, const char *repository, struct auth_found *ret, struct error *err)
{
	cleanup_free char *text = NULL, *name = mem_printf("'%s'", path);
	size_t size;
	int r = read_file(path, &text, &size, err);

	if (r <= 0)
		return r;
	r = auth_file_parse(name, text, size, registry, repository, ret, err);
	explicit_bzero(text, size);
	return r < 0 ? r : 1;
}

/* --- finding --- */

/* 1: found, 0: this file and its helper have nothing. */
static int find_in(const struct credentials_place *place, const char *path, const struct reference *reference, struct credentials *ret, struct error *err)
{
	struct auth_found found = {0};
	struct error none = {0};
	int r = look_into(path, reference->registry, reference->repository, &found, err);

	if (r <= 0)
		return r;
	if (found.helper) {
		struct credentials by_helper;

		r = auth_helper_get(found.helper, place->path, reference->registry, &by_helper, &none);
		if (r == 0) {
			credentials_done(&found.credentials);
			found.credentials = by_helper;
		} else if (r != -ENOENT && !found.credentials.source) {
			if (err)
				*err = none;
			auth_found_done(&found);
			return r;
		}
	}
	r = found.credentials.source ? 1 : 0;
	if (r == 1) {
		*ret = found.credentials;
		found.credentials = (struct credentials){0};
	}
	auth_found_done(&found);
	return r;
}

int credentials_find(const struct credentials_place *place, const struct reference *reference, struct credentials *ret, struct error *err)
{
	struct arena arena = {0};
	struct auth_file files[FILES_MAX];
	struct credentials found = {0};
	size_t count = list_files(&arena, place, files);
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++)
		r = find_in(place, files[i].path, reference, &found, err);
	arena_done(&arena);
	if (r < 0)
		return r;
	*ret = found;
	return 0;
}

/* --- keeping --- */

/* Under a name of its own, then renamed: whoever reads sees the old or the new one, and a full disk leaves the old one. A symlink, as people have it to a
 * folder of their settings, stays one. */
static int replace_file(const char *path, const struct buf *text, struct error *err)
{
	cleanup_free char *real = realpath(path, NULL), *folder = NULL, *name = mem_printf("%s.XXXXXX", real ? real : path);
	struct arena arena = {0};
	cleanup_close int fd = -1;
	int r = 0;

	if (!real) {
		folder = mem_strdup(path_dirname(&arena, path));
		r = path_make_dirs(folder, 0700);
		arena_done(&arena);
		if (r < 0)
			return error_set(err, -r, "cannot make the folder '%s'", folder);
	}
	fd = mkostemp(name, O_CLOEXEC); /* of mode 0600 */
	if (fd < 0)
		return error_set(err, errno, "cannot write '%s'", name);
	r = fd_write_all(fd, text->text, text->size);
	if (r == 0 && (fsync(fd) < 0 || rename(name, real ? real : path) < 0))
		r = -errno;
	if (r < 0) {
		(void)unlink(name); /* what went wrong is told */
		return error_set(err, -r, "cannot write '%s'", path);
	}
	return 0;
}

static int edit(const struct auth_file *file, const char *registry, const struct credentials *credentials, bool *ret_had, struct error *err)
{
	cleanup_free char *text = NULL, *name = mem_printf("'%s'", file->path);
	struct buf out = {0};
	size_t size = 0;
	bool had = false;
	int r = read_file(file->path, &text, &size, err);

	if (r < 0 || (r == 0 && !credentials))
		return r;
	r = auth_file_edit(name, text ? text : "", size, registry, file->is_dockers ? auth_docker_name(registry) : registry, credentials, &out, &had, err);
	if (r == 0 && (credentials || had))
		r = replace_file(file->path, &out, err);
	if (text)
		explicit_bzero(text, size);
	if (out.text)
		explicit_bzero(out.text, out.size);
	buf_done(&out);
	if (r == 0 && ret_had)
		*ret_had = had;
	return r;
}

static const struct auth_file *first_that_exists(const struct auth_file *files, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (access(files[i].path, F_OK) == 0)
			return &files[i];
	return &files[0];
}

int credentials_store(const struct credentials_place *place, const char *registry, const struct credentials *credentials, struct credentials_kept *ret, struct error *err)
{
	static const struct credentials elsewhere = {0};
	struct arena arena = {0};
	struct auth_file files[FILES_MAX];
	struct auth_found found = {0};
	const struct auth_file *file;
	size_t count = list_files(&arena, place, files);
	int r;

	if (!count) {
		(void)error_set(err, ENOENT, "there is no place to keep a password for '%s'", registry);
		return error_hint(err, "neither $HOME nor $DOCKER_CONFIG nor $REGISTRY_AUTH_FILE is set");
	}
	file = first_that_exists(files, count);
	r = look_into(file->path, registry, NULL, &found, err);
	if (r >= 0 && found.helper)
		r = auth_helper_store(found.helper, place->path, registry, credentials, err);
	if (r >= 0)
		r = edit(file, registry, found.helper ? &elsewhere : credentials, NULL, err);
	if (r == 0)
		*ret = (struct credentials_kept){.where = found.helper ? mem_printf("docker-credential-%s", found.helper) : mem_strdup(file->path), .by_helper = found.helper != NULL};
	auth_found_done(&found);
	arena_done(&arena);
	return r;
}

/* --- forgetting --- */

/* 1: it had something. */
static int erase_in(const struct credentials_place *place, const struct auth_file *file, const char *registry, struct credentials_kept *kept, struct error *err)
{
	struct auth_found found = {0};
	struct credentials by_helper;
	bool had = false;
	int r = look_into(file->path, registry, NULL, &found, err);

	if (r > 0 && found.helper) {
		/* Helpers differ in what they say of what they never had, so it is asked for first. */
		r = auth_helper_get(found.helper, place->path, registry, &by_helper, err);
		if (r == 0) {
			credentials_done(&by_helper);
			r = auth_helper_erase(found.helper, place->path, registry, err);
			if (r == 0)
				*kept = (struct credentials_kept){mem_printf("docker-credential-%s", found.helper), true};
		}
		if (r == -ENOENT)
			r = 0;
	}
	if (r >= 0)
		r = edit(file, registry, NULL, &had, err);
	if (r == 0 && had && !kept->where)
		*kept = (struct credentials_kept){mem_strdup(file->path), false};
	auth_found_done(&found);
	return r;
}

int credentials_erase(const struct credentials_place *place, const char *registry, struct credentials_kept *ret, struct error *err)
{
	struct arena arena = {0};
	struct auth_file files[FILES_MAX];
	struct credentials_kept first = {0};
	size_t count = list_files(&arena, place, files);
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++) {
		struct credentials_kept kept = {0};

		r = erase_in(place, &files[i], registry, &kept, err);
		if (!first.where)
			first = kept;
		else
			free(kept.where);
	}
	arena_done(&arena);
	if (r < 0) {
		free(first.where);
		return r;
	}
	if (!first.where) {
		(void)error_set(err, ENOENT, "nobody is logged in to '%s'", registry);
		(void)error_cause(err, "no file and no helper has an account for it");
		return -ENOENT;
	}
	if (err)
		*err = (struct error){0};
	*ret = first;
	return 0;
}
