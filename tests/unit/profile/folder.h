/* For the tests of profiles: a folder of files that goes when the test ends, and errors as text. */
#ifndef CARREL_TESTS_PROFILE_FOLDER_H
#define CARREL_TESTS_PROFILE_FOLDER_H

#include <stddef.h>

#include "profile/profile.h"

struct folder {
	char path[64];
	struct profile_path search; /* this folder only */
};

void folder_init(struct folder *folder);
void folder_done(struct folder *folder);
void folder_write(const struct folder *folder, const char *name, const char *text, size_t size);
void folder_put(const struct folder *folder, const char *name, const char *text);

/* The file's full name, in a buffer of the test's own that the next call takes. */
const char *folder_file(const struct folder *folder, const char *name);

/* "FILE:LINE:COLUMN WHAT: CAUSE [HINT]" with the folder's path taken out; the same for its buffer. */
const char *folder_error(const struct folder *folder, const struct error *err);

#endif
