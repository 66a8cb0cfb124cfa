/* What a registry says itself about its refusal, out of the body of its answer (distribution-spec, "Error Codes"; Docker Hub's and the token servers' own forms), made
 * fit for a message: one line, bounded, no control characters, valid UTF-8. Pure. */
#ifndef CARREL_IMAGE_REGISTRY_EXCUSE_H
#define CARREL_IMAGE_REGISTRY_EXCUSE_H

#include <stddef.h>

struct registry_excuse {
	char code[48];     /* "MANIFEST_UNKNOWN"; "" */
	char message[200]; /* "" where it says nothing that is worth repeating (HTML, nothing at all) */
};

/* `media_type`: its Content-Type; NULL: not said. */
void registry_excuse_parse(const char *media_type, const char *body, size_t size, struct registry_excuse *ret);
/* The same cleaning for a text of a stranger, into a buffer, cut where it does not fit. */
void registry_excuse_clean(const char *text, size_t length, char *ret, size_t size);

#endif
