/* A profile as YAML that loads as the same profile. */
#ifndef CARREL_PROFILE_PRINT_H
#define CARREL_PROFILE_PRINT_H

#include <stdbool.h>

#include "profile/profile.h"
#include "util/buf.h"

/* All keys that have a value, in the table's order; with `origins` each line ends in a comment: file:line, or "default". */
void print_profile(const struct profile *profile, bool origins, struct buf *out);

#endif
