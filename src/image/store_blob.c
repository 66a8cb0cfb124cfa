#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/digest_hash.h"
#include "image/store.h"
#include "image/store_parts.h"
#include "util/fd.h"

enum { BLOB_PATH = 13 + DIGEST_HEX + 1, CHUNK = 1 << 16 };

static void blob_path(const struct digest *digest, char path[BLOB_PATH])
{
	(void)snprintf(path, BLOB_PATH, "blobs/sha256/%s", digest_hex(digest));
}

/* --- reading --- */

static int hash_file(int fd, struct digest *ret)
{
	cleanup_digest_hash struct digest_hash *hash = digest_hash_new();
	cleanup_free char *chunk = mem_resize(NULL, CHUNK, 1);
	off_t at = 0;

	for (;;) {
		ssize_t n = pread(fd, chunk, CHUNK, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		digest_hash_add(hash, chunk, (size_t)n);
		at += n;
	}
	digest_hash_value(hash, ret);
	return 0;
}

/* A bad blob is as good as none, and in the way of a good one. Whoever put a good one there meanwhile gets it back. */
static void remove_bad(const struct store *store, const char *path, int bad)
{
	char id[STORE_ID + 1], place[STORE_NAME];

	if (!store->writable)
		return;
	store_make_id(id);
	(void)snprintf(place, sizeof(place), "trash/dead-%s", id);
	if (store_move(store, path, place, false) == 0 && !store_is_at(store, place, bad))
		(void)!store_move(store, place, path, true); /* where a third one stands already, all is well */
}

int store_open_blob(const struct store *store, const struct digest *digest, uint64_t size)
{
	char path[BLOB_PATH];
	struct digest real;
	struct stat st;
	int r;

	blob_path(digest, path);
	cleanup_close int fd = store_look(store, path, O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size && (size == UINT64_MAX || (uint64_t)st.st_size == size))
		return take_fd(fd);
	/* Who is wrong: a power cut that took the end of the file, or a manifest that lies? */
	r = hash_file(fd, &real);
	if (r < 0)
		return r;
	if (digest_equal(&real, digest))
		return size == UINT64_MAX || size == (uint64_t)st.st_size ? take_fd(fd) : -EBADMSG;
	remove_bad(store, path, fd);
	return -ENOENT;
}

int store_read_blob(const struct store *store, const struct digest *digest, size_t limit, char **ret_text, size_t *ret_size, struct error *err)
{
	cleanup_close int fd = store_open_blob(store, digest, UINT64_MAX);
	cleanup_free char *text = NULL;
	char path[BLOB_PATH];
	struct digest real;
	size_t size = 0;
	int r = fd < 0 ? fd : fd_slurp(fd, limit, &text, &size);

	if (r < 0) {
		(void)error_set(err, -r, "cannot read the blob %s", digest->text);
		if (r == -ENOENT)
			(void)error_cause(err, "it is not in the store '%s'", store->path);
		if (r == -EFBIG)
			(void)error_cause(err, "it has more than %zu bytes", limit);
		return r;
	}
	digest_of(text, size, &real);
	if (!digest_equal(&real, digest)) {
		blob_path(digest, path);
		remove_bad(store, path, fd);
		(void)error_set(err, ENOENT, "cannot use the blob %s", digest->text);
		return error_cause(err, "it was damaged, as after a power cut: its digest is %s", real.text);
	}
	*ret_text = take_ptr(text);
	*ret_size = size;
	return 0;
}

/* --- writing --- */

static int fail(const struct store *store, int r, struct error *err)
{
	return error_set(err, -r, "cannot write a blob in the store '%s'", store->path);
}

int store_blob_begin(const struct store *store, struct store_blob *ret, struct error *err)
{
	struct store_blob blob = {.store = store, .fd = -1};
	char name[STORE_NAME];
	int r = store_make_temp(store, "tmp", "", name, &blob.fd);

	if (r < 0)
		return fail(store, r, err);
	(void)snprintf(blob.name, sizeof(blob.name), "%s", name);
	blob.hash = digest_hash_new();
	disk_room_begin(&blob.room, blob.fd);
	*ret = blob;
	return 0;
}

int store_blob_add(struct store_blob *blob, const void *data, size_t size, struct error *err)
{
	char cause[DISK_ROOM_CAUSE];
	int r = disk_room_take(&blob->room, size, 0, cause);

	if (r < 0) {
		(void)fail(blob->store, r, err);
		return error_cause(err, "%s", cause);
	}
	r = fd_write_all(blob->fd, data, size);
	if (r < 0)
		return fail(blob->store, r, err);
	digest_hash_add(blob->hash, data, size);
	blob->size += size;
	return 0;
}

int store_blob_commit(struct store_blob *blob, const struct digest *expected, uint64_t expected_size, struct digest *ret, struct error *err)
{
	char from[STORE_NAME + 8], to[BLOB_PATH];
	struct digest real;
	int r;

	digest_hash_value(blob->hash, &real);
	if (expected_size != UINT64_MAX && blob->size != expected_size) {
		(void)error_set(err, EBADMSG, "cannot take the blob %s", expected ? expected->text : real.text);
		return error_cause(err, "it has %llu bytes, and %llu were announced", (unsigned long long)blob->size, (unsigned long long)expected_size);
	}
	if (expected && digest_is_set(expected) && !digest_equal(expected, &real)) {
		(void)error_set(err, EBADMSG, "cannot take the blob %s", expected->text);
		return error_cause(err, "its digest is %s", real.text);
	}
	(void)snprintf(from, sizeof(from), "tmp/%s", blob->name);
	blob_path(&real, to);
	r = store_move(blob->store, from, to, false);
	if (r < 0)
		return fail(blob->store, r, err);
	blob->name[0] = 0;
	if (ret)
		*ret = real;
	return 0;
}

void store_blob_abandon(struct store_blob *blob)
{
	char path[STORE_NAME + 8];

	(void)snprintf(path, sizeof(path), "tmp/%s", blob->name);
	if (blob->fd >= 0 && blob->name[0])
		(void)!store_unlink(blob->store, path); /* the next sweep does it */
	blob->fd = fd_close(blob->fd);
	digest_hash_free(blob->hash);
	blob->hash = NULL;
	blob->name[0] = 0;
}

int store_put_blob(const struct store *store, const void *data, size_t size, struct digest *ret, struct error *err)
{
	struct store_blob blob;
	int r = store_blob_begin(store, &blob, err);

	if (r < 0)
		return r;
	r = store_blob_add(&blob, data, size, err);
	if (r == 0)
		r = store_blob_commit(&blob, NULL, UINT64_MAX, ret, err);
	store_blob_abandon(&blob);
	return r;
}
