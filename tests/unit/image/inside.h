/* Files of several owners, whiteouts, capabilities: what unpacking does needs a user namespace. */
#ifndef CARREL_TESTS_UNIT_IMAGE_INSIDE_H
#define CARREL_TESTS_UNIT_IMAGE_INSIDE_H

#include <stdbool.h>

#include "util/buf.h"

/* Run `body` in a child process that is root of a user namespace, with the range of ids or the single one, in an empty folder of its own that is removed afterwards. What it
 * complains of comes back, and is complained of here if it crashes. As root it is the account carrel-test that the child belongs to. False, with the reason: not on this machine. */
bool inside_collect(bool range, void (*body)(const void *context, struct buf *complaints), const void *context, struct buf *ret_complaints);

/* The same as a test: fails with each complaint, skips where it cannot run. */
void inside_test(bool range, void (*body)(const void *context, struct buf *complaints), const void *context);

#endif
