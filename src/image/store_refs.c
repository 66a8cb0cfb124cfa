#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/store.h"
#include "image/store_parts.h"
#include "util/fd.h"

/* A name as store_refs gives it, and its file's. */
static char *file_of(struct arena *arena, const char *name)
{
	char *path = arena_printf(arena, "refs/%s", name);

	for (char *slash = path + strlen("refs/"); (slash = strchr(slash, '/'));)
		*slash = '%';
	return path;
}

/* "refs/NAME". A digest says more than a tag, which is only for people then. */
static int ref_path(const struct reference *reference, struct arena *arena, char **ret, struct error *err)
{
	struct reference key = *reference;
	char *name;

	if (digest_is_set(&key.digest))
		key.tag = NULL;
	name = reference_format(arena, &key);
	if (strlen(name) > NAME_MAX) {
		(void)error_set(err, ENAMETOOLONG, "cannot keep the reference '%s'", name);
		return error_cause(err, "it has more than %d characters", NAME_MAX);
	}
	*ret = file_of(arena, name);
	return 0;
}

/* What a power cut left empty is no reference. -ENOENT, -EINVAL, or another errno. */
static int read_ref(int fd, struct digest *ret)
{
	cleanup_free char *text = NULL;
	size_t size;
	int r = store_slurp(fd, STORE_REF_MAX, &text, &size);

	if (r < 0)
		return r == -EFBIG ? -EINVAL : r;
	if (!size)
		return -ENOENT;
	if (text[size - 1] == '\n')
		text[size - 1] = 0;
	return digest_parse(text, ret, NULL);
}

static int look_up(const struct store *store, const char *path, struct digest *ret)
{
	cleanup_close int fd = store_open_in(store, path, O_RDONLY | O_NONBLOCK);

	return fd < 0 ? fd : read_ref(fd, ret);
}

/* NAME@DIGEST is also there when one of that repository's tags leads to it. */
static int look_up_digest(const struct store *store, struct arena *arena, const struct reference *reference, struct digest *ret)
{
	const struct reference repository = {.registry = reference->registry, .repository = reference->repository};
	const char *name = reference_format(arena, &repository);
	struct store_ref *refs;
	size_t count, len = strlen(name);
	int r = store_refs(store, arena, &refs, &count, NULL);

	for (size_t i = 0; r == 0 && i < count; i++) {
		if (strncmp(refs[i].name, name, len) != 0 || refs[i].name[len] != ':' || !digest_equal(&refs[i].manifest, &reference->digest))
			continue;
		*ret = reference->digest;
		return 0;
	}
	return r < 0 ? r : -ENOENT;
}

int store_ref(const struct store *store, struct arena *arena, const struct reference *reference, struct digest *ret, struct error *err)
{
	char *path;
	int r = ref_path(reference, arena, &path, err);

	if (r < 0)
		return r;
	r = look_up(store, path, ret);
	if (r == -ENOENT && digest_is_set(&reference->digest))
		r = look_up_digest(store, arena, reference, ret);
	return r < 0 ? error_set(err, -r, "cannot read the reference '%s'", reference_format(arena, reference)) : 0;
}

/* The claim keeps the image there between the look at its record and the reference that keeps it from then on. */
int store_tag_unlisted(const struct store *store, const struct reference *reference, const struct digest *manifest, struct error *err)
{
	const struct digest *const wanted[] = {manifest};
	struct arena arena = {0};
	cleanup_close int claim = -1, record = -1;
	char text[STORE_REF_MAX + 1];
	char *path;
	int r = ref_path(reference, &arena, &path, err);

	if (r == 0)
		r = store_claim(store, wanted, ARRAY_SIZE(wanted), &claim, err);
	if (r == 0) {
		r = store_hold_image(store, manifest, &record);
		if (r < 0)
			r = error_set(err, -r, "cannot find the image %s", manifest->text);
	}
	if (r == 0) {
		(void)snprintf(text, sizeof(text), "%s\n", manifest->text);
		r = store_write(store, path, text, strlen(text), false);
		if (r < 0)
			r = error_set(err, -r, "cannot write the reference '%s'", reference_format(&arena, reference));
	}
	arena_done(&arena);
	return r;
}

int store_tag(const struct store *store, const struct reference *reference, const struct digest *manifest, struct error *err)
{
	int r = store_tag_unlisted(store, reference, manifest, err);

	return r < 0 ? r : store_write_index(store, err);
}

static int unlink_ref(const struct store *store, const char *path, const char *name, struct error *err)
{
	int r = store_unlink(store, path);

	if (r < 0)
		(void)error_set(err, -r, "cannot remove the reference '%s'", name);
	if (r == -ENOENT)
		(void)error_cause(err, "there is none of this name");
	return r;
}

int store_unref(const struct store *store, const struct reference *reference, struct error *err)
{
	struct arena arena = {0};
	char *path;
	int r = ref_path(reference, &arena, &path, err);

	if (r == 0)
		r = unlink_ref(store, path, reference_format(&arena, reference), err);
	arena_done(&arena);
	return r;
}

int store_unref_name(const struct store *store, const char *name, struct error *err)
{
	struct arena arena = {0};
	int r = unlink_ref(store, file_of(&arena, name), name, err);

	arena_done(&arena);
	return r;
}

int store_untag(const struct store *store, const struct reference *reference, struct error *err)
{
	int r = store_unref(store, reference, err);

	return r < 0 ? r : store_write_index(store, err);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct store_ref *)a)->name, ((const struct store_ref *)b)->name);
}

int store_refs(const struct store *store, struct arena *arena, struct store_ref **ret, size_t *ret_count, struct error *err)
{
	DIR *dir = store_list(store, "refs");
	struct store_ref *refs = NULL;
	struct dirent *entry;
	size_t count = 0;

	if (!dir && errno != ENOENT)
		return error_set(err, errno, "cannot list the references in the store '%s'", store->path);
	while (dir && (entry = readdir(dir))) {
		struct digest manifest;

		if (entry->d_name[0] == '.')
			continue;
		cleanup_close int fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0 || read_ref(fd, &manifest) < 0)
			continue; /* removed meanwhile, or none of ours */
		char *name = arena_strdup(arena, entry->d_name);
		for (char *slash = name; (slash = strchr(slash, '%'));)
			*slash = '/';
		refs = arena_grow(arena, refs, count, sizeof(*refs));
		refs[count++] = (struct store_ref){name, manifest};
	}
	if (dir)
		(void)closedir(dir);
	if (count)
		qsort(refs, count, sizeof(*refs), by_name);
	*ret = refs;
	*ret_count = count;
	return 0;
}
