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

static void add_entry(const struct store *store, struct json *json, const struct store_ref *ref)
{
	struct arena arena = {0};
	struct image image;
	char *path = arena_printf(&arena, "blobs/sha256/%s", digest_hex(&ref->manifest));
	cleanup_close int blob = store_open_in(store, path, O_PATH); /* store_open_blob would bring libcrypto with it */
	struct stat st;

	/* A reference to what is incomplete: for others it is not there. */
	if (blob >= 0 && fstat(blob, &st) == 0 && store_image(store, &arena, &ref->manifest, &image, NULL) == 0) {
		json_open_object(json, NULL);
		json_string(json, "mediaType", image.media_type ? image.media_type : MEDIA_OCI_MANIFEST);
		json_string(json, "digest", ref->manifest.text);
		json_number(json, "size", st.st_size);
		json_open_object(json, "annotations");
		json_string(json, ANNOTATION, ref->name);
		json_close_object(json);
		json_close_object(json);
	}
	arena_done(&arena);
}

static void format(const struct store *store, const struct store_ref *refs, size_t count, struct buf *out)
{
	struct json json = {.out = out};

	json_open_object(&json, NULL);
	json_number(&json, "schemaVersion", 2);
	json_string(&json, "mediaType", MEDIA_OCI_INDEX);
	json_open_array(&json, "manifests");
	for (size_t i = 0; i < count; i++)
		add_entry(store, &json, &refs[i]);
	json_close_array(&json);
	json_close_object(&json);
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
		settled = r == 0 && are_equal(refs, count, then, then_count);
		refs = then;
		count = then_count;
	}
	arena_done(&arena);
	return r;
}
