/* How an image was made: the `history` of its configuration (config.md), which only people read. Needs jansson. */
#ifndef CARREL_IMAGE_HISTORY_H
#define CARREL_IMAGE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"
#include "util/mem.h"

struct image_history {
	const char *created;    /* RFC 3339; NULL: not said, or not in a form that is one */
	const char *created_by; /* the command; NULL */
	const char *comment;    /* NULL */
	bool empty_layer;       /* it made no layer: ENV, CMD… */
};

/* Oldest first, in the arena. None at all is no error. The number of those that made a layer may differ from the layers': it is what the maker says. */
int image_parse_history(struct arena *arena, const char *text, size_t size, struct image_history **ret, size_t *ret_count, struct error *err) MUST_CHECK;

#endif
