#include "util/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ERRNO_MAX = 4095 }; /* the kernel's MAX_ERRNO */

static void format_into(char *buffer, size_t size, const char *fmt, va_list args)
{
	/* A cut message is still a message: the buffers are wider than any path that people read. */
	(void)vsnprintf(buffer, size, fmt, args);
}

int error_set(struct error *err, int errnum, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return -errnum;
	*err = (struct error){.code = errnum, .exit_status = EXIT_CARREL};
	va_start(args, fmt);
	format_into(err->what, sizeof(err->what), fmt, args);
	va_end(args);
	(void)snprintf(err->cause, sizeof(err->cause), "%s", strerror(errnum));
	return -errnum;
}

int error_cause(struct error *err, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return -EINVAL;
	va_start(args, fmt);
	format_into(err->cause, sizeof(err->cause), fmt, args);
	va_end(args);
	return -err->code;
}

int error_hint(struct error *err, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return -EINVAL;
	va_start(args, fmt);
	format_into(err->hint, sizeof(err->hint), fmt, args);
	va_end(args);
	return -err->code;
}

int error_at(struct error *err, const struct origin *at, const char *key)
{
	if (!err)
		return -EINVAL;
	if (at && at->file) {
		(void)snprintf(err->file, sizeof(err->file), "%s", at->file);
		err->line = at->line;
		err->column = at->column;
	}
	if (key)
		(void)snprintf(err->key, sizeof(err->key), "%s", key);
	return -err->code;
}

int error_prefix(struct error *err, const char *fmt, ...)
{
	char context[sizeof(err->what)], old[sizeof(err->what)];
	va_list args;

	if (!err)
		return -EINVAL;
	va_start(args, fmt);
	format_into(context, sizeof(context), fmt, args);
	va_end(args);
	memcpy(old, err->what, sizeof(old));
	/* Cut, where it must be, at the end of the older text. */
	size_t used = strlen(context);
	memcpy(err->what, context, used);
	(void)snprintf(err->what + used, sizeof(err->what) - used, ": %s", old);
	return -err->code;
}

void error_mend(struct error *err)
{
	if (err->code <= 0 || err->code > ERRNO_MAX)
		err->code = EPROTO;
	err->exit_status = EXIT_CARREL;
	err->what[sizeof(err->what) - 1] = 0;
	err->cause[sizeof(err->cause) - 1] = 0;
	err->hint[sizeof(err->hint) - 1] = 0;
	err->file[sizeof(err->file) - 1] = 0;
	err->key[sizeof(err->key) - 1] = 0;
}
