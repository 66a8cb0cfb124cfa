#include "cli/report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/top.h"
#include "util/fd.h"

/* Whatever it holds, on a terminal it stays text. */
static void add_visible(struct buf *out, const char *text)
{
	(void)top_put_text(out, text, SIZE_MAX);
}

void report_format(struct buf *out, const struct error *err)
{
	buf_puts(out, "carrel: ");
	add_visible(out, err->what);
	if (err->cause[0]) {
		buf_puts(out, ": ");
		add_visible(out, err->cause);
	}
	if (err->file[0]) {
		buf_puts(out, "\n  at:   ");
		add_visible(out, err->file);
		if (err->line)
			buf_printf(out, ":%u", err->line);
		if (err->line && err->column)
			buf_printf(out, ":%u", err->column);
	}
	if (err->key[0]) {
		buf_puts(out, err->file[0] ? " (" : "\n  at:   (");
		add_visible(out, err->key);
		buf_puts(out, ")");
	}
	if (err->hint[0]) {
		buf_puts(out, "\n  hint: ");
		add_visible(out, err->hint);
	}
	buf_puts(out, "\n");
}

void report_error(const struct error *err)
{
	cleanup_buf struct buf out = {0};

	report_format(&out, err);
	(void)!fd_write_all(STDERR_FILENO, out.text, out.size); /* a closed stderr leaves nobody to tell; the status says it */
}

static void say(const char *lead, const char *fmt, va_list args)
{
	cleanup_buf struct buf out = {0};
	char text[1024];

	(void)vsnprintf(text, sizeof(text), fmt, args);
	buf_puts(&out, lead);
	add_visible(&out, text);
	buf_puts(&out, "\n");
	(void)!fd_write_all(STDERR_FILENO, out.text, out.size); /* as above */
}

void report_note(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("carrel: note: ", fmt, args);
	va_end(args);
}

void report_line(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("carrel: ", fmt, args);
	va_end(args);
}

int report_print(const struct buf *text)
{
	struct error err;
	int r = text->size ? fd_write_all(STDOUT_FILENO, text->text, text->size) : 0;

	if (r == 0)
		return 0;
	(void)error_set(&err, -r, "cannot write to standard output");
	report_error(&err);
	return EXIT_CARREL;
}
