/* From the reference to the manifest of one platform and its configuration. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "image/digest_hash.h"
#include "image/pull_parts.h"
#include "util/fd.h"

/* A document's text, wherever it came from. */
struct text {
	char *bytes; /* malloced */
	size_t size;
	char type[128]; /* announced with it; "" where it came from the store */
};

static void text_done(struct text *text)
{
	free(text->bytes);
}
#define cleanup_text __attribute__((cleanup(text_done)))

static int fetch(struct pull *pull, const char *tag_or_digest, struct text *ret, struct digest *ret_digest, struct error *err)
{
	struct registry_manifest got = {0};
	int r = registry_get_manifest(pull->spec->registry, tag_or_digest, &got, err);

	if (r < 0)
		return r;
	*ret = (struct text){.bytes = got.text, .size = got.size};
	memcpy(ret->type, got.media_type, sizeof(ret->type));
	ret->type[sizeof(ret->type) - 1] = 0;
	*ret_digest = got.digest;
	return 0;
}

/* From the store where it is there, else from the registry, and then into the store. */
static int have(struct pull *pull, const struct digest *digest, struct text *ret, struct error *err)
{
	const struct digest *const claimed[] = {digest};
	struct digest got;
	int r = pull_claim(pull, claimed, 1, err);

	if (r < 0)
		return r;
	if (store_read_blob(pull->store, digest, MANIFEST_SIZE_MAX, &ret->bytes, &ret->size, NULL) == 0) {
		ret->type[0] = 0;
		return 0;
	}
	r = fetch(pull, digest->text, ret, &got, err);
	if (r < 0)
		return r;
	if (digest_equal(&got, digest))
		return store_put_blob(pull->store, ret->bytes, ret->size, &got, err);
	(void)error_set(err, EBADMSG, "cannot pull '%s'", reference_format(pull->arena, pull->spec->reference));
	return error_cause(err, "the registry sent a manifest with the digest %s where %s was asked for", got.text, digest->text);
}

/* A tag: only the registry knows what it stands for today. */
static int have_tag(struct pull *pull, const char *tag, struct text *ret, struct error *err)
{
	const struct digest *const claimed[] = {&pull->digest};
	int r = fetch(pull, tag, ret, &pull->digest, err);

	if (r == 0)
		r = pull_claim(pull, claimed, 1, err);
	return r < 0 ? r : store_put_blob(pull->store, ret->bytes, ret->size, &pull->digest, err);
}

static int parse(struct pull *pull, const char *announced, const struct text *text, struct error *err)
{
	int r = manifest_parse(pull->arena, announced && *announced ? announced : NULL, text->bytes, text->size, &pull->manifest, err);

	return r < 0 ? error_prefix(err, "cannot pull '%s'", reference_format(pull->arena, pull->spec->reference)) : 0;
}

/* The one for this platform out of an index. That an index stands in an index is allowed by the specification and used by nobody; since a manifest's digest cannot
 * be in itself, depth is what an endless chain has. */
static int choose(struct pull *pull, struct error *err)
{
	const struct descriptor *item = manifest_choose(&pull->manifest, &pull->spec->platform, err);
	cleanup_text struct text text = {0};
	int r;

	if (!item)
		return error_prefix(err, "cannot pull '%s'", reference_format(pull->arena, pull->spec->reference));
	r = have(pull, &item->digest, &text, err);
	if (r < 0)
		return r;
	if (text.size != item->size) {
		(void)error_set(err, EBADMSG, "cannot pull '%s'", reference_format(pull->arena, pull->spec->reference));
		return error_cause(err, "the manifest %s has %zu bytes, its index says %" PRIu64, item->digest.text, text.size, item->size);
	}
	pull->manifest_digest = item->digest;
	r = parse(pull, item->media_type, &text, err);
	if (r < 0 || !pull->manifest.is_index)
		return r;
	(void)error_set(err, ELOOP, "cannot pull '%s'", reference_format(pull->arena, pull->spec->reference));
	return error_cause(err, "its index names another index, %s, where a manifest should stand", pull->manifest_digest.text);
}

