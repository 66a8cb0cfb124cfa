#include "util/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "util/mem.h"

/* strtoull(3) would take blanks, signs and an empty text. Returns what follows the digits, or NULL with errno. */
static const char *parse_digits(const char *text, uint64_t *ret)
{
	uint64_t value = 0;

	if (!isdigit((unsigned char)*text)) {
		errno = EINVAL;
		return NULL;
	}
	for (; isdigit((unsigned char)*text); text++) {
		if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value)) {
			errno = ERANGE;
			return NULL;
		}
	}
	*ret = value;
	return text;
}

/* The fraction behind "1." as numerator over a power of ten. Four digits: shifted by a
 * unit's 50 bits it still fits 64. */
static const char *parse_fraction(const char *text, uint64_t *ret_numerator, uint64_t *ret_denominator)
{
	const char *rest;
	uint64_t denominator = 1;

	rest = parse_digits(text, ret_numerator);
	if (!rest)
		return NULL;
	if (rest - text > 4) {
		errno = ERANGE;
		return NULL;
	}
	for (; text < rest; text++)
		denominator *= 10;
	*ret_denominator = denominator;
	return rest;
}

/* "" → 0, "K" or "KB" or "KiB" → 10 … "P" → 50, "B" → 0; -1: not a unit. */
static int size_shift(const char *unit)
{
	static const char letters[] = "KMGTP";
	const char *letter;

	if (!*unit || !strcasecmp(unit, "b"))
		return 0;
	letter = strchr(letters, toupper((unsigned char)*unit));
	if (!letter)
		return -1;
	unit++;
	if (*unit && strcasecmp(unit, "b") && strcasecmp(unit, "ib"))
		return -1;
	return 10 * (int)(letter - letters + 1);
}

int units_parse_size(const char *text, uint64_t *ret_bytes)
{
	uint64_t whole, bytes, numerator = 0, denominator = 1;
	const char *unit;
	int shift;

	unit = parse_digits(text, &whole);
	if (unit && *unit == '.')
		unit = parse_fraction(unit + 1, &numerator, &denominator);
	if (!unit)
		return -errno;
	shift = size_shift(unit);
	if (shift < 0)
		return -EINVAL;
	if (shift == 0 && denominator > 1)
		return -EINVAL; /* half a byte */
	if (whole > UINT64_MAX >> shift || __builtin_add_overflow(whole << shift, (numerator << shift) / denominator, &bytes))
		return -ERANGE;
	*ret_bytes = bytes;
	return 0;
}

/* Largest first: a duration names them in this order, each at most once. "ms" stands before "m" and "s" only in
 * duration_unit(). */
static const struct {
	const char *name;
	uint64_t ms;
} duration_units[] = {
	{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};

/* The unit at `text`, at or after index `from`; ARRAY_SIZE where there is none. */
static size_t duration_unit(const char *text, size_t from)
{
	size_t len = 0, i;

	while (isalpha((unsigned char)text[len]))
		len++;
	for (i = from; i < ARRAY_SIZE(duration_units); i++)
		if (strlen(duration_units[i].name) == len && !strncmp(duration_units[i].name, text, len))
			break;
	return i;
}

int units_parse_duration(const char *text, uint64_t *ret_ms)
{
	uint64_t sum = 0, value;
	size_t from = 0, unit;
	const char *rest = text;

	do {
		rest = parse_digits(rest, &value);
		if (!rest)
			return -errno;
		if (!*rest && from == 0) { /* a bare number is seconds */
			if (__builtin_mul_overflow(value, 1000, &sum))
				return -ERANGE;
			break;
		}
		unit = duration_unit(rest, from);
		if (unit == ARRAY_SIZE(duration_units))
			return -EINVAL;
		if (__builtin_mul_overflow(value, duration_units[unit].ms, &value) || __builtin_add_overflow(sum, value, &sum))
			return -ERANGE;
		rest += strlen(duration_units[unit].name);
		from = unit + 1;
	} while (*rest);
	*ret_ms = sum;
	return 0;
}

int units_parse_number(const char *text, int64_t min, int64_t max, int64_t *ret)
{
	bool negative = min < 0 && *text == '-';
	uint64_t magnitude;
	const char *rest;
	int64_t value;

	rest = parse_digits(text + negative, &magnitude);
	if (!rest)
		return -errno;
	if (*rest)
		return -EINVAL;
	if (negative) {
		if (magnitude > (uint64_t)INT64_MAX + 1)
			return -ERANGE;
		value = (int64_t)(0 - magnitude);
	} else {
		if (magnitude > INT64_MAX)
			return -ERANGE;
		value = (int64_t)magnitude;
	}
	if (value < min || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

int units_parse_mode(const char *text, uint32_t *ret)
{
	uint32_t mode = 0;

	if (text[0] == '0' && (text[1] == 'o' || text[1] == 'O'))
		text += 2;
	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '7')
			return -EINVAL;
		mode = mode * 8 + (uint32_t)(*text - '0');
		if (mode > 07777)
			return -ERANGE;
	}
	*ret = mode;
	return 0;
}

char *units_format_size(uint64_t bytes, char buffer[UNITS_TEXT])
{
	static const char letters[] = "KMGTP";
	size_t unit = 0;

	while (bytes && unit < strlen(letters) && bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	(void)snprintf(buffer, UNITS_TEXT, unit ? "%" PRIu64 "%c" : "%" PRIu64, bytes, unit ? letters[unit - 1] : 0);
	return buffer;
}

/* Exact in as few characters as there are: the largest single unit that divides it, or a sum such as "2h30m" where
 * that is shorter. */
char *units_format_duration(uint64_t ms, char buffer[UNITS_TEXT])
{
	char sum[64] = "", single[UNITS_TEXT] = "0s"; /* 2^64 ms as a sum: "213503982334d14h25m51s615ms" */
	uint64_t rest = ms;
	size_t i, len = 0;

	for (i = 0; i < ARRAY_SIZE(duration_units) && ms; i++) {
		const char *name = duration_units[i].name;
		uint64_t count = rest / duration_units[i].ms;

		if (count)
			len += (size_t)snprintf(sum + len, sizeof(sum) - len, "%" PRIu64 "%s", count, name);
		rest -= count * duration_units[i].ms;
	}
	for (i = 0; i < ARRAY_SIZE(duration_units) && ms; i++) {
		if (ms % duration_units[i].ms)
			continue;
		(void)snprintf(single, sizeof(single), "%" PRIu64 "%s", ms / duration_units[i].ms, duration_units[i].name);
		break;
	}
	return strcpy(buffer, len && len < strlen(single) ? sum : single);
}

const char *units_decimal(uint64_t bytes, double *ret_value)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	size_t unit = 0;

	*ret_value = (double)bytes;
	for (; *ret_value >= 999.5 && unit + 1 < ARRAY_SIZE(units); unit++)
		*ret_value /= 1000;
	return units[unit];
}
