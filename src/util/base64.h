/* Base64 (RFC 4648, section 4): the usual alphabet, with padding. */
#ifndef CARREL_UTIL_BASE64_H
#define CARREL_UTIL_BASE64_H

#include <stddef.h>

#include "util/buf.h"
#include "util/error.h"

void base64_encode(const void *data, size_t size, struct buf *out);
/* Adds the bytes to `out`; padding may be missing at the end. -EINVAL: another character, or a rest that is no byte; `out` may have got a part then. */
int base64_decode(const char *text, struct buf *out) MUST_CHECK;

#endif
