/* What a named sandbox is made of: the file "image" in its folder has the digest of the image's manifest, and what the user called it. Its layer is
 * worth nothing over another root, and worse than nothing where the two go half together.
 *
 *	sha256:HEX
 *	docker.io/library/debian:12
 *
 * Of a squashfs file: "sqfs:…" (image/sqfs.h) and its path.
 *
 * Where the root is none, the file "root" has the directories that it is made of, topmost first: "/" is the host's tree.
 */
#ifndef CARREL_RUN_KEPT_H
#define CARREL_RUN_KEPT_H

#include "run/plan_image.h"
#include "util/error.h"

/* Is the sandbox in the folder `dir` (locked by us, `name` for messages) made of this image (NULL: of none)? A new one takes it down. */
int kept_check(int dir, const char *name, const struct run_image *image, struct error *err) MUST_CHECK;

/* Note the directories of a root that is no image's. To be called behind kept_check. */
int kept_note_root(int dir, const char *name, const struct tree_plan *tree, struct error *err) MUST_CHECK;

/* What was noted. Both NULL: nothing. Texts live in the arena. */
struct kept_root {
	const char *image; /* "sha256:HEX", "sqfs:…" */
	char *folders;     /* one a line */
};
int kept_read(struct arena *arena, int dir, const char *name, struct kept_root *ret, struct error *err) MUST_CHECK;

#endif
