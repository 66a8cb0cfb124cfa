/* What the programs that try to break out have in common. Each payload/NAME.c is one small static program with a table of attacks; it does one
 * of them and prints, in one line, what came of it: "done" when it worked, the name of the errno when it was refused, or what it saw.
 *
 * These programs do what they try: they refuse to start in the initial user namespace, where root would do it to the machine.
 */
#ifndef CARREL_TESTS_ESCAPE_ATTACK_H
#define CARREL_TESTS_ESCAPE_ATTACK_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum { ATTACK_MISUSED = 98, ATTACK_UNSAFE = 99 };

#define SAID (-2L) /* the attack has printed its own line */

struct attack {
	const char *name;
	long (*run)(char **args); /* NULL ends the arguments; negative: refused, with errno */
};

static inline int attack_main(const struct attack *attacks, size_t count, char **argv)
{
	if (in_initial_namespace()) {
		(void)fputs("this program tries to break things: it runs in a sandbox only\n", stderr);
		return ATTACK_UNSAFE;
	}
	for (size_t i = 0; argv[0] && argv[1] && i < count; i++) {
		if (strcmp(attacks[i].name, argv[1]) != 0)
			continue;
		long result = attacks[i].run(argv + 2);
		if (result != SAID)
			(void)puts(result >= 0 ? "done" : strerrorname_np(errno));
		return 0;
	}
	(void)fputs("no such attack\n", stderr);
	return ATTACK_MISUSED;
}

#endif
