/* What a named sandbox is made of: the file "image" in its folder has the digest of the image's manifest, and what the user called it. Its layer is
 * worth nothing over another root, and worse than nothing where the two go half together.
 *
 *	sha256:HEX
 *	docker.io/library/debian:12
 */
#ifndef CARREL_RUN_KEPT_H
#define CARREL_RUN_KEPT_H

#include "run/plan_image.h"
#include "util/error.h"

/* Is the sandbox in the folder `dir` (locked by us, `name` for messages) made of this image (NULL: of none)? A new one takes it down. */
int kept_check(int dir, const char *name, const struct run_image *image, struct error *err) MUST_CHECK;

#endif
