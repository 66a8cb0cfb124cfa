#include "image/digest.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define PREFIX "sha256:"

enum { PREFIX_LEN = sizeof(PREFIX) - 1, SHOWN = 100 };

/* The registered form of an algorithm's name, which we do not know: "sha512", "multihash+base58". */
static bool is_algorithm(const char *text, size_t len)
{
	if (!len || !isalnum((unsigned char)text[0]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!islower((unsigned char)text[i]) && !isdigit((unsigned char)text[i]) && !strchr("+._-", text[i]))
			return false;
	return true;
}

static int fail(const char *text, struct error *err)
{
	const char *colon = strchr(text, ':');
	int length = colon && colon - text < SHOWN ? (int)(colon - text) : SHOWN;
	size_t digits;

	(void)error_set(err, EINVAL, "'%.*s' is no digest", SHOWN, text);
	if (!colon || !is_algorithm(text, (size_t)(colon - text))) {
		(void)error_cause(err, "it does not begin with " PREFIX);
		return -EINVAL;
	}
	if (strncmp(text, PREFIX, PREFIX_LEN) != 0) {
		(void)error_set(err, EOPNOTSUPP, "the digest '%.*s' cannot be checked", SHOWN, text);
		(void)error_cause(err, "its algorithm is '%.*s', and only sha256 is supported", length, text);
		return -EOPNOTSUPP;
	}
	text += PREFIX_LEN;
	digits = strspn(text, "0123456789abcdef");
	if (isxdigit((unsigned char)text[digits]))
		(void)error_cause(err, "its digits are not in lower case");
	else if (text[digits])
		(void)error_cause(err, "its character %zu is no hexadecimal digit", PREFIX_LEN + digits + 1);
	else
		(void)error_cause(err, "it has %zu hexadecimal digits, and sha256 has %d", digits, DIGEST_HEX);
	return -EINVAL;
}

int digest_parse(const char *text, struct digest *ret, struct error *err)
{
	if (strnlen(text, DIGEST_TEXT + 1) != DIGEST_TEXT || strncmp(text, PREFIX, PREFIX_LEN) != 0 ||
	    strspn(text + PREFIX_LEN, "0123456789abcdef") != DIGEST_HEX)
		return fail(text, err);
	memcpy(ret->text, text, DIGEST_TEXT + 1);
	return 0;
}

const char *digest_hex(const struct digest *digest)
{
	return digest_is_set(digest) ? digest->text + PREFIX_LEN : "";
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return !strcmp(a->text, b->text);
}
