/* One value of a YAML document into one member of a struct, by the type that the schema table gives. */
#ifndef CARREL_PROFILE_VALUE_H
#define CARREL_PROFILE_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "profile/node.h"
#include "profile/schema.h"
#include "util/error.h"

/* Where in the document a value stands, "filesystem.mounts[2].path"; only an error spells it out. */
struct key_path {
	const struct key_path *up;
	const char *name; /* NULL: `index` counts */
	size_t index;
};

struct reading {
	struct arena *arena;    /* of the profile */
	const char *subject;    /* "profile 'web.yaml'" or the command line's option */
	const struct schema_key *table; /* of whose keys the document is made; NULL: the profile's */
	bool is_command_line;   /* a single text is taken for a list of one without asking */
	struct error *err;
};

/* `object` is the struct that key->offset counts from. Scalars replace, lists append (with !replace, start anew), maps merge by key. -EINVAL
 * with place, cause and, where one is known, a hint. */
int value_read(const struct reading *reading, const struct schema_key *key, const struct key_path *path, const struct node *node, void *object) MUST_CHECK;

/* Give every member of `keys` (of the top: the whole table) its default, with an origin of no file. */
void value_set_defaults(const struct schema_key *keys, void *object);
/* The same for one key; of a section, for all that is in it. */
void value_set_default(const struct schema_key *key, void *object);

/* "cannot use 'KEY: TEXT'", the cause, the place. Returns -EINVAL; error_hint may follow. */
int value_fail(const struct reading *reading, const struct key_path *path, const struct node *node, const char *cause);
/* The same for a map's key instead of its value. */
int value_fail_key(const struct reading *reading, const struct key_path *path, const struct node *node, const char *cause);

#endif
