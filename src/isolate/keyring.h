/* The session keyring (keyrings(7), keyctl(2)): the payload must not see the caller's keys. */
#ifndef CARREL_ISOLATE_KEYRING_H
#define CARREL_ISOLATE_KEYRING_H

#include "util/error.h"

/* Join a new anonymous session keyring; ENOSYS and EPERM of an outer container are no error where the kernel has no keys to leak (ENOSYS), and an
 * error with a hint otherwise. */
int keyring_apply(struct error *err) MUST_CHECK;

#endif
