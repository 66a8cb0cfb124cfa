/* A manifest or index: what is accepted has only what its contract promises. The first byte says as what it is announced. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

static void check_descriptor(const struct descriptor *descriptor, bool is_entry)
{
	struct digest digest;

	if (descriptor->unknown_digest)
		check(is_entry && !digest_is_set(&descriptor->digest) && digest_parse(descriptor->unknown_digest, &digest, NULL) == -EOPNOTSUPP);
	else
		check(digest_parse(descriptor->digest.text, &digest, NULL) == 0);
	check(descriptor->media_type && descriptor->size <= 1ULL << 40);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const announced[] = {NULL, MEDIA_OCI_MANIFEST, MEDIA_OCI_INDEX, MEDIA_DOCKER_MANIFEST, MEDIA_DOCKER_INDEX, "text/plain", "text/html"};
	static const struct platform wanted = {"linux", "arm", "v7"};
	struct arena arena = {0};
	struct manifest manifest;
	struct error err = {0};
	int r;

	if (!size)
		return 0;
	r = manifest_parse(&arena, announced[data[0] % ARRAY_SIZE(announced)], (const char *)data + 1, size - 1, &manifest, &err);
	check((r < 0) == (err.code != 0) && (r == 0 || (*err.what && *err.cause)));
	if (r == 0) {
		if (!manifest.is_index)
			check_descriptor(&manifest.config, false);
		check(manifest.item_count <= (manifest.is_index ? 1000 : MANIFEST_LAYERS_MAX));
		for (size_t i = 0; i < manifest.item_count; i++)
			check_descriptor(&manifest.items[i], manifest.is_index);
		if (manifest.is_index) {
			const struct descriptor *chosen = manifest_choose(&manifest, &wanted, &err);

			check(!chosen || digest_is_set(&chosen->digest));
		}
	}
	arena_done(&arena);
	return 0;
}
