/* What cannot be tested in a sanitizer's build. */
#ifndef CARREL_TESTS_UNIT_SANITIZED_H
#define CARREL_TESTS_UNIT_SANITIZED_H

#include <criterion/criterion.h>

/* First in a test that measures a process's memory. */
#ifdef __SANITIZE_ADDRESS__
#define SKIP_WHERE_SANITIZED() cr_skip_test("AddressSanitizer's own memory would be measured")
#else
#define SKIP_WHERE_SANITIZED() ((void)0)
#endif

#endif
