/* Computing a digest, with OpenSSL's libcrypto (EVP_DigestInit(3)): it uses the processor's SHA instructions where there are any. */
#ifndef CARREL_IMAGE_DIGEST_HASH_H
#define CARREL_IMAGE_DIGEST_HASH_H

#include <stddef.h>

#include "image/digest.h"

struct digest_hash; /* SHA-256 in progress; opaque */

struct digest_hash *digest_hash_new(void) __attribute__((returns_nonnull));
void digest_hash_add(struct digest_hash *hash, const void *data, size_t size);
/* The digest of all that was added; adding more afterwards goes on from there. */
void digest_hash_value(const struct digest_hash *hash, struct digest *ret);
void digest_hash_free(struct digest_hash *hash);
static inline void digest_hash_cleanup(struct digest_hash **hash)
{
	digest_hash_free(*hash);
}
#define cleanup_digest_hash __attribute__((cleanup(digest_hash_cleanup)))

void digest_of(const void *data, size_t size, struct digest *ret);

#endif
