/* What the files that make up the tree (tree.h) have of each other. */
#ifndef CARREL_ISOLATE_TREE_PARTS_H
#define CARREL_ISOLATE_TREE_PARTS_H

#include "isolate/tree.h"

/* Replace "/" by a mirror of itself that has room; with `layered`, that is writable. */
int root_mirror(struct tree *tree, bool layered, struct error *err) MUST_CHECK;
/* Attach a detached mount and note whose it is. */
int tree_attach(struct tree *tree, int mount_fd, int target_fd, unsigned flags, enum tree_owner owner) MUST_CHECK;
/* An ours-while-building mount becomes read-only in tree_finish. */
void tree_readonly_late(struct tree *tree, int mount_fd);
/* Whose place is `fd` in? */
enum tree_owner tree_owner_of(const struct tree *tree, int fd);
/* Is it a placeholder on the host, perhaps another sandbox's? That goes, and takes with it what is mounted on it, unless it is held, too. */
bool tree_is_lent(const struct tree *tree, int fd);
/* A descriptor for `path`, made where it is missing in whichever of the three ways its place asks for. `kind` says directory or file. */
int tree_target(struct tree *tree, const struct tree_entry *entry, bool directory, struct error *err) MUST_CHECK;
/* Open the scratch folder, or make it. A tmpfs is attached somewhere for a while on kernels that want that. */
int tree_scratch(struct tree *tree, struct error *err) MUST_CHECK;
/* A folder of it as the detached mount of a tmpfs entry. */
int tree_scratch_entry(struct tree *tree, struct tree_entry *entry, struct error *err) MUST_CHECK;
/* A fresh area for one discarded layer, or the kept one; the caller closes. */
int tree_area(struct tree *tree, const char *keep, struct error *err) MUST_CHECK;
/* Lay a writable layer over `count` directories, topmost first, by the back end `kind`. A detached mount. */
int tree_layer(struct tree *tree, enum overlay_backend_kind kind, const int *lower, size_t count, const char *keep, struct error *err) MUST_CHECK;
/* A detached tmpfs that has all that the directory `dir_fd` has, each child bound or, with `layered`, under a layer of its own. The
 * children are attached only once the mirror is (mirror_fill). */
int mirror_new(int dir_fd) MUST_CHECK;
int mirror_fill(struct tree *tree, int mirror_fd, int dir_fd, const char *path, bool layered, struct error *err) MUST_CHECK;
/* Hide or protect. */
int cover_apply(struct tree *tree, const struct tree_entry *entry, struct error *err) MUST_CHECK;
/* Cover `path` (already open as target_fd) with the empty thing of its kind. */
int cover_with_void(struct tree *tree, int target_fd, struct error *err) MUST_CHECK;

#endif
