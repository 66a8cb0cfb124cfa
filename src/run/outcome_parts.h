/* What the texts of an outcome share. */
#ifndef CARREL_RUN_OUTCOME_PARTS_H
#define CARREL_RUN_OUTCOME_PARTS_H

#include <stdbool.h>

#include "run/outcome.h"
#include "util/units.h"

enum outcome_unit { OUTCOME_MS, OUTCOME_BYTES, OUTCOME_COUNT, OUTCOME_THOUSANDTHS };

/* What a cause that is a limit is called, and in what its value is. */
struct outcome_words {
	const char *words;
	enum outcome_unit unit;
	const struct outcome_limit *limit;
};

/* The limit that the cause is about. False: none. */
bool outcome_limit_of(const struct outcome *outcome, struct outcome_words *ret);

/* To a tenth, in the unit that people would say: an amount that was measured and not asked for. */
const char *outcome_format_roughly(uint64_t bytes, char text[UNITS_TEXT]);

#endif
