#include "profile/suggest.h"

#include <criterion/criterion.h>
#include <string.h>

Test(suggest, nearest)
{
	static const char *const names[] = {"memory", "memory_high", "mounts", "mode", "tasks", "timeout", "cpus", "root"};
	static const struct {
		const char *wanted, *best; /* NULL: none is near */
	} cases[] = {
		{"memry", "memory"}, {"memroy", "memory"}, {"Memory", "memory"}, {"memory-high", "memory_high"}, {"mount", "mounts"}, {"task", "tasks"},
		{"cpu", "cpus"}, {"timeuot", "timeout"}, {"rot", "root"}, {"zebra", NULL}, {"", NULL}, {"x", NULL}, {"stkas", NULL},
		{"a-very-long-name-that-nobody-would-ever-write-in-a-profile-but-a-fuzzer", NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct suggestion suggestion = {.wanted = cases[i].wanted};

		for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
			suggest_offer(&suggestion, names[k]);
		if (cases[i].best)
			cr_expect(suggestion.best && strcmp(suggestion.best, cases[i].best) == 0, "%s: %s", cases[i].wanted, suggestion.best ? suggestion.best : "none");
		else
			cr_expect_null(suggestion.best, "%s: %s", cases[i].wanted, suggestion.best);
	}
}
