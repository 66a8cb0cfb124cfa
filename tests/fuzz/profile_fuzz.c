/* The YAML loader with the whole of the schema behind it: a document as a profile, and as the value of --set. What loads is checked, printed,
 * loaded again, and must print the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "profile/apply.h"
#include "profile/node.h"
#include "profile/print.h"
#include "profile/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct profile *apply(const char *text, size_t size)
{
	struct profile *profile = mem_alloc(sizeof(*profile));
	struct error err = {0};
	struct node *root = NULL;
	const struct reading reading = {.arena = &profile->arena, .subject = "fuzz", .err = &err};

	value_set_defaults(schema_table, profile);
	int r = node_parse(&profile->arena, text, size, "fuzz.yaml", &root, &err);
	if (r == 0 && root && root->kind == NODE_MAP)
		r = apply_document(&reading, root, profile);
	if ((r < 0) != (err.code != 0))
		abort();
	if (r < 0 || !root || root->kind != NODE_MAP) {
		profile_free(profile);
		return NULL;
	}
	return profile;
}

static void load_print_load(const char *text, size_t size)
{
	struct profile *profile = apply(text, size), *again;
	struct buf first = {0}, second = {0};
	struct error err = {0};

	if (!profile)
		return;
	(void)!profile_check(profile, &err); /* either way; it must only not crash */
	print_profile(profile, true, &first);
	first.size = 0;
	print_profile(profile, false, &first);
	again = apply(first.text, first.size);
	if (!again)
		abort();
	print_profile(again, false, &second);
	if (strcmp(first.text, second.text) != 0)
		abort();
	profile_free(again);
	profile_free(profile);
	buf_done(&first);
	buf_done(&second);
}

/* KEY=VALUE, as --set takes it. */
static void set(const char *text)
{
	struct profile *profile = mem_alloc(sizeof(*profile));
	struct error err = {0};
	char *key = mem_strdup(text), *value = strchr(key, '=');

	value_set_defaults(schema_table, profile);
	if (value) {
		*value++ = 0;
		(void)!profile_set(profile, key, value, "command line --set", &err);      /* as above */
		(void)!profile_set_text(profile, key, value, "command line --set", &err); /* as above */
	}
	free(key);
	profile_free(profile);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = mem_alloc(size + 1);

	if (size)
		memcpy(text, data, size);
	load_print_load(text, size);
	set(text);
	free(text);
	return 0;
}
