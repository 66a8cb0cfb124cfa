/* From the outside in: the kind of the document is settled first (nobody may read it as the other kind, CVE-2021-41190), then each descriptor, then
 * whether we can do something with what it names. */
#include "image/manifest.h"

#include <errno.h>
#include <string.h>

#include "image/document.h"
#include "image/platform.h"

#define MEDIA_DOCKER_SCHEMA1 "application/vnd.docker.distribution.manifest.v1+json"
#define MEDIA_DOCKER_SCHEMA1_SIGNED "application/vnd.docker.distribution.manifest.v1+prettyjws"
#define MEDIA_DOCKER_LAYER_ZSTD "application/vnd.docker.image.rootfs.diff.tar.zstd" /* BuildKit's */

enum {
	MEDIA_TYPE_MAX = 255,          /* RFC 6838: type and subtype of at most 127 each */
	INDEX_ITEMS_MAX = 1000,
	REF_NAME_MAX = 1024,
};
#define LAYER_SIZE_MAX ((int64_t)1 << 40) /* as it is stored, compressed */

static const char document_name[] = "the manifest";

static bool is_index_type(const char *type)
{
	return !strcmp(type, MEDIA_OCI_INDEX) || !strcmp(type, MEDIA_DOCKER_INDEX);
}

static bool is_manifest_type(const char *type)
{
	return !strcmp(type, MEDIA_OCI_MANIFEST) || !strcmp(type, MEDIA_DOCKER_MANIFEST);
}

/* What servers of plain files say, and what says nothing. */
static bool is_general_type(const char *type)
{
	static const char *const types[] = {"application/json", "application/octet-stream", "binary/octet-stream", "text/plain", "text/json"};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(types[i], type))
			return true;
	return !*type;
}

static int unsupported(struct error *err, const char *cause, const char *hint)
{
	(void)error_set(err, EOPNOTSUPP, "%s cannot be used", document_name);
	(void)error_cause(err, "%s", cause);
	if (hint)
		(void)error_hint(err, "%s", hint);
	return -EOPNOTSUPP;
}

static int unsupported_type(struct error *err, const char *cause, const char *type)
{
	(void)error_set(err, EOPNOTSUPP, "%s cannot be used", document_name);
	(void)error_cause(err, "%s '%.*s'", cause, MEDIA_TYPE_MAX, type);
	return -EOPNOTSUPP;
}

/* --- which kind --- */

static int refuse_schema1(struct error *err)
{
	return unsupported(err, "it is of Docker's old format (schema 1), without digests of what it holds", "ask for the image to be pushed again by a Docker later than 1.10 (2016)");
}

/* Others read field names without regard to case: what means one thing to them must not mean another to us. */
static int check_spelling(const struct document_value *root, struct error *err)
{
	static const char *const names[] = {"schemaVersion", "mediaType", "config", "layers", "manifests", "fsLayers"};
	struct document_value field;

	for (void *at = NULL; document_next(root, &at, &field);)
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			if (!strcasecmp(names[i], field.key) && strcmp(names[i], field.key) != 0)
				return document_fail(&field, err, EINVAL, "is written '%s'", names[i]);
	return 0;
}

static int check_version(const struct document_value *root, struct error *err)
{
	struct document_value version = document_field(root, "schemaVersion"), old = document_field(root, "fsLayers");
	int64_t number = 0;

	if (document_is_there(&old))
		return refuse_schema1(err);
	if (document_require(&version, err) < 0 || document_number(&version, INT64_MIN, INT64_MAX, &number, err) < 0)
		return -EINVAL;
	if (number == 1)
		return refuse_schema1(err);
	return number == 2 ? 0 : document_fail(&version, err, EOPNOTSUPP, "is not 2");
}

/* The type that it calls itself, or that it was announced as; both, where both are there. NULL: neither. */
static int find_type(struct arena *arena, const char *announced, const struct document_value *root, const char **ret, struct error *err)
{
	struct document_value value = document_field(root, "mediaType");
	const char *type = NULL;

	if (document_text(arena, &value, &type, err) < 0)
		return -EINVAL;
	if (type && !*type)
		type = NULL; /* Go writes what is not said like this */
	if (announced && is_general_type(announced))
		announced = NULL;
	if (type && announced && strcmp(type, announced) != 0)
		return document_fail(&value, err, EINVAL, "is '%.100s', and it was announced as '%.100s'", type, announced);
	if (announced && !type)
		type = arena_strdup(arena, announced);
	if (type && (!strcmp(type, MEDIA_DOCKER_SCHEMA1) || !strcmp(type, MEDIA_DOCKER_SCHEMA1_SIGNED)))
		return refuse_schema1(err);
	if (type && !is_index_type(type) && !is_manifest_type(type))
		return unsupported_type(err, "its type is unknown:", type);
	*ret = type;
	return 0;
}

