/* The store: a folder of the user's own (0700) that is an OCI image layout (image-layout.md) with the layers extracted beside it.
 *
 *	oci-layout, index.json      of the layout; index.json is made anew from refs/ after each change, so that skopeo reads it
 *	blobs/sha256/HEX            manifests, configurations and layers as they came, compressed
 *	layers/HEX.range|single/tree/  the tree of the layer with this diff id; the name says how it was unpacked (unpack.h). In a folder of our own, since a
 *	                            directory that an archive made read-only or somebody else's cannot be renamed to another place (rename(2), EACCES)
 *	images/HEX                  the record (image.h) of the manifest with this digest
 *	refs/NAME                   one file for each reference, "sha256:HEX\n"; NAME is the reference in full with '%' for each '/'
 *	tmp/  locks/  claims/  trash/
 *
 * There is no global lock. Whatever appears under a final name is complete: it was written to tmp/ and renamed. What is wanted by two is made by one, who holds
 * locks/KIND-HEX; the other waits for that and then finds it there. Whoever is about to rely on objects writes a claim first (store_claim), a locked
 * file that names them; who removes (store_gc.h) takes what no ref, claim or running sandbox wants, by a rename into trash/ and a second look at the claims.
 * A running sandbox holds a shared flock(2) on its image's record. What a killed process left in tmp/, claims/ or trash/ has a free lock or no owner, and the next
 * writer sweeps it.
 *
 * Nothing is synced but what fdatasync costs nothing to wait for in the background: after a power cut a blob may be empty, so sizes are checked on use
 * (store_open_blob) and a bad blob is as good as none.
 */
#ifndef CARREL_IMAGE_STORE_H
#define CARREL_IMAGE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "image/digest.h"
#include "image/disk_room.h"
#include "image/image.h"
#include "image/reference.h"
#include "util/error.h"
#include "util/mem.h"

struct store {
	char *path;   /* malloced, absolute */
	int dir;      /* the folder; -1: none */
	bool writable;
	bool is_removing; /* within store_gc.c: we have the lock of those who remove */
};

/* Open for reading: -ENOENT (set in err) where there is no store yet. store_create makes what is missing and refuses a folder that others can write;
 * whoever writes calls store_sweep (store_gc.h) then. */
int store_open(const char *path, struct store *ret, struct error *err) MUST_CHECK;
int store_create(const char *path, struct store *ret, struct error *err) MUST_CHECK;
void store_close(struct store *store);
/* Does the folder hold a store of ours, or nothing that one would take for its own? Else -EEXIST: what writes here also sweeps, tmp/ above all, and what resets
 * removes folders by their names. store_create has looked. */
int store_check_place(const struct store *store, struct error *err) MUST_CHECK;

/* --- references (store_refs.c) --- */
/* What a word of the command line means: a reference, or at least 4 hexadecimal digits (or sha256:…) that begin one configuration or manifest digest. *ret_image
 * (may be NULL) gets the record. `ret_record_fd` (may be NULL) gets the record's descriptor with a shared lock, to be held while its layers are used.
 * -ENOENT: no such image, err says so with a hint. -ENOTUNIQ: the digits begin several. */
int store_find(const struct store *store, struct arena *arena, const char *word, struct image *ret_image, int *ret_record_fd, struct error *err) MUST_CHECK;
/* Who leaves the tag out means `latest`, and often has another one: a hint that names those of the word's repository. False: there are none. */
bool store_hint_tags(const struct store *store, const char *word, struct error *err);
/* index.json is made anew, from all references, since without a lock only what all of refs/ says is sure to be right. So a name costs the more the more there are: of images
 * of their own 3 ms with 100, 25 with 1,000, 230 with 10,000 (processor time, in memory); names of one image cost half of that. */
int store_tag(const struct store *store, const struct reference *reference, const struct digest *manifest, struct error *err) MUST_CHECK;
/* One of many: without index.json; store_write_index (store_index.c) makes it for all of them. */
int store_tag_unlisted(const struct store *store, const struct reference *reference, const struct digest *manifest, struct error *err) MUST_CHECK;
int store_write_index(const struct store *store, struct error *err) MUST_CHECK;
/* -ENOENT where there is no such reference. */
int store_untag(const struct store *store, const struct reference *reference, struct error *err) MUST_CHECK;

