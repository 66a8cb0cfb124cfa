/* From the name of a profile to its file. Nothing is looked for in the working directory: a name has no slash, and a path says so itself. */
#ifndef CARREL_PROFILE_FIND_H
#define CARREL_PROFILE_FIND_H

#include <stdbool.h>
#include <stddef.h>

#include "profile/profile.h"

/* Is it a path (has a slash, or ends in .yaml), and not a name? */
bool find_is_path(const char *name);

/* The text of the profile `name`: of a path, taken from the folder of `from` (a file; NULL: the working directory); of a name, from the first folder
 * that has NAME.yaml and is not `from` itself, so that a user's default.yaml may extend the installation's. *ret_file and *ret_text are in the
 * arena, at most NODE_FILE_MAX bytes. `at` is where the name was written (NULL: the command line). */
int find_load(struct arena *arena, const struct profile_path *path, const char *name, const char *from, const struct origin *at,
	      const char **ret_file, const char **ret_text, size_t *ret_size, struct error *err) MUST_CHECK;

/* The names of all profiles, sorted, each once with the file that a load would take; in the arena. */
struct found_profile {
	const char *name, *file;
};
void find_all(struct arena *arena, const struct profile_path *path, struct found_profile **ret, size_t *ret_count);

#endif
