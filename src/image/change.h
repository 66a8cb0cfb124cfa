/* Docker's --change: one instruction of a Dockerfile that sets something of an image's configuration. */
#ifndef CARREL_IMAGE_CHANGE_H
#define CARREL_IMAGE_CHANGE_H

#include "image/image.h"
#include "util/error.h"
#include "util/mem.h"

/* CMD and ENTRYPOINT (["exec", "form"] or a line for the shell), ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME, WORKDIR, in upper or lower case. What is
 * repeated is added (ENV, EXPOSE, LABEL, VOLUME; a variable or label of the same name is replaced) or replaced. Texts in the arena. -EINVAL with `err` that shows
 * how it is written. */
int change_apply(struct arena *arena, const char *text, struct image *config, struct error *err) MUST_CHECK;

#endif
