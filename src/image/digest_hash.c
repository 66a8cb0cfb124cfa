#include "image/digest_hash.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

struct digest_hash {
	EVP_MD_CTX *context;
};

/* SHA-256 itself cannot fail. libcrypto can run out of memory, and nothing here goes on after that (util/mem.h). */
static void must(bool done)
{
	if (!done)
		abort();
}

struct digest_hash *digest_hash_new(void)
{
	struct digest_hash *hash = mem_alloc(sizeof(*hash));

	hash->context = EVP_MD_CTX_new();
	must(hash->context && EVP_DigestInit_ex(hash->context, EVP_sha256(), NULL) == 1);
	return hash;
}

void digest_hash_add(struct digest_hash *hash, const void *data, size_t size)
{
	must(EVP_DigestUpdate(hash->context, data, size) == 1);
}

static void write_text(const unsigned char *bytes, size_t count, struct digest *ret)
{
	static const char digits[] = "0123456789abcdef";
	char *out = stpcpy(ret->text, "sha256:");

	for (size_t i = 0; i < count; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = 0;
}

/* Finished in a copy: a stream is also asked for its digest in between. */
void digest_hash_value(const struct digest_hash *hash, struct digest *ret)
{
	EVP_MD_CTX *copy = EVP_MD_CTX_new();
	unsigned char bytes[DIGEST_HEX / 2];

	must(copy && EVP_MD_CTX_copy_ex(copy, hash->context) == 1 && EVP_DigestFinal_ex(copy, bytes, NULL) == 1);
	EVP_MD_CTX_free(copy);
	write_text(bytes, sizeof(bytes), ret);
}

void digest_hash_free(struct digest_hash *hash)
{
	if (!hash)
		return;
	EVP_MD_CTX_free(hash->context);
	free(hash);
}

void digest_of(const void *data, size_t size, struct digest *ret)
{
	cleanup_digest_hash struct digest_hash *hash = digest_hash_new();

	digest_hash_add(hash, data, size);
	digest_hash_value(hash, ret);
}
