#include "image/image_check.h"

#include <criterion/criterion.h>

#include "util/mem.h"

TestSuite(image_check);

static const struct {
	const char *name;
	bool (*check)(const char *);
	bool good;
} cases[] = {
	{"A=b", image_variable_is_valid, true},
	{"A=", image_variable_is_valid, true},
	{"A=b=c\n", image_variable_is_valid, true},
	{"=b", image_variable_is_valid, false},
	{"A", image_variable_is_valid, false},
	{"", image_variable_is_valid, false},
	{"SIGTERM", image_signal_is_valid, true},
	{"SIGRTMIN+3", image_signal_is_valid, true},
	{"15", image_signal_is_valid, true},
	{"", image_signal_is_valid, false},
	{"SIG TERM", image_signal_is_valid, false},
	{"SIGAAAAAAAAAAAAAAAAAAAAAAAAAAAA", image_signal_is_valid, false},
	{"2024-05-06T07:08:09Z", image_time_is_valid, true},
	{"2024-05-06T07:08:09.123456789Z", image_time_is_valid, true},
	{"2024-05-06t07:08:09z", image_time_is_valid, true},
	{"2024-05-06T07:08:09+02:00", image_time_is_valid, true},
	{"2024-05-06T07:08:09.5-02:00", image_time_is_valid, true},
	{"0001-01-01T00:00:00Z", image_time_is_valid, true},
	{"", image_time_is_valid, false},
	{"2024-05-06", image_time_is_valid, false},
	{"2024-05-06T07:08:09", image_time_is_valid, false},
	{"2024-05-06 07:08:09Z", image_time_is_valid, false},
	{"2024-05-06T07:08:09.Z", image_time_is_valid, false},
	{"2024-05-06T07:08:09Zx", image_time_is_valid, false},
	{"2024-05-06T07:08:09+2", image_time_is_valid, false},
	{"2024-05-06T07:08:09.00000000000000000000000000000000000000000000000000000000Z", image_time_is_valid, false},
};

Test(image_check, cases)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(cases[i].check(cases[i].name), cases[i].good, "'%s'", cases[i].name);
}
