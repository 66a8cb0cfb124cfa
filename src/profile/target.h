/* Within value.c and collection.c: one value that is being read. */
#ifndef CARREL_PROFILE_TARGET_H
#define CARREL_PROFILE_TARGET_H

#include "profile/value.h"

struct target {
	const struct reading *reading;
	const struct schema_key *key;
	const struct key_path *path;
	const struct node *node;
	void *member, *extra; /* of the struct that is filled, by key->offset and key->extra */
};

/* All return -EINVAL. */
int target_fail(const struct target *target, const char *cause);
int target_fail_hint(const struct target *target, const char *cause, const char *hint);
int target_fail_kind(const struct target *target, const char *wants); /* "expected a list, found a text" */

/* The form of a single text, of a scalar or of a list's item: words, emptiness, key->accept. */
int target_check_text(const struct target *target) MUST_CHECK;

int target_read_texts(const struct target *target) MUST_CHECK;
int target_read_pairs(const struct target *target) MUST_CHECK;
int target_read_records(const struct target *target) MUST_CHECK;

#endif
