#include "profile/number.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "util/units.h"

/* "2", "1.5", "0.125": at most three digits after the point, as a thousandth is the unit. */
static int parse_thousandths(const char *text, int64_t *ret)
{
	int64_t whole = 0, part = 0, scale = 1000;
	const char *at = text;

	if (!isdigit((unsigned char)*at))
		return -EINVAL;
	for (; isdigit((unsigned char)*at); at++) {
		whole = whole * 10 + (*at - '0');
		if (whole > INT32_MAX)
			return -ERANGE;
	}
	if (*at == '.') {
		if (!isdigit((unsigned char)at[1]))
			return -EINVAL;
		for (at++; isdigit((unsigned char)*at); at++) {
			if (scale == 1)
				return -ERANGE;
			scale /= 10;
			part += (*at - '0') * scale;
		}
	}
	if (*at)
		return -EINVAL;
	*ret = whole * 1000 + part;
	return 0;
}

/* "50%" in thousandths of a percent. -ENOENT: it is no percentage. */
static int parse_percent(const char *text, int64_t *ret)
{
	size_t len = strlen(text);
	char number[NUMBER_TEXT];

	if (len < 2 || len >= sizeof(number) || text[len - 1] != '%')
		return -ENOENT;
	memcpy(number, text, len - 1);
	number[len - 1] = 0;
	return parse_thousandths(number, ret);
}

static int parse_cpus(const char *text, int64_t *ret)
{
	int64_t percent;
	int r = parse_percent(text, &percent);

	if (r == -ENOENT)
		return parse_thousandths(text, ret);
	if (r == 0)
		*ret = percent / 100;
	return r;
}

/* In whole pages, as the kernel counts. */
static int parse_share_of_memory(const char *text, uint64_t *ret)
{
	struct sysinfo info;
	int64_t percent;
	int r = parse_percent(text, &percent);

	if (r < 0)
		return r;
	if (percent > 100000)
		return -ERANGE;
	if (sysinfo(&info) < 0)
		return -errno;
	*ret = (uint64_t)((double)info.totalram * info.mem_unit * (double)percent / 100000) & ~(uint64_t)4095;
	return 0;
}

static int parse_size(const struct schema_key *key, const char *text, uint64_t *ret)
{
	int r = key->of_memory ? parse_share_of_memory(text, ret) : -ENOENT;

	return r == -ENOENT ? units_parse_size(text, ret) : r;
}

/* A leading 0 would be octal in C and is not in YAML 1.2: too easily meant otherwise in a mask, so it is refused. */
static int parse_bits(const char *text, int64_t *ret)
{
	char *end;

	for (const struct schema_constant *c = schema_constants; c->name; c++) {
		if (strcmp(c->name, text) == 0) {
			*ret = (int64_t)c->value;
			return 0;
		}
	}
	bool is_hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = is_hex ? text + 2 : text;
	if (!isxdigit((unsigned char)*digits) || (!is_hex && (!isdigit((unsigned char)*text) || (text[0] == '0' && text[1]))))
		return -EINVAL;
	errno = 0;
	unsigned long long value = strtoull(digits, &end, is_hex ? 16 : 10);
	if (*end)
		return -EINVAL;
	if (errno)
		return -ERANGE;
	*ret = (int64_t)value;
	return 0;
}

int number_parse(const struct schema_key *key, const char *text, int64_t *ret)
{
	uint64_t wide = 0;
	uint32_t mode = 0;
	int r;

	switch (key->type) {
	case SCHEMA_SIZE:
		r = parse_size(key, text, &wide);
		break;
	case SCHEMA_DURATION:
		r = units_parse_duration(text, &wide);
		break;
	case SCHEMA_MODE:
		r = units_parse_mode(text, &mode);
		wide = mode;
		break;
	case SCHEMA_THOUSANDTHS:
		return parse_cpus(text, ret);
	case SCHEMA_BITS:
		return parse_bits(text, ret);
	default:
		return units_parse_number(text, 0, INT64_MAX, ret);
	}
	if (r == 0 && wide > INT64_MAX)
		r = -ERANGE;
	if (r == 0)
		*ret = (int64_t)wide;
	return r;
}

const char *number_format(const struct schema_key *key, int64_t value, char buffer[NUMBER_TEXT])
{
	char text[UNITS_TEXT];

	switch (key->type) {
	case SCHEMA_SIZE:
		(void)snprintf(buffer, NUMBER_TEXT, "%s", units_format_size((uint64_t)value, text));
		break;
	case SCHEMA_DURATION:
		(void)snprintf(buffer, NUMBER_TEXT, "%s", units_format_duration((uint64_t)value, text));
		break;
	case SCHEMA_MODE:
		(void)snprintf(buffer, NUMBER_TEXT, "%s%03" PRIo64, value > 0777 ? "" : "0", (uint64_t)value);
		break;
	case SCHEMA_BITS:
		(void)snprintf(buffer, NUMBER_TEXT, "0x%" PRIx64, (uint64_t)value);
		break;
	case SCHEMA_THOUSANDTHS: {
		int n = snprintf(buffer, NUMBER_TEXT, "%" PRId64 ".%03" PRId64, value / 1000, value % 1000);

		while (n > 0 && buffer[n - 1] == '0')
			buffer[--n] = 0;
		if (n > 0 && buffer[n - 1] == '.')
			buffer[n - 1] = 0;
		break;
	}
	default:
		(void)snprintf(buffer, NUMBER_TEXT, "%" PRId64, value);
	}
	return buffer;
}
