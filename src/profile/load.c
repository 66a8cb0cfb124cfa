/* Loading: each name with its chain of `extends`, the eldest first, laid over one struct.
 *
 * A file is merged once, at its first place: `@build @net`, where both extend default, is default, build, net. Without that, the
 * second default would put its mounts over those of build. */
#include <errno.h>
#include <string.h>

#include "profile/apply.h"
#include "profile/find.h"
#include "profile/node.h"

enum { CHAIN_MAX = 16 };

struct link {
	const char *file;
	struct node *root;
};

struct loader {
	struct profile *profile;
	const struct profile_path *path;
	struct error *err;
	const char **merged; /* files that are in the profile already */
	size_t merged_count;
};

static bool is_merged(const struct loader *loader, const char *file)
{
	for (size_t i = 0; i < loader->merged_count; i++)
		if (strcmp(loader->merged[i], file) == 0)
			return true;
	return false;
}

static int fail_file(struct loader *loader, const char *file, const struct origin *at, const char *cause, const char *hint)
{
	error_set(loader->err, EINVAL, "cannot read profile '%s'", file);
	error_cause(loader->err, "%s", cause);
	error_hint(loader->err, "%s", hint);
	error_at(loader->err, at, NULL);
	return -EINVAL;
}

/* The value of `extends`, NULL where there is none. */
static int read_extends(struct loader *loader, const struct link *link, const struct node **ret)
{
	const struct node *root = link->root;
	const struct origin top = {link->file, 1, 1};

	if (!root || (root->kind == NODE_TEXT && node_is_nothing(root, true)))
		return fail_file(loader, link->file, &top, "it is empty", "write at least  extends: default");
	if (root->kind != NODE_MAP)
		return fail_file(loader, link->file, &root->at, "a profile is a map of keys such as  filesystem:", "see  carrel profile show default");
	*ret = node_get(root, "extends");
	if (!*ret)
		return 0;
	const struct reading reading = {.arena = &loader->profile->arena, .subject = link->file, .err = loader->err};
	const struct key_path path = {.name = "extends"};
	return value_read(&reading, schema_find("extends"), &path, *ret, loader->profile);
}

static int fail_cycle(struct loader *loader, const struct link *chain, size_t count, const char *file, const struct node *extends)
{
	struct buf text = {0};

	for (size_t i = 0; i < count; i++)
		buf_printf(&text, "%s → ", chain[i].file);
	buf_printf(&text, "%s", file);
	error_set(loader->err, ELOOP, "cannot read profile '%s'", chain[0].file);
	error_cause(loader->err, "its extends run in a circle: %s", text.text);
	error_at(loader->err, &extends->at, "extends");
	buf_done(&text);
	return -ELOOP;
}

static void add_source(struct profile *profile, const char *name, const char *file)
{
	struct text_list *list = &profile->sources;

	list->items = arena_grow(&profile->arena, list->items, list->count, sizeof(*list->items));
	list->items[list->count++] = (struct text_value){arena_strdup(&profile->arena, name), {.file = file}};
}

/* Follow `extends` from `name` up. *ret_count files, the youngest first; the chain ends where a file is merged already. */
static int read_chain(struct loader *loader, const char *name, struct link chain[CHAIN_MAX], size_t *ret_count)
{
	struct arena *arena = &loader->profile->arena;
	const struct node *extends = NULL;
	size_t count = 0;

	for (;;) {
		const char *text, *from = count ? chain[count - 1].file : NULL;
		struct link link = {0};
		size_t size;
		int r = find_load(arena, loader->path, extends ? extends->text : name, from, extends ? &extends->at : NULL, &link.file, &text, &size, loader->err);

		if (r < 0)
			return r;
		for (size_t i = 0; i < count; i++)
			if (strcmp(chain[i].file, link.file) == 0)
				return fail_cycle(loader, chain, count, link.file, extends);
		if (!count)
			add_source(loader->profile, name, link.file);
		if (is_merged(loader, link.file))
			break;
		if (count == CHAIN_MAX)
			return fail_file(loader, chain[0].file, &extends->at, "its chain of extends has more than 16 files", "");
		r = node_parse(arena, text, size, link.file, &link.root, loader->err);
		if (r == 0)
			r = read_extends(loader, &link, &extends);
		if (r < 0)
			return r;
		chain[count++] = link;
		if (!extends)
			break;
	}
	*ret_count = count;
	return 0;
}

static int merge_chain(struct loader *loader, const char *name)
{
	struct link chain[CHAIN_MAX];
	size_t count = 0;
	int r = read_chain(loader, name, chain, &count);

	while (r == 0 && count) {
		const struct link *link = &chain[--count];
		const struct reading reading = {.arena = &loader->profile->arena, .subject = link->file, .err = loader->err};

		r = apply_document(&reading, link->root, loader->profile);
		loader->merged = arena_grow(&loader->profile->arena, loader->merged, loader->merged_count, sizeof(*loader->merged));
		loader->merged[loader->merged_count++] = link->file;
	}
	return r;
}

static const char *join_names(struct arena *arena, const char *const names[], size_t count)
{
	struct buf joined = {0};

	for (size_t i = 0; i < count; i++)
		buf_printf(&joined, "%s%s", i ? "+" : "", names[i]);
	const char *name = arena_strdup(arena, joined.text);
	buf_done(&joined);
	return name;
}

int profile_load(const struct profile_path *path, const char *const names[], size_t count, struct profile **ret, struct error *err)
{
	static const char *const only_default[] = {"default"};
	struct profile *profile = mem_alloc(sizeof(*profile));
	struct loader loader = {.profile = profile, .path = path, .err = err};
	int r = 0;

	if (!count) {
		names = only_default;
		count = 1;
	}
	profile->name = join_names(&profile->arena, names, count);
	value_set_defaults(schema_table, profile);
	for (size_t i = 0; i < count && r == 0; i++)
		r = merge_chain(&loader, names[i]);
	if (r < 0) {
		profile_free(profile);
		return r;
	}
	*ret = profile;
	return 0;
}

void profile_free(struct profile *profile)
{
	if (!profile)
		return;
	arena_done(&profile->arena);
	free(profile);
}
