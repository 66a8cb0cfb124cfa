/* What podman and skopeo write before the place of an image that no registry has (containers-transports(5)): "docker-archive:FILE", "oci:DIR". carrel's pull, push and run are about
 * registries, and another command has the rest. */
#ifndef CARREL_IMAGE_TRANSPORT_H
#define CARREL_IMAGE_TRANSPORT_H

#include "util/error.h"

enum transport_use { TRANSPORT_PULL, TRANSPORT_RUN, TRANSPORT_PUSH };

/* 0: the word has no such prefix. Else -EINVAL, with what to write instead. `image`: what is to be pushed; NULL: nobody said. */
int transport_check(const char *word, enum transport_use use, const char *image, struct error *err) MUST_CHECK;

#endif
