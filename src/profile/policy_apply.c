/* Laying the policy over a profile. Everything that can be refused is looked at before anything is set. */
#include "profile/policy.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "profile/find.h"
#include "profile/number.h"

static const char ask[] = "the administrator of this machine can change the policy";

static void give_hint(const struct policy *policy, struct error *err, const char *otherwise)
{
	error_hint(err, "%s", policy->message.v ? policy->message.v : otherwise);
}

/* The profile key of the ceiling `key`, and the values of both. */
static const struct schema_key *find_limit(const struct schema_key *key)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "resources.%s", schema_leaf(key));
	return schema_find(name);
}

static const struct number_value *ceiling_of(const struct policy *policy, const struct schema_key *key)
{
	return (const void *)((const char *)policy + key->offset);
}

static struct number_value *limit_of(struct profile *profile, const struct schema_key *limit)
{
	return (void *)((char *)profile + limit->offset);
}

/* --- what is refused --------------------------------------------------------------------------------------------------------------- */

static int fail_limit(const struct policy *policy, const struct schema_key *limit, const struct number_value *ceiling, const char *what, const struct origin *at,
		      struct error *err)
{
	char most[NUMBER_TEXT], hint[128];

	(void)number_format(limit, ceiling->v, most);
	error_set(err, EPERM, "cannot use '%s'", what);
	error_cause(err, "it is above %s, the ceiling on this machine (%s:%u)", most, policy->file, ceiling->at.line);
	error_at(err, at, limit->name);
	(void)snprintf(hint, sizeof(hint), "ask for at most %s; %s", most, ask);
	give_hint(policy, err, hint);
	return -EPERM;
}

/* `none` is asking for more than any ceiling; a limit that nobody speaks of is not. */
static int check_ceilings(const struct policy *policy, struct profile *profile, struct error *err)
{
	const struct schema_key *section = policy_table();

	for (const struct schema_key *key = section + 1; schema_is_in(key, section); key++) {
		const struct number_value *ceiling = ceiling_of(policy, key);
		const struct schema_key *limit = find_limit(key);
		const struct number_value *value = limit_of(profile, limit);
		char what[96], number[NUMBER_TEXT];

		if (ceiling->v < 0 || (value->v < 0 && !value->at.file) || (value->v >= 0 && value->v <= ceiling->v))
			continue;
		(void)snprintf(what, sizeof(what), "%s: %s", limit->name, value->v < 0 ? "none" : number_format(limit, value->v, number));
		return fail_limit(policy, limit, ceiling, what, &value->at, err);
	}
	return 0;
}

int policy_check_limit(const struct policy *policy, const char *name, int64_t value, const char *what, const struct origin *at, struct error *err)
{
	const struct schema_key *section = policy_table();

	for (const struct schema_key *key = section + 1; schema_is_in(key, section); key++) {
		const struct number_value *ceiling = ceiling_of(policy, key);
		const struct schema_key *limit = find_limit(key);

		if (strcmp(limit->name, name) == 0 && ceiling->v >= 0 && value > ceiling->v)
			return fail_limit(policy, limit, ceiling, what, at, err);
	}
	return 0;
}

static bool is_set(const struct profile *profile, const struct schema_key *key)
{
	const void *member = (const char *)profile + key->offset;

	switch (key->type) {
	case SCHEMA_TEXT:
		return ((const struct text_value *)member)->at.file;
	case SCHEMA_BOOL:
		return ((const struct bool_value *)member)->at.file;
	case SCHEMA_CHOICE:
	case SCHEMA_ROOT:
		return ((const struct choice_value *)member)->at.file;
	case SCHEMA_TEXTS:
		return ((const struct text_list *)member)->at.file;
	case SCHEMA_PAIRS:
	case SCHEMA_RECORDS:
		return *(const size_t *)(const void *)((const char *)profile + key->extra) > 0;
	default: /* `none` takes a limit away */
		return ((const struct number_value *)member)->at.file && ((const struct number_value *)member)->v >= 0;
	}
}

static int check_keys(const struct policy *policy, const struct profile *profile, struct error *err)
{
	for (size_t i = 0; i < policy->keys.count; i++) {
		const struct text_value *name = &policy->keys.items[i];
		char hint[160];

		if (is_set(profile, schema_find(name->v)))
			continue;
		error_set(err, EPERM, "cannot run without '%s'", name->v);
		error_cause(err, "the policy of this machine wants every sandbox to set it, in the profile or on the command line");
		error_at(err, &name->at, "keys");
		(void)snprintf(hint, sizeof(hint), "carrel run --set '%s=…'", name->v);
		give_hint(policy, err, hint);
		return -EPERM;
	}
	return 0;
}

static const char *join(const struct text_list *list, struct buf *out)
{
	for (size_t i = 0; i < list->count; i++)
		buf_printf(out, "%s%s", i ? ", " : "", list->items[i].v);
	return out->text;
}

