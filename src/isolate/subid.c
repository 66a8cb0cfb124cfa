#include "isolate/subid.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/proc.h"
#include "util/units.h"

enum {
	FILE_LIMIT = 16 << 20, /* a cluster with 10⁵ users has 3 MB */
	SOURCE_TIMEOUT_MS = 3000,
};

static const struct {
	const char *file, *option;
} kinds[] = {
	[SUBID_UID] = {"/etc/subuid", NULL},
	[SUBID_GID] = {"/etc/subgid", "-g"},
};

/* A field of `line` up to ':' or the end as a 32-bit number. */
static bool field_number(const char *field, size_t size, uint32_t *ret)
{
	char text[16];
	int64_t value;

	if (size >= sizeof(text))
		return false;
	memcpy(text, field, size);
	text[size] = 0;
	if (units_parse_number(text, 0, UINT32_MAX, &value) < 0)
		return false;
	*ret = (uint32_t)value;
	return true;
}

/* OWNER:START:COUNT. 4294967295 is no id ((uid_t)-1), so a range ends before it. */
static bool parse_line(const char *line, size_t size, size_t *ret_owner_size, struct id_range *ret)
{
	const char *first = memchr(line, ':', size), *second;

	if (!first || first == line || *line == '#')
		return false;
	second = memchr(first + 1, ':', size - (size_t)(first + 1 - line));
	if (!second)
		return false;
	if (!field_number(first + 1, (size_t)(second - first - 1), &ret->start) || !field_number(second + 1, size - (size_t)(second + 1 - line), &ret->count))
		return false;
	*ret_owner_size = (size_t)(first - line);
	return ret->count > 0 && (uint64_t)ret->start + ret->count <= UINT32_MAX;
}

static bool is_owner(const char *owner, size_t size, const char *name, const char *number)
{
	return (name && strlen(name) == size && !memcmp(owner, name, size)) || (strlen(number) == size && !memcmp(owner, number, size));
}

static bool overlaps(const struct id_range *ranges, size_t count, struct id_range range)
{
	for (size_t i = 0; i < count; i++)
		if (range.start < ranges[i].start + ranges[i].count && ranges[i].start < range.start + range.count)
			return true;
	return false;
}

static void add_range(struct arena *arena, struct id_range **ranges, size_t *count, struct id_range range)
{
	if (overlaps(*ranges, *count, range))
		return;
	*ranges = arena_grow(arena, *ranges, *count, sizeof(**ranges));
	(*ranges)[(*count)++] = range;
}

void subid_parse(struct arena *arena, const char *text, const char *name, uint32_t uid, struct id_range **ret, size_t *ret_count)
{
	struct id_range *ranges = NULL;
	char number[16];
	size_t count = 0;

	(void)snprintf(number, sizeof(number), "%" PRIu32, uid);
	for (const char *line = text, *end; *line; line = *end ? end + 1 : end) {
		struct id_range range;
		size_t owner_size;

		end = strchrnul(line, '\n');
		if (parse_line(line, (size_t)(end - line), &owner_size, &range) && is_owner(line, owner_size, name, number))
			add_range(arena, &ranges, &count, range);
	}
	*ret = ranges;
	*ret_count = count;
}

uint32_t subid_free_start(const char *text, uint32_t size)
{
	uint64_t start = SUBID_FIRST;

	for (const char *line = text, *end; *line; line = *end ? end + 1 : end) {
		struct id_range range;
		size_t owner_size;

		end = strchrnul(line, '\n');
		if (parse_line(line, (size_t)(end - line), &owner_size, &range) && (uint64_t)range.start + range.count > start)
			start = (uint64_t)range.start + range.count;
	}
	return start + size <= UINT32_MAX ? (uint32_t)start : 0;
}

/* The lines of getsubids(1): "0: ada 100000 65536". */
static void parse_source(struct arena *arena, const char *text, struct id_range **ret, size_t *ret_count)
{
	for (const char *line = text, *end; *line; line = *end ? end + 1 : end) {
		struct id_range range;

		end = strchrnul(line, '\n');
		if (sscanf(line, "%*u: %*s %" SCNu32 " %" SCNu32, &range.start, &range.count) == 2 && range.count > 0 &&
		    (uint64_t)range.start + range.count <= UINT32_MAX)
			add_range(arena, ret, ret_count, range);
	}
}

/* Does nsswitch.conf name a source other than the files? (shadow takes only the first word.) */
static bool has_other_source(void)
{
	cleanup_free char *text = NULL;
	char source[32];

	if (fd_slurp_at(AT_FDCWD, "/etc/nsswitch.conf", FILE_LIMIT, &text, NULL) < 0)
		return false;
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (sscanf(line, "subid: %31s", source) == 1)
			return strcmp(source, "files") != 0;
	}
	return false;
}

/* 1: there was such a source and it was asked. */
static int load_from_source(struct arena *arena, enum subid_kind kind, const char *name, struct id_range **ret, size_t *ret_count, struct error *err)
{
	cleanup_free char *text = NULL;
	cleanup_free char *owner = mem_strdup(name);
	cleanup_free char *program = proc_find_program("getsubids", PROC_SYSTEM_PATH);
	char option[] = "-g";
	char *argv[] = {program, kinds[kind].option ? option : owner, kinds[kind].option ? owner : NULL, NULL};
	int result;

	if (!program)
		return 0;
	result = proc_capture(argv, FILE_LIMIT, SOURCE_TIMEOUT_MS, &text);
	if (result < 0) {
		(void)error_set(err, -result, "cannot read the subordinate ids of '%s' from %s", name, program);
		return error_hint(err, "the source that /etc/nsswitch.conf names for `subid:` does not answer; or use --userns single");
	}
	if (result == 0) /* another status: the user is not known there */
		parse_source(arena, text, ret, ret_count);
	return 1;
}

int subid_load(struct arena *arena, enum subid_kind kind, const char *name, uint32_t uid, struct id_range **ret, size_t *ret_count, struct error *err)
{
	cleanup_free char *text = NULL;
	struct id_range *ranges = NULL;
	size_t count = 0;
	int result = 0;

	if (name && has_other_source())
		result = load_from_source(arena, kind, name, &ranges, &count, err);
	if (result < 0)
		return result;
	if (result == 0) {
		result = fd_slurp_at(AT_FDCWD, kinds[kind].file, FILE_LIMIT, &text, NULL);
		if (result < 0 && result != -ENOENT)
			return error_set(err, -result, "cannot read %s", kinds[kind].file);
		if (result == 0)
			subid_parse(arena, text, name, uid, &ranges, &count);
	}
	*ret = ranges;
	*ret_count = count;
	return 0;
}

uint32_t subid_load_free_start(uint32_t size)
{
	uint32_t start = SUBID_FIRST;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		cleanup_free char *text = NULL;
		uint32_t free_start;

		if (fd_slurp_at(AT_FDCWD, kinds[i].file, FILE_LIMIT, &text, NULL) < 0)
			continue;
		free_start = subid_free_start(text, size);
		if (free_start == 0)
			return 0;
		if (free_start > start)
			start = free_start;
	}
	return start;
}
