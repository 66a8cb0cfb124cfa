#include "image/digest_hash.h"

#include <criterion/criterion.h>
#include <string.h>

#include "util/mem.h"

TestSuite(digest_hash);

/* FIPS 180-2, appendix B. */
static const struct {
	const char *name, *text, *digest;
} cases[] = {
	{"nothing", "", "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	{"one block", "abc", "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	{"two blocks", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "sha256:248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

Test(digest_hash, known_values)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct digest digest;

		digest_of(cases[i].text, strlen(cases[i].text), &digest);
		cr_expect_str_eq(digest.text, cases[i].digest, "%s", cases[i].name);
	}
}

Test(digest_hash, goes_on_after_a_value)
{
	cleanup_digest_hash struct digest_hash *hash = digest_hash_new();
	struct digest digest;

	digest_hash_value(hash, &digest);
	cr_expect_str_eq(digest.text, cases[0].digest);
	digest_hash_add(hash, "a", 1);
	digest_hash_value(hash, &digest);
	digest_hash_add(hash, "bc", 2);
	digest_hash_add(hash, "", 0);
	digest_hash_value(hash, &digest);
	cr_expect_str_eq(digest.text, cases[1].digest);
	digest_hash_free(NULL);
}
