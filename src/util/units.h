/* Sizes, durations and numbers as people write them. */
#ifndef CARREL_UTIL_UNITS_H
#define CARREL_UTIL_UNITS_H

#include <stdint.h>

#include "util/error.h"

/* All give 0, or -EINVAL (not such a thing), -ERANGE (does not fit); the result is untouched on failure.
 * Nothing but the whole text is accepted: no spaces, no rest, no sign unless said. */

/* "4096", "512M", "1.5G", "512MiB", "4kB": binary units K M G T P, upper or lower case, in bytes. */
int units_parse_size(const char *text, uint64_t *ret_bytes) MUST_CHECK;
/* "90s", "5m", "2h30m", "1d", "250ms", "90" (seconds); in milliseconds. */
int units_parse_duration(const char *text, uint64_t *ret_ms) MUST_CHECK;
/* A decimal number within the bounds, with a '-' when min is negative. */
int units_parse_number(const char *text, int64_t min, int64_t max, int64_t *ret) MUST_CHECK;
/* An octal file mode or umask, "0755", "1777", "0o755". */
int units_parse_mode(const char *text, uint32_t *ret) MUST_CHECK;

/* The shortest exact form, "512M" or "90s", into a buffer of UNITS_TEXT bytes, which is returned. */
enum { UNITS_TEXT = 32 };
char *units_format_size(uint64_t bytes, char buffer[UNITS_TEXT]);
char *units_format_duration(uint64_t ms, char buffer[UNITS_TEXT]);

/* For people: in decimal units, as Docker has them. "kB" and 1.5 for 1500; below 999.5, so that no rounding to whole numbers shows a thousand. */
const char *units_decimal(uint64_t bytes, double *ret_value);

#endif
