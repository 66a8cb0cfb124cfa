#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isolate/cgroup_parts.h"
#include "isolate/scope.h"
#include "util/fd.h"

enum { CONTROLLERS_MAX = 4096 };

static bool is_socket(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* The value of a key in "key=value,key=value", with %xx read as a byte (D-Bus specification, "Server Addresses"); NULL: not there, or wrong. */
static char *address_value(struct arena *arena, const char *at, size_t size, const char *key)
{
	const char *end = at + size;
	size_t key_size = strlen(key), length = 0;
	char *value;

	while (at < end && !((size_t)(end - at) > key_size && strncmp(at, key, key_size) == 0 && at[key_size] == '=')) {
		const char *comma = memchr(at, ',', (size_t)(end - at));

		at = comma ? comma + 1 : end;
	}
	if (at >= end)
		return NULL;
	value = arena_alloc(arena, (size_t)(end - at) + 1);
	for (at += key_size + 1; at < end && *at != ','; at++) {
		if (*at != '%') {
			value[length++] = *at;
			continue;
		}
		if (end - at < 3 || hex_digit(at[1]) < 0 || hex_digit(at[2]) < 0 || (hex_digit(at[1]) == 0 && hex_digit(at[2]) == 0))
			return NULL;
		value[length++] = (char)(hex_digit(at[1]) << 4 | hex_digit(at[2]));
		at += 2;
	}
	return value;
}

/* The first address of the list ("unix:path=…;unix:abstract=…") that we can connect to; NULL: none. */
static const char *bus_socket(struct arena *arena, const char *list)
{
	for (const char *at = list; at && *at;) {
		size_t size = strcspn(at, ";");

		if (size > 5 && strncmp(at, "unix:", 5) == 0) {
			const char *path = address_value(arena, at + 5, size - 5, "path");
			const char *name = address_value(arena, at + 5, size - 5, "abstract");

			if (path && path[0] == '/' && is_socket(path))
				return path;
			if (name && name[0])
				return arena_printf(arena, "@%s", name);
		}
		at += size;
		at += *at == ';';
	}
	return NULL;
}

/* *ret gets the socket, or why there is none. */
static void find_socket(struct arena *arena, const char *runtime_dir, const char *bus_address, struct scope_facts *ret)
{
	if (runtime_dir && runtime_dir[0] == '/') {
		ret->socket = arena_printf(arena, "%s/systemd/private", runtime_dir);
		if (is_socket(ret->socket))
			return;
	}
	ret->is_bus = true;
	ret->socket = bus_socket(arena, bus_address);
	if (!ret->socket && runtime_dir && runtime_dir[0] == '/') {
		ret->socket = arena_printf(arena, "%s/bus", runtime_dir);
		if (!is_socket(ret->socket))
			ret->socket = NULL;
	}
	if (ret->socket)
		return;
	ret->is_bus = false;
	ret->why_not = runtime_dir && runtime_dir[0] == '/' ? arena_printf(arena, "no systemd of the user: there is no %s/systemd/private, and no session bus", runtime_dir)
	                                                    : "no systemd of the user: XDG_RUNTIME_DIR is not set, and there is no session bus";
}

/* The user manager's own cgroup has what the system's systemd delegated to it (user@.service, Delegate=), and Delegate=yes hands on all of it. */
static void read_controllers(struct arena *arena, const char *cgroup_mount, struct scope_facts *ret)
{
	const unsigned uid = geteuid();
	const char *file = arena_printf(arena, "%s/user.slice/user-%u.slice/user@%u.service/cgroup.controllers", cgroup_mount, uid, uid);
	cleanup_free char *text = NULL;
	size_t size;
	int r = fd_slurp_at(AT_FDCWD, file, CONTROLLERS_MAX, &text, &size);

	if (r < 0) {
		ret->socket = NULL;
		ret->is_bus = false;
		ret->why_not = arena_printf(arena, "the user's systemd has no cgroup: %s: %s", file, strerror(-r));
		return;
	}
	ret->controllers = cgroup_parse_controllers(text);
}

int scope_read_facts(struct arena *arena, const char *runtime_dir, const char *bus_address, const char *cgroup_mount, struct scope_facts *ret, struct error *err)
{
	struct scope_facts facts = {0};

	(void)err; /* nothing here can fail: what is not there is a fact */
	if (cgroup_mount)
		find_socket(arena, runtime_dir, bus_address, &facts);
	else
		facts.why_not = "there is no cgroup v2 to make a scope in";
	if (facts.socket)
		read_controllers(arena, cgroup_mount, &facts);
	*ret = facts;
	return 0;
}
