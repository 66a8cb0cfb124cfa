/* Within store*.c: files of the store by their path in it, never through a symlink, and what appears under a final name all at once. */
#ifndef CARREL_IMAGE_STORE_PARTS_H
#define CARREL_IMAGE_STORE_PARTS_H

#include <dirent.h>

#include "image/store.h"
#include "util/buf.h"

enum {
	STORE_ID = 16,          /* random hexadecimal digits: a name that nobody else takes */
	STORE_NAME = 64,        /* of a file in tmp/, with its zero */
	STORE_REF_MAX = DIGEST_TEXT + 1,
};

/* The locks of those who remove (store_gc.h). */
#define STORE_GC_LOCK "gc"
#define STORE_TRASH_LOCK "trash"

/* openat2(2) beneath the store, O_CLOEXEC and without any symlink. A descriptor or -errno; -ENOENT too where there is no store. */
int store_open_in(const struct store *store, const char *path, int flags) MUST_CHECK;
/* The same for an object that is absent while somebody decides whether it goes: then look again when that is decided. */
int store_look(const struct store *store, const char *path, int flags) MUST_CHECK;
/* An open directory stream, or NULL with errno. */
DIR *store_list(const struct store *store, const char *path);
/* Read a file of ours, at most `limit` bytes (-EFBIG), in as few calls as it takes. */
int store_slurp(int fd, size_t limit, char **ret_text, size_t *ret_size) MUST_CHECK;

void store_make_id(char id[STORE_ID + 1]);
/* A new file FOLDER/ID.SUFFIX, open for reading and writing, with its lock held: as long as that is so, it has an owner. */
int store_make_temp(const struct store *store, const char *folder, const char *suffix, char ret_name[STORE_NAME], int *ret_fd) MUST_CHECK;
/* Rename, in the place of what is there or (`is_new`, -EEXIST) only where nothing is. */
int store_move(const struct store *store, const char *from, const char *to, bool is_new) MUST_CHECK;
int store_unlink(const struct store *store, const char *path) MUST_CHECK;
/* A whole file by way of tmp/. */
int store_write(const struct store *store, const char *path, const void *data, size_t size, bool is_new) MUST_CHECK;
/* Out of the way, into trash/, to be removed by the next sweep. */
int store_drop(const struct store *store, const char *path) MUST_CHECK;
/* Is this descriptor still what the name leads to? */
bool store_is_at(const struct store *store, const char *path, int fd);

/* store_lock, but -EWOULDBLOCK where somebody has it. */
int store_lock_now(const struct store *store, const char *name) MUST_CHECK;

/* store_record.c: open the record of a manifest with a shared lock, and be sure that it was still the record then. */
int store_hold_image(const struct store *store, const struct digest *manifest, int *ret_fd) MUST_CHECK;
int store_read_record(struct arena *arena, int fd, const struct digest *manifest, struct image *ret, struct error *err) MUST_CHECK;

/* What there is, listed once by who looks for many words. One that is gone by now has no name, or no digests. */
struct store_listing {
	struct image *images;
	size_t image_count;
	struct store_ref *refs;
	size_t ref_count;
};
/* store_find.c: store_find, and whether it was by name: then *ret_reference is that, else it has no repository. `listing` may be NULL. */
int store_find_how(const struct store *store, const struct store_listing *listing, struct arena *arena, const char *word, struct reference *ret_reference, struct image *ret_image,
    int *ret_record_fd, struct error *err) MUST_CHECK;
/* store_refs.c: store_untag without the index; and by the name that store_refs gives, which in a store of somebody else's making may be no reference. */
int store_unref(const struct store *store, const struct reference *reference, struct error *err) MUST_CHECK;
int store_unref_name(const struct store *store, const char *name, struct error *err) MUST_CHECK;

#endif
