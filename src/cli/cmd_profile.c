/* carrel profile: list, show, check and the schema of profiles. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "cli/command.h"
#include "cli/paths.h"
#include "cli/report.h"
#include "isolate/seccomp.h"
#include "profile/find.h"
#include "profile/print.h"
#include "profile/profile.h"
#include "profile/schema.h"
#include "util/json.h"

struct profile_request {
	bool json, origins, markdown;
	const char **names;
	size_t count;
	struct arena arena;
};

static int set_flag(void *context, const struct option_use *use, struct error *err)
{
	(void)err;
	*(bool *)(void *)((char *)context + use->option->offset) = use->on;
	return 0;
}

const struct cli_option profile_options[] = {
	{.name = "json", .help = "list: print JSON", .apply = set_flag, .offset = offsetof(struct profile_request, json)},
	{.name = "origins", .help = "show: say after each line which file and line it is from", .apply = set_flag, .offset = offsetof(struct profile_request, origins)},
	{.name = "markdown", .help = "schema: print the reference page instead of the JSON schema for editors", .apply = set_flag, .offset = offsetof(struct profile_request, markdown)},
	{.name = NULL},
};

static int add_name(void *context, const char *text, struct error *err)
{
	struct profile_request *request = context;

	(void)err;
	request->names = arena_grow(&request->arena, request->names, request->count, sizeof(*request->names));
	request->names[request->count++] = *text == '@' ? text + 1 : text; /* @build, as run writes it */
	return 1;
}

/* The description of a profile that loads; what is wrong with one that does not, `check` says. */
static const char *describe(struct arena *arena, const struct profile_path *path, const char *name)
{
	struct profile *profile = NULL;
	const char *text = NULL;

	if (profile_load(path, &name, 1, &profile, NULL) < 0)
		return "(does not load: carrel profile check says why)";
	if (profile->description.v)
		text = arena_strdup(arena, profile->description.v);
	profile_free(profile);
	return text;
}

static void put_list_json(struct buf *out, struct arena *arena, const struct profile_path *path, const struct found_profile *found, size_t count)
{
	struct json json = {.out = out};

	json_open_array(&json, NULL);
	for (size_t i = 0; i < count; i++) {
		json_open_object(&json, NULL);
		json_string(&json, "name", found[i].name);
		json_string(&json, "file", found[i].file);
		json_string(&json, "description", describe(arena, path, found[i].name));
		json_close_object(&json);
	}
	json_close_array(&json);
	buf_puts(out, "\n");
}

static int list(struct profile_request *request, const struct profile_path *path, struct buf *out, struct error *err)
{
	struct found_profile *found;
	size_t count;

	if (request->count) {
		error_set(err, EINVAL, "cannot list '%s'", request->names[0]);
		return error_cause(err, "list takes no names");
	}
	find_all(&request->arena, path, &found, &count);
	if (request->json) {
		put_list_json(out, &request->arena, path, found, count);
		return 0;
	}
	for (size_t i = 0; i < count; i++) {
		const char *text = describe(&request->arena, path, found[i].name);

		buf_printf(out, "%-12s %s\n", found[i].name, text ? text : "");
	}
	return 0;
}

static int show(struct profile_request *request, const struct profile_path *path, struct buf *out, struct error *err)
{
	struct profile *profile = NULL;
	int r = profile_load(path, request->names, request->count, &profile, err);

	if (r < 0)
		return r;
	print_profile(profile, request->origins, out);
	profile_free(profile);
	return 0;
}

/* Groups stand in a file that a start reads only when it compiles a filter; profile_check leaves them to us. */
static int check_group(const struct text_value *call, const char *groups, struct error *err)
{
	if (*call->v != '@' || seccomp_knows_call(call->v, groups))
		return 0;
	error_set(err, EINVAL, "cannot use '%s'", call->v);
	error_cause(err, "no group of system calls has this name");
	error_hint(err, "the groups are in %s", groups);
	return error_at(err, &call->at, "syscalls");
}

static int check_groups(const struct profile *profile, const char *groups, struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < profile->syscalls.allow.count && r == 0; i++)
		r = check_group(&profile->syscalls.allow.items[i], groups, err);
	for (size_t i = 0; i < profile->syscalls.deny.count && r == 0; i++)
		r = check_group(&profile->syscalls.deny.items[i], groups, err);
	for (size_t i = 0; i < profile->syscalls.rule_count && r == 0; i++)
		r = check_group(&profile->syscalls.rules[i].call, groups, err);
	return r;
}

static int check_one(struct profile_request *request, const struct profile_path *path, const char *name, struct error *err)
{
	const char *groups = arena_printf(&request->arena, "%s/profiles/syscalls/groups.yaml", cli_data_dir());
	struct profile *profile = NULL;
	int r = profile_load(path, &name, 1, &profile, err);

	if (r < 0)
		return r;
	r = profile_check(profile, err);
	if (r == 0)
		r = check_groups(profile, groups, err);
	profile_free(profile);
	return r;
}

/* All files are looked at, so that one run shows what is wrong with each. */
static int check(struct profile_request *request, const struct profile_path *path, struct buf *out, struct error *err)
{
	int result = 0;

	if (!request->count) {
		error_set(err, EINVAL, "cannot check nothing");
		error_cause(err, "no profile is given");
		return error_hint(err, "write  carrel profile check FILE…");
	}
	for (size_t i = 0; i < request->count; i++) {
		struct error one = {0};
		int r = check_one(request, path, request->names[i], &one);

		if (r == 0) {
			buf_printf(out, "%s: good\n", request->names[i]);
			continue;
		}
		if (result < 0)
			report_error(err); /* the last one is reported by the caller */
		*err = one;
		result = r;
	}
	return result;
}

static int schema(struct profile_request *request, const struct profile_path *path, struct buf *out, struct error *err)
{
	(void)path;
	(void)err;
	if (request->markdown)
		schema_put_reference(out);
	else
		schema_put_json(out);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct profile_request *request, const struct profile_path *path, struct buf *out, struct error *err);
} verbs[] = {
	{"list", list},
	{"show", show},
	{"check", check},
	{"schema", schema},
};

static int run_verb(struct profile_request *request, int argc, char **argv, struct buf *out, struct error *err)
{
	static const char usage[] = "write  carrel profile list | show NAME | check FILE… | schema";
	struct options_result result;
	struct profile_path path;

	if (argc < 2) {
		error_set(err, EINVAL, "cannot tell what to do with profiles");
		error_cause(err, "the word after `profile` is missing");
		return error_hint(err, "%s", usage);
	}
	int r = options_parse(profile_options, argc - 2, argv + 2, add_name, request, &result, err);
	if (r < 0)
		return r;
	for (int i = 2 + result.count; i < argc; i++) /* after a "--" all are names */
		(void)add_name(request, argv[i], err);    /* it takes every word */
	cli_profile_path(&path);
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (strcmp(verbs[i].name, argv[1]) == 0)
			return verbs[i].run(request, &path, out, err);
	error_set(err, EINVAL, "cannot do '%s' with profiles", argv[1]);
	error_cause(err, "there is no such command");
	return error_hint(err, "%s", usage);
}

int cmd_profile(int argc, char **argv)
{
	struct profile_request request = {0};
	cleanup_buf struct buf out = {0};
	struct error err = {0};
	int r = run_verb(&request, argc, argv, &out, &err);
	int status = out.size ? report_print(&out) : 0;

	if (r < 0) {
		report_error(&err);
		status = EXIT_CARREL;
	}
	arena_done(&request.arena);
	return status;
}