static int check_network(const struct policy *policy, const struct profile *profile, struct error *err)
{
	const struct choice_value *mode = &profile->network.mode;
	const char *word = schema_find("network.mode")->words[mode->v];
	cleanup_buf struct buf allowed = {0};

	if (!policy->network.at.file)
		return 0;
	for (size_t i = 0; i < policy->network.count; i++)
		if (strcmp(policy->network.items[i].v, word) == 0)
			return 0;
	error_set(err, EPERM, "cannot use 'network.mode: %s'", word);
	error_cause(err, "this machine allows: %s (%s:%u)", join(&policy->network, &allowed), policy->file, policy->network.at.line);
	error_at(err, &mode->at, "network.mode");
	give_hint(policy, err, ask);
	return -EPERM;
}

static const char *own_folder(const struct profile_path *path, const char *file)
{
	for (size_t i = 0; i < path->own_count; i++) {
		size_t len = strlen(path->folders[i]);

		if (strncmp(path->folders[i], file, len) == 0 && file[len] == '/')
			return path->folders[i];
	}
	return NULL;
}

/* A pattern with a slash is one of the file's true path, by whatever links and names it was asked for; any other is one of names. */
static bool is_allowed(const struct policy *policy, const struct text_value *source, bool is_name)
{
	cleanup_free char *true_path = realpath(source->at.file, NULL);

	for (size_t i = 0; i < policy->profiles.count; i++) {
		const char *pattern = policy->profiles.items[i].v;
		const char *text = strchr(pattern, '/') ? true_path : is_name ? source->v : NULL;

		if (text && fnmatch(pattern, text, FNM_PATHNAME) == 0)
			return true;
	}
	return false;
}

static int check_profiles(const struct policy *policy, const struct profile_path *path, const struct profile *profile, struct error *err)
{
	for (size_t i = 0; policy->profiles.at.file && i < profile->sources.count; i++) {
		const struct text_value *source = &profile->sources.items[i];
		bool is_path = find_is_path(source->v);
		const char *own = is_path ? NULL : own_folder(path, source->at.file);
		cleanup_buf struct buf allowed = {0};

		if (is_allowed(policy, source, !is_path && !own))
			continue;
		error_set(err, EPERM, "cannot use the profile '%s'", source->v);
		error_cause(err, "%sthis machine allows: %s (%s:%u)", own ? "it is your own, and " : "", join(&policy->profiles, &allowed), policy->file,
			    policy->profiles.at.line);
		error_at(err, &source->at, "profiles");
		give_hint(policy, err, ask);
		return -EPERM;
	}
	return 0;
}

bool policy_allows_image(const struct policy *policy, const char *reference)
{
	for (size_t i = 0; i < policy->images.count; i++)
		if (fnmatch(policy->images.items[i].v, reference, 0) == 0)
			return true;
	return !policy->images.at.file;
}

/* --- what is set -------------------------------------------------------------------------------------------------------------------- */

static struct origin place_in(const struct policy *policy, struct profile *profile, const struct origin *at)
{
	return (struct origin){arena_strdup(&profile->arena, policy->file), at->line, at->column};
}

static void set_ceilings(const struct policy *policy, struct profile *profile)
{
	const struct schema_key *section = policy_table();

	for (const struct schema_key *key = section + 1; schema_is_in(key, section); key++) {
		const struct number_value *ceiling = ceiling_of(policy, key);
		struct number_value *value = limit_of(profile, find_limit(key));

		if (ceiling->v < 0 || value->v >= 0)
			continue;
		/* Slowing down above what cannot be had would never matter. */
		if (value == &profile->resources.memory_high && profile->resources.memory.v >= 0 && profile->resources.memory.v <= ceiling->v)
			continue;
		*value = (struct number_value){ceiling->v, place_in(policy, profile, &ceiling->at)};
	}
}

static void add_requirements(const struct policy *policy, struct profile *profile)
{
	struct text_list *list = &profile->require;

	for (size_t i = 0; i < policy->require.count; i++) {
		const struct text_value *item = &policy->require.items[i];

		list->items = arena_grow(&profile->arena, list->items, list->count, sizeof(*list->items));
		list->items[list->count++] = (struct text_value){arena_strdup(&profile->arena, item->v), place_in(policy, profile, &item->at)};
	}
}

int policy_apply(const struct policy *policy, const struct profile_path *path, struct profile *profile, struct error *err)
{
	int r = check_profiles(policy, path, profile, err);

	if (r == 0)
		r = check_keys(policy, profile, err);
	if (r == 0)
		r = check_ceilings(policy, profile, err);
	if (r == 0)
		r = check_network(policy, profile, err);
	if (r < 0)
		return r;
	set_ceilings(policy, profile);
	add_requirements(policy, profile);
	return 0;
}
