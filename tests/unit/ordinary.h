/* carrel is for ordinary users; root runs the tests, too. */
#ifndef CARREL_TESTS_UNIT_ORDINARY_H
#define CARREL_TESTS_UNIT_ORDINARY_H

#include <stdbool.h>

/* The calling process becomes an ordinary user: as it is, or, when that is root, the account carrel-test. NULL, or why it is not one. */
const char *ordinary_become(void);

/* A new user namespace and those of `more` (CLONE_NEW…), in which the caller is root. */
bool ordinary_be_root_inside(int more);

#endif
