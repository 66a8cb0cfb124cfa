#include "util/base64.h"

#include <errno.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const void *data, size_t size, struct buf *out)
{
	const unsigned char *bytes = data;

	buf_puts(out, "");
	for (size_t i = 0; i < size; i += 3) {
		size_t left = size - i;
		unsigned group = (unsigned)bytes[i] << 16 | (left > 1 ? (unsigned)bytes[i + 1] << 8 : 0) | (left > 2 ? bytes[i + 2] : 0);
		char text[4] = {alphabet[group >> 18], alphabet[group >> 12 & 63], '=', '='};

		if (left > 1)
			text[2] = alphabet[group >> 6 & 63];
		if (left > 2)
			text[3] = alphabet[group & 63];
		buf_add(out, text, sizeof(text));
	}
}

int base64_decode(const char *text, struct buf *out)
{
	size_t digits = strspn(text, alphabet), padding = strlen(text + digits);
	unsigned group = 0;

	if (digits % 4 == 1 || (padding && ((digits + padding) % 4 != 0 || strspn(text + digits, "=") != padding || padding > 2)))
		return -EINVAL;
	buf_puts(out, "");
	for (size_t i = 0; i < digits; i++) {
		group = group << 6 | (unsigned)(strchr(alphabet, text[i]) - alphabet);
		if (i % 4 != 0) {
			unsigned char byte = (unsigned char)(group >> (6 - i % 4 * 2));

			buf_add(out, &byte, 1);
		}
	}
	return 0;
}
