/* Manifests and indexes: OCI image-spec 1.1 (manifest.md, image-index.md, descriptor.md) and Docker's image manifest version 2, schema 2.
 *
 * Parsing takes bytes that nobody has vouched for but the digest they were asked by; what comes out is checked: every digest well-formed, no negative or huge
 * size, known media types, and a manifest is never taken for an index (CVE-2021-41190): `mediaType`, the fields present, and the type that was announced must agree.
 */
#ifndef CARREL_IMAGE_MANIFEST_H
#define CARREL_IMAGE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/digest.h"
#include "util/error.h"
#include "util/mem.h"

#define MEDIA_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define MEDIA_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define MEDIA_OCI_LAYER "application/vnd.oci.image.layer.v1.tar"
#define MEDIA_OCI_LAYER_GZIP "application/vnd.oci.image.layer.v1.tar+gzip"
#define MEDIA_OCI_LAYER_ZSTD "application/vnd.oci.image.layer.v1.tar+zstd"
#define MEDIA_DOCKER_INDEX "application/vnd.docker.distribution.manifest.list.v2+json"
#define MEDIA_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIA_DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"
#define MEDIA_DOCKER_LAYER "application/vnd.docker.image.rootfs.diff.tar"
#define MEDIA_DOCKER_LAYER_GZIP "application/vnd.docker.image.rootfs.diff.tar.gzip"

enum {
	MANIFEST_SIZE_MAX = 4 << 20, /* bytes; what registries take at most */
	MANIFEST_LAYERS_MAX = 500,   /* the kernel's overlay takes as many (OVL_MAX_STACK) */
	CONFIG_SIZE_MAX = 8 << 20,
};

enum layer_compression { LAYER_PLAIN, LAYER_GZIP, LAYER_ZSTD };

struct platform {
	const char *os, *architecture, *variant; /* GOOS and GOARCH, "linux", "arm64", "v8"; NULL: not said */
};

struct descriptor {
	const char *media_type;
	struct digest digest;
	const char *unknown_digest; /* of an entry in an index: its algorithm is none of ours, and `digest` is unset; NULL */
	uint64_t size;
	struct platform platform; /* in an index */
	const char *ref_name;     /* annotation org.opencontainers.image.ref.name; NULL */
	enum layer_compression compression; /* of a layer */
};

struct manifest {
	bool is_index;
	const char *media_type;
	struct descriptor config;    /* of a manifest */
	struct descriptor *items;    /* its layers, bottom first; or an index's manifests */
	size_t item_count;
};

/* `announced`: the Content-Type or the descriptor's media type, NULL where there was none. Docker's schema 1, foreign (non-distributable) layers, artifacts that are no
 * image, unknown compression: -EOPNOTSUPP with a message of its own. The result lives in the arena. */
int manifest_parse(struct arena *arena, const char *announced, const char *text, size_t size, struct manifest *ret, struct error *err) MUST_CHECK;

/* -EOPNOTSUPP with `err`: an entry that cannot be asked for by its digest. */
int manifest_check_entry(const struct descriptor *entry, struct error *err) MUST_CHECK;
/* The index's entry for this platform, by the best match of the variant, of equals the first whose digest can be checked; NULL with `err` that lists what there is,
 * or says that the best has a digest which cannot be checked (EOPNOTSUPP). */
const struct descriptor *manifest_choose(const struct manifest *index, const struct platform *wanted, struct error *err) MUST_CHECK;

/* "linux/arm64/v8" and "arm64" (the rest as this machine's). -EINVAL with `err`. */
int platform_parse(struct arena *arena, const char *text, struct platform *ret, struct error *err) MUST_CHECK;
/* This machine's, in Go's words (uname(2): x86_64 → amd64). */
struct platform platform_host(void);
char *platform_format(struct arena *arena, const struct platform *platform);
/* Can this machine run it? 386 on amd64, and arm variants below its own. */
bool platform_runs(const struct platform *image, const struct platform *host);

#endif
