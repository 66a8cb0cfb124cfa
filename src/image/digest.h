/* Content digests (OCI image-spec, descriptor.md, "Digests"): "sha256:" and 64 lower-case hexadecimal digits. sha512, which the specification also
 * registers, is refused as unsupported: no registry that we know serves it.
 *
 * Texts only: the launcher links these. Computing one is digest_hash.h, with libcrypto.
 */
#ifndef CARREL_IMAGE_DIGEST_H
#define CARREL_IMAGE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

enum { DIGEST_HEX = 64, DIGEST_TEXT = 7 + DIGEST_HEX };

struct digest {
	char text[DIGEST_TEXT + 1]; /* "" : none */
};

/* -EINVAL (malformed) or -EOPNOTSUPP (another algorithm), with `err`. */
int digest_parse(const char *text, struct digest *ret, struct error *err) MUST_CHECK;
/* The 64 digits, for file names. */
const char *digest_hex(const struct digest *digest);
bool digest_equal(const struct digest *a, const struct digest *b);
static inline bool digest_is_set(const struct digest *digest)
{
	return digest->text[0] != 0;
}

#endif