static int find_kind(struct arena *arena, const char *announced, const struct document_value *root, struct manifest *manifest, struct error *err)
{
	struct document_value manifests = document_field(root, "manifests"), layers = document_field(root, "layers"), config = document_field(root, "config");
	const char *type = NULL;
	int r = check_spelling(root, err);

	if (r == 0)
		r = find_type(arena, announced, root, &type, err);
	if (r == 0)
		r = check_version(root, err);
	if (r < 0)
		return r;
	if (document_is_there(&manifests) && (document_is_there(&layers) || document_is_there(&config))) {
		(void)document_fail(root, err, EINVAL, "has 'manifests', as an index, and '%s', as a manifest", document_is_there(&layers) ? "layers" : "config");
		(void)error_hint(err, "it can be read as two different images (CVE-2021-41190): do not trust who made it");
		return -EINVAL;
	}
	manifest->is_index = type ? is_index_type(type) : document_is_there(&manifests);
	manifest->media_type = type ? type : manifest->is_index ? MEDIA_OCI_INDEX : MEDIA_OCI_MANIFEST;
	return 0;
}

/* --- descriptors --- */

/* Of an entry in an index another algorithm is only noted: entries for others must not hinder us to find ours. */
static int parse_digest(struct arena *arena, const struct document_value *value, bool is_entry, struct descriptor *ret, struct error *err)
{
	const char *text = "";
	struct error inner = {0};
	int r;

	if (document_require(value, err) < 0 || document_text(arena, value, &text, err) < 0)
		return -EINVAL;
	r = digest_parse(text, &ret->digest, &inner);
	if (r == -EOPNOTSUPP && is_entry) {
		ret->unknown_digest = text;
		return 0;
	}
	return r < 0 ? document_fail(value, err, -r, "is no digest that can be relied on: %s", inner.cause) : 0;
}

static int parse_descriptor(struct arena *arena, const struct document_value *value, int64_t size_max, bool is_entry, struct descriptor *ret, struct error *err)
{
	struct document_value type = document_field(value, "mediaType"), digest = document_field(value, "digest"), size = document_field(value, "size");
	int64_t bytes = 0;
	int r;

	if (document_require(value, err) < 0 || document_object(value, err) < 0)
		return -EINVAL;
	if (document_require(&type, err) < 0 || document_text(arena, &type, &ret->media_type, err) < 0)
		return -EINVAL;
	if (strlen(ret->media_type) > MEDIA_TYPE_MAX)
		return document_fail(&type, err, EINVAL, "is longer than %d characters", MEDIA_TYPE_MAX);
	r = parse_digest(arena, &digest, is_entry, ret, err);
	if (r < 0)
		return r;
	if (document_require(&size, err) < 0 || document_number(&size, 0, size_max, &bytes, err) < 0)
		return -EINVAL;
	ret->size = (uint64_t)bytes;
	return 0;
}

/* --- a manifest --- */

static const struct {
	const char *media_type;
	enum layer_compression compression;
} layer_types[] = {
	{MEDIA_OCI_LAYER_GZIP, LAYER_GZIP}, {MEDIA_DOCKER_LAYER_GZIP, LAYER_GZIP}, {MEDIA_OCI_LAYER_ZSTD, LAYER_ZSTD}, {MEDIA_DOCKER_LAYER_ZSTD, LAYER_ZSTD},
	{MEDIA_OCI_LAYER, LAYER_PLAIN}, {MEDIA_DOCKER_LAYER, LAYER_PLAIN},
};

static int find_compression(struct descriptor *layer, size_t index, struct error *err)
{
	const char *type = layer->media_type;

	for (size_t i = 0; i < ARRAY_SIZE(layer_types); i++) {
		if (strcmp(layer_types[i].media_type, type) != 0)
			continue;
		layer->compression = layer_types[i].compression;
		return 0;
	}
	(void)error_set(err, EOPNOTSUPP, "%s cannot be used", document_name);
	if (strstr(type, ".nondistributable.") || strstr(type, ".foreign.")) {
		(void)error_cause(err, "layers[%zu] is a foreign layer, which its registry does not have (%.100s)", index, type);
		(void)error_hint(err, "such layers are parts of Windows: is there an image for linux?");
	} else if (strstr(type, "+encrypted")) {
		(void)error_cause(err, "layers[%zu] is encrypted (%.100s)", index, type);
	} else {
		(void)error_cause(err, "layers[%zu] is no layer of a kind that is known: '%.100s'", index, type);
		(void)error_hint(err, "what can be unpacked are tar archives, plain or compressed by gzip or zstd");
	}
	return -EOPNOTSUPP;
}

