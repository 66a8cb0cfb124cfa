#include "profile/suggest.h"

#include <ctype.h>
#include <string.h>

enum { SUGGEST_TEXT_MAX = 64 };

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Optimal string alignment (Damerau-Levenshtein without overlaps), three rows at a time; letters' case counts nothing. */
static unsigned edit_distance(const char *a, const char *b)
{
	unsigned rows[3][SUGGEST_TEXT_MAX + 1];
	size_t a_len = strlen(a), b_len = strlen(b);

	if (a_len > SUGGEST_TEXT_MAX || b_len > SUGGEST_TEXT_MAX)
		return SUGGEST_TEXT_MAX;
	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned *row = rows[i % 3];
		const unsigned *above = rows[(i - 1) % 3], *above2 = rows[(i + 1) % 3];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b_len; j++) {
			int ca = tolower((unsigned char)a[i - 1]), cb = tolower((unsigned char)b[j - 1]);

			row[j] = least(least(above[j] + 1, row[j - 1] + 1), above[j - 1] + (ca != cb));
			if (i > 1 && j > 1 && ca == tolower((unsigned char)b[j - 2]) && tolower((unsigned char)a[i - 2]) == cb)
				row[j] = least(row[j], above2[j - 2] + 1);
		}
	}
	return rows[a_len % 3][b_len];
}

void suggest_offer(struct suggestion *suggestion, const char *candidate)
{
	size_t len = strlen(suggestion->wanted);
	unsigned limit = len < 6 ? (len < 2 ? 0 : 1 + (len > 3)) : (unsigned)(len / 3);
	unsigned distance = edit_distance(suggestion->wanted, candidate);

	/* As many edits as there are letters would make anything of anything. */
	if (distance > limit || distance >= strlen(candidate))
		return;
	if (!suggestion->best || distance < suggestion->distance) {
		suggestion->best = candidate;
		suggestion->distance = distance;
	}
}
