/* Which of an index's manifests is for a platform. */
#include <errno.h>
#include <string.h>

#include "image/manifest.h"
#include "image/platform.h"
#include "util/buf.h"

enum { LISTED_MAX = 12 };

static bool is_image(const struct descriptor *item)
{
	static const char *const types[] = {MEDIA_OCI_MANIFEST, MEDIA_DOCKER_MANIFEST, MEDIA_OCI_INDEX, MEDIA_DOCKER_INDEX};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(types[i], item->media_type))
			return true;
	return false;
}

/* BuildKit's attestations, which stand beside the images. */
static bool is_for_nobody(const struct platform *platform)
{
	return platform->os && !strcmp(platform->os, "unknown");
}

static int fail(const struct manifest *index, const struct platform *wanted, struct error *err)
{
	struct arena arena = {0};
	struct buf list = {0};
	size_t count = 0;

	for (size_t i = 0; i < index->item_count; i++) {
		if (!is_image(&index->items[i]) || is_for_nobody(&index->items[i].platform))
			continue;
		if (count++ < LISTED_MAX)
			buf_printf(&list, "%s%s", list.size ? ", " : "", platform_format(&arena, &index->items[i].platform));
	}
	if (count > LISTED_MAX)
		buf_printf(&list, " and %zu more", count - LISTED_MAX);
	(void)error_set(err, ENOENT, "there is no image for %s", platform_format(&arena, wanted));
	(void)error_cause(err, "the index has %s%s", count ? "images for " : "no images at all", count ? list.text : "");
	if (count)
		(void)error_hint(err, "--platform takes one of them; what is not for this machine does not start here");
	buf_done(&list);
	arena_done(&arena);
	return -ENOENT;
}

int manifest_check_entry(const struct descriptor *entry, struct error *err)
{
	struct digest none;

	return entry->unknown_digest ? digest_parse(entry->unknown_digest, &none, err) : 0;
}

const struct descriptor *manifest_choose(const struct manifest *index, const struct platform *wanted, struct error *err)
{
	const struct descriptor *chosen = NULL;
	int best = -1;

	for (size_t i = 0; i < index->item_count; i++) {
		const struct descriptor *item = &index->items[i];
		int match = is_image(item) ? platform_match(&item->platform, wanted) : -1;

		if (match < best || match < 0 || (match == best && !(chosen->unknown_digest && !item->unknown_digest)))
			continue; /* of equals the first (image-index.md) that is of use */
		best = match;
		chosen = item;
	}
	if (!chosen)
		(void)fail(index, wanted, err);
	return chosen && manifest_check_entry(chosen, err) == 0 ? chosen : NULL;
}
