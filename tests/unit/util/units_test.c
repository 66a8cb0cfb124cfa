#include "util/units.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "util/mem.h"

TestSuite(units);

static const struct {
	const char *name;
	int result;
	uint64_t bytes;
} sizes[] = {
	{"0", 0, 0},
	{"4096", 0, 4096},
	{"512M", 0, 512ULL << 20},
	{"512m", 0, 512ULL << 20},
	{"512MiB", 0, 512ULL << 20},
	{"512MB", 0, 512ULL << 20},
	{"4kB", 0, 4096},
	{"7b", 0, 7},
	{"1.5G", 0, 3ULL << 29},
	{"0.25K", 0, 256},
	{"2T", 0, 2ULL << 40},
	{"16383P", 0, 16383ULL << 50},
	{"18446744073709551615", 0, UINT64_MAX},
	{"16384P", -ERANGE, 0},
	{"18446744073709551616", -ERANGE, 0},
	{"99999999999999999999999", -ERANGE, 0},
	{"1.23456G", -ERANGE, 0},
	{"", -EINVAL, 0},
	{"M", -EINVAL, 0},
	{"1.5", -EINVAL, 0},
	{"1.G", -EINVAL, 0},
	{".5G", -EINVAL, 0},
	{"-1", -EINVAL, 0},
	{"+1", -EINVAL, 0},
	{" 1", -EINVAL, 0},
	{"1 ", -EINVAL, 0},
	{"1 M", -EINVAL, 0},
	{"1MM", -EINVAL, 0},
	{"1iB", -EINVAL, 0},
	{"1X", -EINVAL, 0},
	{"0x10", -EINVAL, 0},
};

Test(units, parse_size)
{
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint64_t bytes = 77;

		cr_expect_eq(units_parse_size(sizes[i].name, &bytes), sizes[i].result, "'%s'", sizes[i].name);
		cr_expect_eq(bytes, sizes[i].result ? 77 : sizes[i].bytes, "'%s' gave %" PRIu64, sizes[i].name, bytes);
	}
}

static const struct {
	const char *name;
	int result;
	uint64_t ms;
} durations[] = {
	{"0", 0, 0},
	{"90", 0, 90000},
	{"90s", 0, 90000},
	{"5m", 0, 300000},
	{"2h30m", 0, 9000000},
	{"1d", 0, 86400000},
	{"250ms", 0, 250},
	{"1m250ms", 0, 60250},
	{"1d2h3m4s5ms", 0, 93784005},
	{"30m2h", -EINVAL, 0},
	{"1m1m", -EINVAL, 0},
	{"1h30", -EINVAL, 0},
	{"", -EINVAL, 0},
	{"s", -EINVAL, 0},
	{"-5s", -EINVAL, 0},
	{"5 s", -EINVAL, 0},
	{"1.5h", -EINVAL, 0},
	{"5min", -EINVAL, 0},
	{"18446744073709551615", -ERANGE, 0},
	{"18446744073709551615d", -ERANGE, 0},
	{"213503982334d18446744073709551615ms", -ERANGE, 0},
};

Test(units, parse_duration)
{
	for (size_t i = 0; i < ARRAY_SIZE(durations); i++) {
		uint64_t ms = 77;

		cr_expect_eq(units_parse_duration(durations[i].name, &ms), durations[i].result, "'%s'", durations[i].name);
		cr_expect_eq(ms, durations[i].result ? 77 : durations[i].ms, "'%s' gave %" PRIu64, durations[i].name, ms);
	}
}

static const struct {
	const char *name;
	int64_t min, max;
	int result;
	int64_t value;
} numbers[] = {
	{"0", 0, 10, 0, 0},
	{"10", 0, 10, 0, 10},
	{"-3", -5, 5, 0, -3},
	{"007", 0, 10, 0, 7},
	{"9223372036854775807", 0, INT64_MAX, 0, INT64_MAX},
	{"-9223372036854775808", INT64_MIN, 0, 0, INT64_MIN},
	{"11", 0, 10, -ERANGE, 0},
	{"-6", -5, 5, -ERANGE, 0},
	{"9223372036854775808", INT64_MIN, INT64_MAX, -ERANGE, 0},
	{"-9223372036854775809", INT64_MIN, INT64_MAX, -ERANGE, 0},
	{"-1", 0, 10, -EINVAL, 0},
	{"", 0, 10, -EINVAL, 0},
	{"-", -5, 5, -EINVAL, 0},
	{"--1", -5, 5, -EINVAL, 0},
	{"1x", 0, 10, -EINVAL, 0},
	{" 1", 0, 10, -EINVAL, 0},
};

Test(units, parse_number)
{
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		int64_t value = 77;

		cr_expect_eq(units_parse_number(numbers[i].name, numbers[i].min, numbers[i].max, &value), numbers[i].result, "'%s'", numbers[i].name);
		cr_expect_eq(value, numbers[i].result ? 77 : numbers[i].value, "'%s' gave %" PRId64, numbers[i].name, value);
	}
}

static const struct {
	const char *name;
	int result;
	uint32_t mode;
} modes[] = {
	{"0755", 0, 0755}, {"755", 0, 0755}, {"1777", 0, 01777}, {"0o755", 0, 0755}, {"0", 0, 0}, {"07777", 0, 07777},
	{"10000", -ERANGE, 0}, {"0o", -EINVAL, 0}, {"", -EINVAL, 0}, {"0855", -EINVAL, 0}, {"u+x", -EINVAL, 0}, {"-755", -EINVAL, 0},
};

Test(units, parse_mode)
{
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		uint32_t mode = 77;

		cr_expect_eq(units_parse_mode(modes[i].name, &mode), modes[i].result, "'%s'", modes[i].name);
		cr_expect_eq(mode, modes[i].result ? 77 : modes[i].mode, "'%s' gave %o", modes[i].name, mode);
	}
}

static const struct {
	const char *name;
	uint64_t value;
	char *(*format)(uint64_t value, char buffer[UNITS_TEXT]);
} texts[] = {
	{"0", 0, units_format_size},
	{"1023", 1023, units_format_size},
	{"1K", 1024, units_format_size},
	{"1536M", 3ULL << 29, units_format_size},
	{"4G", 4ULL << 30, units_format_size},
	{"18446744073709551615", UINT64_MAX, units_format_size},
	{"1024P", 1ULL << 60, units_format_size},
	{"0s", 0, units_format_duration},
	{"90s", 90000, units_format_duration},
	{"5m", 300000, units_format_duration},
	{"150m", 9000000, units_format_duration},
	{"1d", 86400000, units_format_duration},
	{"250ms", 250, units_format_duration},
	{"90250ms", 90250, units_format_duration},
	{"18446744073709551615ms", UINT64_MAX, units_format_duration},
};

Test(units, format)
{
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		char buffer[UNITS_TEXT];

		cr_expect_str_eq(texts[i].format(texts[i].value, buffer), texts[i].name, "'%s' became '%s'", texts[i].name, buffer);
	}
}

/* Whatever is formatted parses back to the same value. */
Test(units, round_trip)
{
	for (uint64_t value = 1; value < UINT64_MAX / 7; value = value * 7 + 3) {
		char buffer[UNITS_TEXT];
		uint64_t back = 0;

		cr_expect_eq(units_parse_size(units_format_size(value, buffer), &back), 0, "%s", buffer);
		cr_expect_eq(back, value, "%s", buffer);
		cr_expect_eq(units_parse_duration(units_format_duration(value, buffer), &back), 0, "%s", buffer);
		cr_expect_eq(back, value, "%s", buffer);
	}
}
