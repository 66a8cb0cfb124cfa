/* index.json, for others who read an image layout.
 *
 * Nobody is locked out while it is written. Each writer lists the references, renames what it made of them into place, and lists them again: when
 * they are others by now it starts over. So of several at once the one that renames last has seen what all of them did.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "image/manifest.h"
#include "image/store.h"
#include "image/store_parts.h"
#include "util/fd.h"
#include "util/json.h"

#define ANNOTATION "org.opencontainers.image.ref.name"

enum { TRIES = 100 }; /* writers who never rest; the last of them does it right */

/* What index.json says of a manifest. */
struct entry {
	struct arena arena;
	struct digest manifest;
	const char *media_type; /* NULL: it is incomplete */
	int64_t size;
};

static void look_at(const struct store *store, int blobs, const struct digest *manifest, struct entry *entry)
{
	struct image image;
	struct stat st; /* store_open_blob would bring libcrypto with it */

	arena_done(&entry->arena);
	*entry = (struct entry){.manifest = *manifest};
	if (fstatat(blobs, digest_hex(manifest), &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) || store_image(store, &entry->arena, manifest, &image, NULL) < 0)
		return;
	entry->media_type = image.media_type ? image.media_type : MEDIA_OCI_MANIFEST;
	entry->size = st.st_size;
}

static void add_entry(struct json *json, const struct entry *entry, const char *name)
{
	json_open_object(json, NULL);
	json_string(json, "mediaType", entry->media_type);
	json_string(json, "digest", entry->manifest.text);
	json_number(json, "size", entry->size);
	json_open_object(json, "annotations");
	json_string(json, ANNOTATION, name);
	json_close_object(json);
	json_close_object(json);
}

static void format(const struct store *store, const struct store_ref *refs, size_t count, struct buf *out)
{
	struct json json = {.out = out};
	cleanup_close int blobs = store_open_in(store, "blobs/sha256", O_PATH | O_DIRECTORY);
	struct entry entry = {.size = 0};

	json_open_object(&json, NULL);
	json_number(&json, "schemaVersion", 2);
	json_string(&json, "mediaType", MEDIA_OCI_INDEX);
	json_open_array(&json, "manifests");
	for (size_t i = 0; i < count; i++) {
		if (!digest_equal(&entry.manifest, &refs[i].manifest)) /* (an image's names often stand together) */
			look_at(store, blobs, &refs[i].manifest, &entry);
		if (entry.media_type) /* a reference to what is incomplete: for others it is not there */
			add_entry(&json, &entry, refs[i].name);
	}
	json_close_array(&json);
	json_close_object(&json);
	arena_done(&entry.arena);
}

static bool are_equal(const struct store_ref *a, size_t a_count, const struct store_ref *b, size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++)
		if (strcmp(a[i].name, b[i].name) != 0 || !digest_equal(&a[i].manifest, &b[i].manifest))
			return false;
	return true;
}

int store_write_index(const struct store *store, struct error *err)
{
	struct arena arena = {0};
	struct store_ref *refs, *then;
	size_t count, then_count;
	bool settled = false;
	int r = store_refs(store, &arena, &refs, &count, err);

	for (int tries = 0; r == 0 && !settled && tries < TRIES; tries++) {
		cleanup_buf struct buf text = {0};

		format(store, refs, count, &text);
		r = store_write(store, "index.json", text.text, text.size, false);
		if (r < 0) {
			(void)error_set(err, -r, "cannot write '%s/index.json'", store->path);
			break;
		}
		r = store_refs(store, &arena, &then, &then_count, err);
		if (r < 0)
			break;
		settled = are_equal(refs, count, then, then_count);
		refs = then;
		count = then_count;
	}
	arena_done(&arena);
	return r;
}
