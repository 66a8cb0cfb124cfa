/* What `export` and `pack` take: an image, or a kept sandbox with whatever it stands on, as layers to be merged. */
#ifndef CARREL_CLI_TREE_SOURCE_H
#define CARREL_CLI_TREE_SOURCE_H

#include <stdbool.h>

#include "cli/image_context.h"
#include "image/merge.h"
#include "isolate/idmap.h"

struct tree_source {
	struct merge_layer *layers; /* topmost first, in the context's arena */
	size_t count;
	struct image image;         /* its configuration; empty where the root is no image's */
	struct idmap_plan ids;
	const char **folders;       /* beside the store's, for confinement; NULL-terminated */
	int hold, lock;             /* the image's record; the sandbox's folder */
};

/* The word is the name of a kept sandbox or, where there is none, an image's. The store is open already (image_context_read). A sandbox that runs is refused, and so is one
 * that stands on the host's own tree. Undone by tree_source_close, also after a failure. */
int tree_source_open(struct image_context *context, const char *word, struct tree_source *ret, struct error *err) MUST_CHECK;
void tree_source_close(struct tree_source *source);

/* The merged tree as a tar stream, made by a confined process that has the ids of sandboxes and ends with us. `ret_first_acl` (may be NULL; MERGE_NAME bytes): the first file
 * that has an ACL, "": none. */
int tree_source_write(const struct image_context *context, const struct tree_source *source, bool without_root, int out, char *ret_first_acl, struct error *err) MUST_CHECK;

#endif
