#include "image/image_check.h"

#include <ctype.h>
#include <string.h>

enum { SIGNAL_MAX = 16, TIME_MAX = 64 };

bool image_variable_is_valid(const char *text)
{
	return strcspn(text, "=") > 0 && strchr(text, '=');
}

bool image_signal_is_valid(const char *text)
{
	size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-");

	return len && len <= SIGNAL_MAX && !text[len];
}

/* '0' stands for a digit. Returns what follows, or NULL. */
static const char *match(const char *text, const char *pattern)
{
	for (; *pattern; pattern++, text++)
		if (*pattern == '0' ? !isdigit((unsigned char)*text) : toupper((unsigned char)*text) != *pattern)
			return NULL;
	return text;
}

bool image_time_is_valid(const char *text)
{
	const char *rest = strnlen(text, TIME_MAX + 1) <= TIME_MAX ? match(text, "0000-00-00T00:00:00") : NULL;

	if (!rest)
		return false;
	if (*rest == '.') {
		size_t digits = strspn(rest + 1, "0123456789");

		if (!digits)
			return false;
		rest += 1 + digits;
	}
	if (*rest == '+' || *rest == '-') {
		rest = match(rest + 1, "00:00");
		return rest && !*rest;
	}
	return !strcmp(rest, "Z") || !strcmp(rest, "z");
}
