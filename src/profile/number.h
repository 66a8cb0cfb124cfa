/* Numbers as the schema table types them: sizes, durations, thousandths, modes, bits. Pure, but for a percentage of this machine's memory. */
#ifndef CARREL_PROFILE_NUMBER_H
#define CARREL_PROFILE_NUMBER_H

#include <stdint.h>

#include "profile/schema.h"

enum { NUMBER_TEXT = 40 };

/* The form only, not the range of the key. 0, -EINVAL (not such a thing), -ERANGE (does not fit). */
int number_parse(const struct schema_key *key, const char *text, int64_t *ret) MUST_CHECK;
/* The shortest text that number_parse reads as this value; into `buffer`, which is returned. */
const char *number_format(const struct schema_key *key, int64_t value, char buffer[NUMBER_TEXT]);

#endif
