#include "isolate/seccomp_groups.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <yaml.h>

#include "util/fd.h"

enum { GROUPS_FILE_LIMIT = 1 << 20 };

/* Where the reader stands: the file has three levels only, so the parser's events are enough and no tree is built. */
struct reader {
	yaml_parser_t parser;
	const char *path;
	struct seccomp_groups *into;
	struct error *err;
};

static int fail_at(const struct reader *reader, yaml_mark_t mark, const char *cause)
{
	struct origin at = {.file = reader->path, .line = (unsigned)mark.line + 1, .column = (unsigned)mark.column + 1};

	(void)error_set(reader->err, EINVAL, "cannot read the system call groups in '%s'", reader->path);
	(void)error_cause(reader->err, "%s", cause);
	(void)error_hint(reader->err, "the file belongs to the installation: install carrel again, or mend the line");
	(void)error_at(reader->err, &at, NULL);
	return -EINVAL;
}

/* The next event, which must be of type `want` or `or_end`; the caller deletes it. */
static int next_event(struct reader *reader, yaml_event_type_t want, yaml_event_type_t or_end, yaml_event_t *ret)
{
	if (!yaml_parser_parse(&reader->parser, ret))
		return fail_at(reader, reader->parser.problem_mark, reader->parser.problem ? reader->parser.problem : "not YAML");
	if (ret->type == want || ret->type == or_end)
		return 0;
	yaml_mark_t mark = ret->start_mark;
	yaml_event_delete(ret);
	return fail_at(reader, mark, "expected a mapping from group names to lists of calls");
}

static int skip_event(struct reader *reader, yaml_event_type_t want)
{
	yaml_event_t event;
	int r = next_event(reader, want, want, &event);

	if (r == 0)
		yaml_event_delete(&event);
	return r;
}

/* The next scalar as a string of the arena, or NULL when `end` comes. */
static int next_name(struct reader *reader, yaml_event_type_t end, const char **ret, yaml_mark_t *ret_mark)
{
	yaml_event_t event;
	int r = next_event(reader, YAML_SCALAR_EVENT, end, &event);

	if (r < 0)
		return r;
	*ret_mark = event.start_mark;
	*ret = event.type == end ? NULL : arena_strdup(&reader->into->arena, (const char *)event.data.scalar.value);
	yaml_event_delete(&event);
	return 0;
}

static int read_group(struct reader *reader, struct seccomp_group *group)
{
	struct arena *arena = &reader->into->arena;
	yaml_mark_t mark;
	const char *member;
	int r = skip_event(reader, YAML_SEQUENCE_START_EVENT);

	while (r == 0) {
		r = next_name(reader, YAML_SEQUENCE_END_EVENT, &member, &mark);
		if (r < 0 || !member)
			break;
		group->members = arena_grow(arena, group->members, group->count, sizeof(*group->members));
		group->members[group->count++] = member;
	}
	return r;
}

static int read_groups(struct reader *reader)
{
	struct seccomp_groups *into = reader->into;
	yaml_mark_t mark;
	const char *name;
	int r = skip_event(reader, YAML_STREAM_START_EVENT);

	if (r == 0)
		r = skip_event(reader, YAML_DOCUMENT_START_EVENT);
	if (r == 0)
		r = skip_event(reader, YAML_MAPPING_START_EVENT);
	while (r == 0) {
		r = next_name(reader, YAML_MAPPING_END_EVENT, &name, &mark);
		if (r < 0 || !name)
			break;
		if (name[0] != '@')
			return fail_at(reader, mark, "the name of a group begins with '@'");
		if (seccomp_groups_find(into, name) || strcmp(name, SECCOMP_GROUP_KNOWN) == 0)
			return fail_at(reader, mark, "the group is there twice");
		into->groups = arena_grow(&into->arena, into->groups, into->count, sizeof(*into->groups));
		into->groups[into->count] = (struct seccomp_group){.name = name};
		r = read_group(reader, &into->groups[into->count++]);
	}
	return r;
}

/* Depth first; deeper than there are groups means a ring. */
static int check_group(const struct reader *reader, const struct seccomp_group *group, size_t depth)
{
	if (depth > reader->into->count)
		return fail_at(reader, (yaml_mark_t){0}, "a group contains itself");
	for (size_t i = 0; i < group->count; i++) {
		const struct seccomp_group *inner;
		int r;

		if (group->members[i][0] != '@')
			continue;
		inner = seccomp_groups_find(reader->into, group->members[i]);
		if (!inner)
			return fail_at(reader, (yaml_mark_t){0}, "a group names a group that is not there");
		r = check_group(reader, inner, depth + 1);
		if (r < 0)
			return r;
	}
	return 0;
}

int seccomp_groups_load(const char *path, struct seccomp_groups *ret, struct error *err)
{
	struct seccomp_groups loaded = {0};
	struct reader reader = {.path = path, .into = &loaded, .err = err};
	cleanup_free char *text = NULL;
	size_t size;
	int r = fd_slurp_at(AT_FDCWD, path, GROUPS_FILE_LIMIT, &text, &size);

	if (r < 0) {
		(void)error_set(err, -r, "cannot read the system call groups in '%s'", path);
		(void)error_hint(err, "the file belongs to the installation: install carrel again");
		return r;
	}
	if (!yaml_parser_initialize(&reader.parser))
		return error_set(err, ENOMEM, "cannot read the system call groups in '%s'", path);
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, size);
	r = read_groups(&reader);
	yaml_parser_delete(&reader.parser);
	for (size_t i = 0; r == 0 && i < loaded.count; i++)
		r = check_group(&reader, &loaded.groups[i], 0);
	if (r < 0) {
		seccomp_groups_done(&loaded);
		return r;
	}
	*ret = loaded;
	return 0;
}

void seccomp_groups_done(struct seccomp_groups *groups)
{
	arena_done(&groups->arena);
	*groups = (struct seccomp_groups){0};
}

const struct seccomp_group *seccomp_groups_find(const struct seccomp_groups *groups, const char *name)
{
	for (size_t i = 0; i < groups->count; i++) {
		if (strcmp(groups->groups[i].name, name) == 0)
			return &groups->groups[i];
	}
	return NULL;
}

void seccomp_group_visit(const struct seccomp_groups *groups, const struct seccomp_group *group, void (*visit)(const char *call, void *context), void *context)
{
	for (size_t i = 0; i < group->count; i++) {
		const char *member = group->members[i];
		const struct seccomp_group *inner = member[0] == '@' ? seccomp_groups_find(groups, member) : NULL;

		if (inner) /* loading has made sure that this ends */
			seccomp_group_visit(groups, inner, visit, context);
		else
			visit(member, context);
	}
}

struct search {
	const char *call;
	bool found;
};

static void compare(const char *call, void *context)
{
	struct search *search = context;

	if (strcmp(call, search->call) == 0)
		search->found = true;
}

bool seccomp_group_has(const struct seccomp_groups *groups, const struct seccomp_group *group, const char *call)
{
	struct search search = {.call = call};

	seccomp_group_visit(groups, group, compare, &search);
	return search.found;
}
