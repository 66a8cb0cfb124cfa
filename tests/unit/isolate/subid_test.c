#include "isolate/subid.h"

#include <criterion/criterion.h>
#include <inttypes.h>

TestSuite(subid);

static const struct {
	const char *name, *text, *user;
	size_t count;
	struct id_range ranges[4];
} cases[] = {
	{"by name", "bob:1:2\nada:100000:65536\n", "ada", 1, {{100000, 65536}}},
	{"by number", "1500:100000:65536\n", "ada", 1, {{100000, 65536}}},
	{"by number without a name", "1500:100000:65536\nada:1:2\n", NULL, 1, {{100000, 65536}}},
	{"several, in file order", "ada:300000:10\nbob:5:5\n1500:200000:20\nada:100000:30\n", "ada", 3, {{300000, 10}, {200000, 20}, {100000, 30}}},
	{"no new line at the end", "ada:1000:5", "ada", 1, {{1000, 5}}},
	{"nobody's", "bob:1:2\n", "ada", 0, {{0}}},
	{"empty file", "", "ada", 0, {{0}}},
	{"empty range", "ada:1000:0\n", "ada", 0, {{0}}},
	{"overlapping", "ada:1000:100\nada:1050:100\nada:1100:5\n", "ada", 2, {{1000, 100}, {1100, 5}}},
	{"a prefix is another user", "adam:1:2\nad:3:4\n", "ada", 0, {{0}}},
	{"malformed", "ada\nada:\nada:1\nada:1:\nada::1\nada:x:1\nada:1:x\nada:-1:5\nada:1:2:3\nada: 1:2\n:1:2\n#ada:1:2\n", "ada", 0, {{0}}},
	{"beyond 32 bits", "ada:4294967296:1\nada:1:4294967296\nada:99999999999999999999:1\n", "ada", 0, {{0}}},
	{"the last id is none", "ada:4294967295:1\nada:4294967290:6\nada:4294967290:5\n", "ada", 1, {{4294967290, 5}}},
	{"not overflowing", "ada:4294967290:4294967290\n", "ada", 0, {{0}}},
	{"carriage return", "ada:1000:5\r\n", "ada", 0, {{0}}},
};

Test(subid, parse)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena arena = {0};
		struct id_range *ranges;
		size_t count;

		subid_parse(&arena, cases[i].text, cases[i].user, 1500, &ranges, &count);
		cr_expect_eq(count, cases[i].count, "%s: %zu ranges", cases[i].name, count);
		for (size_t j = 0; j < count && j < cases[i].count; j++) {
			cr_expect_eq(ranges[j].start, cases[i].ranges[j].start, "%s: start %" PRIu32, cases[i].name, ranges[j].start);
			cr_expect_eq(ranges[j].count, cases[i].ranges[j].count, "%s: count %" PRIu32, cases[i].name, ranges[j].count);
		}
		arena_done(&arena);
	}
}

static const struct {
	const char *name, *text;
	uint32_t start;
} free_starts[] = {
	{"nobody has one", "", 100000},
	{"behind the last", "bob:100000:65536\nada:165536:65536\n", 231072},
	{"a low one", "bob:1000:5\n", 100000},
	{"out of order", "bob:200000:65536\nada:100000:65536\n", 265536},
	{"none left", "bob:100000:4294867195\n", 0},
	{"malformed lines do not count", "bob:x:5\nada:4294967296:1\n", 100000},
};

Test(subid, free_start)
{
	for (size_t i = 0; i < ARRAY_SIZE(free_starts); i++) {
		uint32_t start = subid_free_start(free_starts[i].text, SUBID_USUAL_SIZE);

		cr_expect_eq(start, free_starts[i].start, "%s: %" PRIu32, free_starts[i].name, start);
	}
}

/* Whatever this machine has: no error, and nobody with an impossible name has a range. */
Test(subid, load)
{
	struct arena arena = {0};
	struct error err = {0};
	struct id_range *ranges;
	size_t count = 7;

	cr_expect_eq(subid_load(&arena, SUBID_UID, "no such user", UINT32_MAX - 1, &ranges, &count, &err), 0, "%s: %s", err.what, err.cause);
	cr_expect_eq(count, 0);
	cr_expect_eq(subid_load(&arena, SUBID_GID, NULL, UINT32_MAX - 1, &ranges, &count, &err), 0, "%s: %s", err.what, err.cause);
	cr_expect_eq(count, 0);
	arena_done(&arena);
}
