/* Image references in Docker's grammar (distribution/reference, reference.go; OCI distribution-spec 1.1, "Pulling manifests"):
 *
 *	[REGISTRY[:PORT]/]REPOSITORY[:TAG][@DIGEST]
 *
 * The first component is a registry where it has a dot or a colon or is "localhost"; else it is docker.io, and a repository of one component there is
 * below "library/". Without tag and digest the tag is "latest". "docker://" may stand before it, as with podman.
 */
#ifndef CARREL_IMAGE_REFERENCE_H
#define CARREL_IMAGE_REFERENCE_H

#include "image/digest.h"
#include "util/error.h"
#include "util/mem.h"

enum { REFERENCE_MAX = 255 }; /* bytes in full: a file's name (NAME_MAX); Docker takes as many for registry and repository */

struct reference {
	const char *registry;   /* "docker.io", "localhost:5000", "[::1]:5000" */
	const char *repository; /* "library/debian" */
	const char *tag;        /* "12"; NULL where only the digest was given */
	struct digest digest;   /* unset: none was given */
};

/* -EINVAL with a message that shows what is wrong with `text` and a hint (upper case, a blank, an URL's https://, too long). All texts in the arena. */
int reference_parse(struct arena *arena, const char *text, struct reference *ret, struct error *err) MUST_CHECK;
/* In full: "docker.io/library/debian:12", with "@sha256:…" behind it where there is one. */
char *reference_format(struct arena *arena, const struct reference *reference);
/* As people write it: "debian:12". */
char *reference_familiar(struct arena *arena, const struct reference *reference);
/* The host to connect to: docker.io is served by registry-1.docker.io. */
const char *reference_host(const struct reference *reference);
/* A tag by itself: [\w][\w.-]{0,127}. */
bool reference_tag_is_valid(const char *tag);

#endif