/* Registries also keep what is no image: Helm charts, signatures, attestations (manifest.md, "Guidelines for Artifact Usage"). */
static int check_is_image(struct arena *arena, const struct document_value *root, const struct manifest *manifest, struct error *err)
{
	struct document_value artifact = document_field(root, "artifactType");
	const char *type = manifest->config.media_type, *artifact_type = NULL;

	if (document_text(arena, &artifact, &artifact_type, err) < 0)
		return -EINVAL;
	if (!strcmp(type, MEDIA_OCI_CONFIG) || !strcmp(type, MEDIA_DOCKER_CONFIG))
		return 0;
	if (!strcmp(type, "application/octet-stream") && !strcmp(manifest->media_type, MEDIA_DOCKER_MANIFEST))
		return 0; /* as Docker 1.10 pushed */
	return unsupported_type(err, "it is no image but an artifact of type", artifact_type && *artifact_type ? artifact_type : type);
}

static int parse_manifest(struct arena *arena, const struct document_value *root, struct manifest *manifest, struct error *err)
{
	struct document_value config = document_field(root, "config"), layers = document_field(root, "layers");
	int r = parse_descriptor(arena, &config, CONFIG_SIZE_MAX, false, &manifest->config, err);

	if (r == 0)
		r = check_is_image(arena, root, manifest, err);
	/* Missing, null and empty are the same, as for Docker and podman: an image of nothing but a configuration. */
	if (r == 0)
		r = document_array(&layers, MANIFEST_LAYERS_MAX, &manifest->item_count, err);
	if (r < 0)
		return r;
	manifest->items = arena_alloc(arena, manifest->item_count * sizeof(*manifest->items));
	for (size_t i = 0; i < manifest->item_count && r == 0; i++) {
		struct document_value item = document_item(&layers, i);

		r = parse_descriptor(arena, &item, LAYER_SIZE_MAX, false, &manifest->items[i], err);
		if (r == 0)
			r = find_compression(&manifest->items[i], i, err);
	}
	return r;
}

/* --- an index --- */

static int parse_platform_word(struct arena *arena, const struct document_value *platform, const char *key, const char **ret, struct error *err)
{
	struct document_value value = document_field(platform, key);

	if (document_text(arena, &value, ret, err) < 0)
		return -EINVAL;
	if (*ret && !**ret)
		*ret = NULL;
	return !*ret || platform_word_is_valid(*ret) ? 0 : document_fail(&value, err, EINVAL, "is no word of letters and digits");
}

static int parse_platform(struct arena *arena, const struct document_value *item, struct platform *ret, struct error *err)
{
	struct document_value platform = document_field(item, "platform");
	int r = document_object(&platform, err);

	if (r == 0)
		r = parse_platform_word(arena, &platform, "os", &ret->os, err);
	if (r == 0)
		r = parse_platform_word(arena, &platform, "architecture", &ret->architecture, err);
	if (r == 0)
		r = parse_platform_word(arena, &platform, "variant", &ret->variant, err);
	return r;
}

static int parse_ref_name(struct arena *arena, const struct document_value *item, const char **ret, struct error *err)
{
	struct document_value annotations = document_field(item, "annotations"), name = document_field(&annotations, "org.opencontainers.image.ref.name");

	if (document_object(&annotations, err) < 0 || document_text(arena, &name, ret, err) < 0)
		return -EINVAL;
	return *ret && strlen(*ret) > REF_NAME_MAX ? document_fail(&name, err, EINVAL, "is longer than %d characters", REF_NAME_MAX) : 0;
}

/* Entries of a type that we do not know are kept: they must not hinder us to find ours (image-index.md). */
static int parse_index(struct arena *arena, const struct document_value *root, struct manifest *manifest, struct error *err)
{
	struct document_value manifests = document_field(root, "manifests");
	int r = document_require(&manifests, err);

	if (r == 0)
		r = document_array(&manifests, INDEX_ITEMS_MAX, &manifest->item_count, err);
	if (r < 0)
		return r;
	manifest->items = arena_alloc(arena, manifest->item_count * sizeof(*manifest->items));
	for (size_t i = 0; i < manifest->item_count && r == 0; i++) {
		struct document_value item = document_item(&manifests, i);

		r = parse_descriptor(arena, &item, LAYER_SIZE_MAX, true, &manifest->items[i], err);
		if (r == 0)
			r = parse_platform(arena, &item, &manifest->items[i].platform, err);
		if (r == 0)
			r = parse_ref_name(arena, &item, &manifest->items[i].ref_name, err);
	}
	return r;
}

int manifest_parse(struct arena *arena, const char *announced, const char *text, size_t size, struct manifest *ret, struct error *err)
{
	cleanup_document struct document document = {0};
	struct document_value root;
	struct manifest manifest = {0};
	int r = document_parse(document_name, text, size, MANIFEST_SIZE_MAX, &document, err);

	if (r < 0)
		return r;
	root = document_root(&document);
	r = find_kind(arena, announced, &root, &manifest, err);
	if (r == 0)
		r = manifest.is_index ? parse_index(arena, &root, &manifest, err) : parse_manifest(arena, &root, &manifest, err);
	if (r < 0)
		return r;
	*ret = manifest;
	return 0;
}
