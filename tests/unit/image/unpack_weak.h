/* The unit tests' own build of unpack_dirs.c, whose symlinks can be made to lead out of the target: to see that the tests of escapes notice. */
#ifndef CARREL_TESTS_UNIT_IMAGE_UNPACK_WEAK_H
#define CARREL_TESTS_UNIT_IMAGE_UNPACK_WEAK_H

#include <stdbool.h>

extern bool unpack_weak; /* false: as shipped */

#endif
