/* "Did you mean …": the nearest of some names by edit distance. */
#ifndef CARREL_PROFILE_SUGGEST_H
#define CARREL_PROFILE_SUGGEST_H

/* Keep the best of many candidates: start with {.wanted = text}, offer each, read `best` (NULL: none is near). A candidate is near within a third of
 * the wanted text's length, at least one edit; a swap of neighbours is one edit. Candidates must outlive the search. */
struct suggestion {
	const char *wanted;
	const char *best;
	unsigned distance;
};

void suggest_offer(struct suggestion *suggestion, const char *candidate);

#endif
