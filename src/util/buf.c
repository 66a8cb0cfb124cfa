#include "util/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/mem.h"

/* Room for `size` more bytes and the zero behind them; doubled, so that many small pieces cost no more than one. */
static void reserve(struct buf *buf, size_t size)
{
	size_t room = buf->room ? buf->room : 128;

	if (buf->room - buf->size > size)
		return;
	while (room - buf->size <= size)
		room *= 2;
	buf->text = mem_resize(buf->text, room, 1);
	buf->room = room;
}

void buf_add(struct buf *buf, const void *data, size_t size)
{
	reserve(buf, size);
	if (size)
		memcpy(buf->text + buf->size, data, size);
	buf->size += size;
	buf->text[buf->size] = 0;
}

void buf_puts(struct buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
	va_list args;
	int size;

	va_start(args, fmt);
	size = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (size < 0)
		return; /* only an invalid multibyte conversion, which no format here has */
	reserve(buf, (size_t)size);
	va_start(args, fmt);
	(void)vsnprintf(buf->text + buf->size, (size_t)size + 1, fmt, args);
	va_end(args);
	buf->size += (size_t)size;
}

void buf_done(struct buf *buf)
{
	free(buf->text);
	*buf = (struct buf){0};
}
