#include <string.h>

#include "cli/options.h"

enum { LONGEST = 32 };

/* Edits (insert, delete, replace, swap of neighbours) from one to the other: optimal string alignment. */
static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned rows[3][LONGEST + 1];

	for (size_t k = 0; k <= b_len; k++)
		rows[0][k] = (unsigned)k;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned *now = rows[i % 3], *above = rows[(i + 2) % 3], *higher = rows[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (size_t k = 1; k <= b_len; k++) {
			unsigned best = above[k - 1] + (a[i - 1] != b[k - 1]);

			if (above[k] + 1 < best)
				best = above[k] + 1;
			if (now[k - 1] + 1 < best)
				best = now[k - 1] + 1;
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1] && higher[k - 2] + 1 < best)
				best = higher[k - 2] + 1;
			now[k] = best;
		}
	}
	return rows[a_len % 3][b_len];
}

const char *suggest_nearest(const char *text, size_t len, const char *const names[], size_t count)
{
	const char *nearest = NULL;
	unsigned least = (unsigned)len / 3 + 2; /* more edits than this is another word */

	for (size_t i = 0; i < count && len <= LONGEST; i++) {
		size_t name_len = strlen(names[i]);
		unsigned edits;

		if (name_len > LONGEST)
			continue;
		/* A beginning that was left unfinished is near, whatever is missing. */
		edits = len >= 3 && name_len > len && !memcmp(names[i], text, len) ? 1 : distance(text, len, names[i], name_len);
		if (edits < least) {
			least = edits;
			nearest = names[i];
		}
	}
	return nearest;
}
