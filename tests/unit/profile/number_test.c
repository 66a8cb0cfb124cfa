#include "profile/number.h"

#include <criterion/criterion.h>
#include <errno.h>

Test(number, parse_and_format)
{
	static const struct {
		enum schema_type type;
		const char *text;
		int result;
		int64_t value;
		const char *formatted; /* NULL: as it was */
	} cases[] = {
		{SCHEMA_SIZE, "512M", 0, 512 << 20, NULL},
		{SCHEMA_SIZE, "1.5G", 0, 1536 << 20, "1536M"},
		{SCHEMA_SIZE, "16777216P", -ERANGE, 0, NULL},
		{SCHEMA_SIZE, "10000P", -ERANGE, 0, NULL}, /* fits 64 bits only without a sign */
		{SCHEMA_SIZE, "", -EINVAL, 0, NULL},
		{SCHEMA_DURATION, "2h30m", 0, 9000000, "150m"},
		{SCHEMA_DURATION, "90", 0, 90000, "90s"},
		{SCHEMA_NUMBER, "64", 0, 64, NULL},
		{SCHEMA_NUMBER, "-1", -EINVAL, 0, NULL},
		{SCHEMA_THOUSANDTHS, "2", 0, 2000, NULL},
		{SCHEMA_THOUSANDTHS, "1.5", 0, 1500, NULL},
		{SCHEMA_THOUSANDTHS, "0.125", 0, 125, NULL},
		{SCHEMA_THOUSANDTHS, "1.50", 0, 1500, "1.5"},
		{SCHEMA_THOUSANDTHS, "0.1255", -ERANGE, 0, NULL},
		{SCHEMA_THOUSANDTHS, "99999999999", -ERANGE, 0, NULL},
		{SCHEMA_THOUSANDTHS, "1.", -EINVAL, 0, NULL},
		{SCHEMA_THOUSANDTHS, ".5", -EINVAL, 0, NULL},
		{SCHEMA_THOUSANDTHS, "1e3", -EINVAL, 0, NULL},
		{SCHEMA_MODE, "0755", 0, 0755, NULL},
		{SCHEMA_MODE, "1777", 0, 01777, NULL},
		{SCHEMA_MODE, "0", 0, 0, "0000"},
		{SCHEMA_MODE, "8", -EINVAL, 0, NULL},
		{SCHEMA_BITS, "0xffffffffffffffff", 0, -1, NULL},
		{SCHEMA_BITS, "18446744073709551615", 0, -1, "0xffffffffffffffff"},
		{SCHEMA_BITS, "18446744073709551616", -ERANGE, 0, NULL},
		{SCHEMA_BITS, "TIOCSTI", 0, 0x5412, "0x5412"},
		{SCHEMA_BITS, "0", 0, 0, "0x0"},
		{SCHEMA_BITS, "010", -EINVAL, 0, NULL}, /* octal, or ten? */
		{SCHEMA_BITS, "0x", -EINVAL, 0, NULL},
		{SCHEMA_BITS, "0x1g", -EINVAL, 0, NULL},
		{SCHEMA_BITS, "0x-1", -EINVAL, 0, NULL},
		{SCHEMA_BITS, "-1", -EINVAL, 0, NULL},
		{SCHEMA_BITS, "ff", -EINVAL, 0, NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct schema_key key = {.type = cases[i].type};
		char text[NUMBER_TEXT];
		int64_t value = 0;

		cr_expect_eq(number_parse(&key, cases[i].text, &value), cases[i].result, "%s", cases[i].text);
		cr_expect_eq(value, cases[i].value, "%s: %ld", cases[i].text, value);
		if (cases[i].result == 0)
			cr_expect_str_eq(number_format(&key, value, text), cases[i].formatted ? cases[i].formatted : cases[i].text, "%s: %s", cases[i].text, text);
	}
}
