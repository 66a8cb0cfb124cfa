/* A whole document, or one key of it, laid over a struct: a profile, or another that a table of keys describes (reading.table). */
#ifndef CARREL_PROFILE_APPLY_H
#define CARREL_PROFILE_APPLY_H

#include "profile/value.h"

/* `root` is the map of a file (NULL: an empty document). Unknown keys are errors with a suggestion. */
int apply_document(const struct reading *reading, const struct node *root, void *object) MUST_CHECK;

/* `node` for the key or section `key`, at `path`. */
int apply_key(const struct reading *reading, const struct schema_key *key, const struct key_path *path, const struct node *node, void *object) MUST_CHECK;

/* "unknown key", with the nearest of the names that may stand there (within `section`, NULL: at the top). */
int apply_fail_unknown(const struct reading *reading, const struct schema_key *section, const struct key_path *path, const struct node *node);

#endif
