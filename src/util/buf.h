/* A string that grows. `struct buf b = {0};` is empty; buf_done frees; text is always zero-terminated once
 * something was added. */
#ifndef CARREL_UTIL_BUF_H
#define CARREL_UTIL_BUF_H

#include <stddef.h>

#include "util/error.h"

struct buf {
	char *text;
	size_t size, room;
};

void buf_add(struct buf *buf, const void *data, size_t size);
void buf_puts(struct buf *buf, const char *text);
void buf_printf(struct buf *buf, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_done(struct buf *buf);
#define cleanup_buf __attribute__((cleanup(buf_done)))

#endif
