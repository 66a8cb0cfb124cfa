/* Between platform.c and the files that parse and choose: how well a platform fits. What everybody uses is in manifest.h. */
#ifndef CARREL_IMAGE_PLATFORM_H
#define CARREL_IMAGE_PLATFORM_H

#include <stdbool.h>

#include "image/manifest.h"

enum {
	PLATFORM_MATCH_UNSAID,              /* it says nothing: it may do */
	PLATFORM_MATCH_OTHER,               /* an architecture that this one also runs */
	PLATFORM_MATCH_ARCHITECTURE,        /* plus the variant's number: the highest that still runs */
	PLATFORM_MATCH_VARIANT = 1000,      /* just what was asked for */
};

/* -1: it does not run there; else the higher, the better (containerd's platforms.Only has the same order). */
int platform_match(const struct platform *image, const struct platform *host);
/* A word in a platform: letters, digits and _ . -, at most 32. */
bool platform_word_is_valid(const char *text);

#endif
