#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "image/unpack_parts.h"

const char *unpack_name_short(const char *name, char buffer[UNPACK_SHORT])
{
	enum { HALF = UNPACK_SHORT / 2 - 4 };
	size_t length = strlen(name);

	if (length < UNPACK_SHORT)
		return name;
	(void)snprintf(buffer, UNPACK_SHORT, "%.*s...%s", HALF, name, name + length - HALF);
	return buffer;
}

/* What a component that begins with .wh. comes to. `last`: nothing follows it. */
static int check_whiteout(struct unpack_tree *tree, const struct unpack_entry *entry, const char *what, const char *component, size_t length, bool last, bool *ret_skip)
{
	const char *reserved = "names that begin with .wh. are those of whiteouts in a layer";

	if (!tree->spec->whiteouts)
		return unpack_refuse(tree, EINVAL, entry, "%s has a component '%.*s', and %s", what, (int)length, component, reserved);
	if (length == strlen(WHITEOUT_OPAQUE) && !memcmp(component, WHITEOUT_OPAQUE, length) && last)
		return 0;
	if (length >= strlen(WHITEOUT_META) && !memcmp(component, WHITEOUT_META, strlen(WHITEOUT_META))) {
		*ret_skip = true;
		return 0;
	}
	if (!last)
		return unpack_refuse(tree, EINVAL, entry, "%s leads through '%.*s', and %s", what, (int)length, component, reserved);
	component += strlen(WHITEOUT_PREFIX);
	length -= strlen(WHITEOUT_PREFIX);
	if (length == 0 || (length == 1 && component[0] == '.') || (length == 2 && !memcmp(component, "..", 2)))
		return unpack_refuse(tree, EINVAL, entry, "it is a whiteout of nothing");
	return 0;
}

/* Absolute names are taken as relative to the root (as tar(1) does), and "./" is the root. ".." is refused even where it would stay inside: no tool writes it. */
int unpack_name_parse(struct unpack_tree *tree, const struct unpack_entry *entry, const char *what, const char *said, struct unpack_name *ret, bool *ret_skip)
{
	char *end = ret->path, *cut = NULL;

	*ret_skip = false;
	for (const char *at = said; *at;) {
		size_t length;
		bool last;
		int r = 0;

		at += strspn(at, "/");
		length = strcspn(at, "/");
		last = at[length + strspn(at + length, "/")] == 0;
		if (length == 0 || (length == 1 && at[0] == '.')) {
			at += length;
			continue;
		}
		if (length == 2 && !memcmp(at, "..", 2))
			return unpack_refuse(tree, EINVAL, entry, "%s leads through '..'", what);
		if (length >= strlen(WHITEOUT_PREFIX) && !memcmp(at, WHITEOUT_PREFIX, strlen(WHITEOUT_PREFIX)))
			r = check_whiteout(tree, entry, what, at, length, last, ret_skip);
		if (r < 0)
			return r;
		if ((size_t)(end - ret->path) + length + 2 > sizeof(ret->path))
			return unpack_refuse(tree, ENAMETOOLONG, entry, "%s is longer than %d bytes", what, PATH_MAX - 1);
		if (end > ret->path) {
			cut = end;
			*end++ = '/';
		}
		end = mempcpy(end, at, length);
		at += length;
	}
	*end = 0;
	if (cut)
		*cut = 0;
	ret->parent = cut ? ret->path : "";
	ret->base = cut ? cut + 1 : ret->path;
	return 0;
}