/* Where a reference leads. -ENOENT as above. */
int store_ref(const struct store *store, struct arena *arena, const struct reference *reference, struct digest *ret, struct error *err) MUST_CHECK;

struct store_ref {
	const char *name; /* the reference in full */
	struct digest manifest;
};
/* All, sorted by name, in the arena. */
int store_refs(const struct store *store, struct arena *arena, struct store_ref **ret, size_t *ret_count, struct error *err) MUST_CHECK;
/* All records, in no order; what cannot be read is passed over. */
int store_images(const struct store *store, struct arena *arena, struct image **ret, size_t *ret_count, struct error *err) MUST_CHECK;
/* The record of a manifest. (store_record.c) */
int store_image(const struct store *store, struct arena *arena, const struct digest *manifest, struct image *ret, struct error *err) MUST_CHECK;
int store_put_image(const struct store *store, const struct image *image, struct error *err) MUST_CHECK;

/* --- blobs (store_blob.c) --- */
/* A descriptor open for reading, its size checked where `size` is not UINT64_MAX; -ENOENT: not there (or broken, and removed); -EBADMSG: it is good, and `size` is a lie;
 * no `err`: an errno only. */
int store_open_blob(const struct store *store, const struct digest *digest, uint64_t size) MUST_CHECK;
/* The whole of a small blob, verified against its digest. Malloced. */
int store_read_blob(const struct store *store, const struct digest *digest, size_t limit, char **ret_text, size_t *ret_size, struct error *err) MUST_CHECK;

/* Writing one: into tmp/, hashed on the way. Commit checks size and digest (where `expected` is set, else names it by what it is) and renames. Writers are not locked
 * against each other: who comes second replaces equal by equal. The file descriptor is open for reading too. */
struct store_blob {
	const struct store *store;
	struct digest_hash *hash;
	int fd;
	struct disk_room room;
	uint64_t size;
	char name[64]; /* in tmp/ */
};
int store_blob_begin(const struct store *store, struct store_blob *ret, struct error *err) MUST_CHECK;
int store_blob_add(struct store_blob *blob, const void *data, size_t size, struct error *err) MUST_CHECK;
int store_blob_commit(struct store_blob *blob, const struct digest *expected, uint64_t expected_size, struct digest *ret, struct error *err) MUST_CHECK;
void store_blob_abandon(struct store_blob *blob); /* also after a commit: nothing is left to do then */
int store_put_blob(const struct store *store, const void *data, size_t size, struct digest *ret, struct error *err) MUST_CHECK;

/* --- layers (store_layer.c) --- */
enum layer_owner { LAYER_RANGE, LAYER_SINGLE }; /* files belong to the user's range of ids; or all to the user, the owners recorded (unpack.h) */
/* The tree, open O_PATH; *ret_owner says how it was unpacked. -ENOENT: not extracted. An errno only. */
int store_open_layer(const struct store *store, const struct digest *diff_id, enum layer_owner *ret_owner) MUST_CHECK;
/* The same for one way of unpacking it. */
int store_open_layer_of(const struct store *store, const struct digest *diff_id, enum layer_owner owner) MUST_CHECK;
/* A fresh folder tmp/NAME, whose lock is held until it is committed or abandoned; the unpacker fills it. Commit renames what it stands in to layers/HEX.OWNER. Who comes
 * second finds it there, which is no error: its own is dropped into trash/. */
struct store_layer {
	const struct store *store;
	int dir, lock;
	char name[64]; /* "ID/tree" */
};
int store_layer_begin(const struct store *store, struct store_layer *ret, struct error *err) MUST_CHECK;
int store_layer_commit(struct store_layer *layer, const struct digest *diff_id, enum layer_owner owner, struct error *err) MUST_CHECK;
void store_layer_abandon(struct store_layer *layer); /* moved to trash/; also after a commit */

/* --- locks and claims (store_lock.c) --- */
/* Wait for and take locks/NAME ("blob-HEX"); the descriptor holds it, closing lets go and the next sweep removes the file. *ret_waited: somebody else had it. */
int store_lock(const struct store *store, const char *name, bool *ret_waited, struct error *err) MUST_CHECK;
/* Name the objects that we are about to rely on, before looking for them. Valid until *ret_claim is closed. More can be added by further claims. */
int store_claim(const struct store *store, const struct digest *const *digests, size_t count, int *ret_claim, struct error *err) MUST_CHECK;

#endif
