/* The squashfs file that a run is to have as its root: opened once, so that whatever happens to its name meanwhile changes nothing. */
#ifndef CARREL_RUN_SQFS_FIND_H
#define CARREL_RUN_SQFS_FIND_H

#include "run/image_find.h"

/* As image_find, for a word that sqfs_is_path: *ret_hold is the open file, and ret->file another descriptor of it, which the sandbox's server gets. The policy's
 * `images` are compared with the file's absolute path. */
int sqfs_find(struct arena *arena, const struct image_wish *wish, struct run_image *ret, int *ret_hold, struct error *err) MUST_CHECK;

#endif