int pull_manifest(struct pull *pull, struct error *err)
{
	const struct reference *reference = pull->spec->reference;
	cleanup_text struct text text = {0};
	int r;

	if (digest_is_set(&reference->digest)) {
		pull->digest = reference->digest;
		r = have(pull, &reference->digest, &text, err);
	} else {
		r = have_tag(pull, reference->tag, &text, err);
	}
	if (r < 0)
		return r;
	pull->manifest_digest = pull->digest;
	r = parse(pull, text.type, &text, err);
	return r < 0 || !pull->manifest.is_index ? r : choose(pull, err);
}

/* --- the configuration --- */

static int add_to_blob(void *context, const void *data, size_t size, struct error *err)
{
	return store_blob_add(context, data, size, err);
}

static int fetch_config(struct pull *pull, const struct descriptor *config, struct error *err)
{
	struct store_blob blob;
	struct digest got;
	int r = store_blob_begin(pull->store, &blob, err);

	if (r < 0)
		return r;
	r = registry_get_blob(pull->spec->registry, &config->digest, config->size, &(const struct registry_sink){.add = add_to_blob, .context = &blob}, err);
	if (r == 0)
		r = store_blob_commit(&blob, &config->digest, config->size, &got, err);
	store_blob_abandon(&blob);
	return r;
}

static int read_config(struct pull *pull, const struct descriptor *config, struct text *ret, struct error *err)
{
	const struct digest *const claimed[] = {&config->digest};
	cleanup_close int lock = -1;
	int r = pull_claim(pull, claimed, 1, err);

	if (r < 0)
		return r;
	lock = pull_lock(pull, "blob", &config->digest, err);
	if (lock < 0 || store_read_blob(pull->store, &config->digest, CONFIG_SIZE_MAX, &ret->bytes, &ret->size, NULL) == 0)
		return lock < 0 ? lock : 0;
	if (config->size > CONFIG_SIZE_MAX) {
		(void)error_set(err, EFBIG, "cannot read the configuration %s", config->digest.text);
		return error_cause(err, "it has %" PRIu64 " bytes, and %d are the most that is accepted", config->size, CONFIG_SIZE_MAX);
	}
	r = fetch_config(pull, config, err);
	return r < 0 ? r : store_read_blob(pull->store, &config->digest, CONFIG_SIZE_MAX, &ret->bytes, &ret->size, err);
}

static bool same(const char *a, const char *b)
{
	return !a || !b || !*a || !*b || !strcmp(a, b);
}

/* Without an index nobody chose: the user gets what there is, and is told. */
static void tell_other_platform(struct pull *pull)
{
	const struct platform *is = &pull->config.platform, *wanted = &pull->spec->platform;

	if (!same(is->os, wanted->os) || !same(is->architecture, wanted->architecture))
		progress_say(pull->spec->progress, arena_printf(pull->arena, "note: the image is for %s, not for %s; there is no other of this name",
			platform_format(pull->arena, is), platform_format(pull->arena, wanted)));
}

int pull_config(struct pull *pull, struct error *err)
{
	const struct descriptor *config = &pull->manifest.config;
	cleanup_text struct text text = {0};
	int r = read_config(pull, config, &text, err);

	if (r == 0 && text.size != config->size) {
		(void)error_set(err, EBADMSG, "cannot read the configuration %s", config->digest.text);
		r = error_cause(err, "it has %zu bytes, and the manifest says %" PRIu64, text.size, config->size);
	}
	if (r == 0)
		r = image_parse_config(pull->arena, text.bytes, text.size, pull->manifest.item_count, &pull->config, err);
	if (r < 0)
		return error_prefix(err, "cannot pull '%s'", reference_format(pull->arena, pull->spec->reference));
	tell_other_platform(pull);
	return 0;
}
