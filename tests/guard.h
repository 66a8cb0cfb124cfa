/* For the payloads of the tests, which try to break out or to use up the machine: they start in a sandbox only. */
#ifndef CARREL_TESTS_GUARD_H
#define CARREL_TESTS_GUARD_H

#include <stdio.h>

/* Also where that cannot be told. user_namespaces(7): the initial one maps all ids onto themselves, in one line. */
static inline int in_initial_namespace(void)
{
	unsigned inside = 1, outside = 1, count = 1;
	FILE *map = fopen("/proc/self/uid_map", "re");
	int fields = map ? fscanf(map, "%u %u %u", &inside, &outside, &count) : 0;

	if (map)
		(void)fclose(map);
	return fields != 3 || (inside == 0 && outside == 0 && count == 4294967295u);
}

#endif
