/* A YAML document as a tree in which every value knows its file, line and column.
 *
 * What a document may cost is bounded before it is built: 1 MiB of text, NODE_COUNT_MAX values after aliases and merge keys
 * are expanded, NODE_DEPTH_MAX levels. An alias shares the children of its anchor, so that a "billion laughs" document
 * costs no memory, and still counts with its whole size.
 */
#ifndef CARREL_PROFILE_NODE_H
#define CARREL_PROFILE_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"
#include "util/buf.h"
#include "util/mem.h"

enum {
	NODE_FILE_MAX = 1 << 20,
	NODE_COUNT_MAX = 10000,
	NODE_DEPTH_MAX = 64,
	NODE_ANCHOR_MAX = 1000,
};

enum node_kind { NODE_TEXT, NODE_LIST, NODE_MAP };

struct node {
	enum node_kind kind;
	bool plain;       /* a text without quotes: `~` and `null` may mean "nothing" */
	bool replace;     /* a list or map tagged !replace */
	unsigned size;    /* values in this subtree, itself included */
	unsigned height;  /* levels in this subtree, itself included */
	const char *text; /* NODE_TEXT: zero-terminated, without zero bytes inside */
	struct origin at;
	const char *key; /* of a value in a map */
	struct origin key_at;
	struct node *first, *next; /* children, and the next one of the same parent */
};

/* Parse `size` bytes of text. Keys are texts and unique; the only tag is !replace; `<<` merges one map or a list of maps,
 * where the map's own keys win (yaml.org/type/merge). The result and its texts are in the arena; `file` is kept, not
 * copied. -EINVAL for everything that is wrong with the text, with line and column. An empty document gives
 * *ret == NULL. */
int node_parse(struct arena *arena, const char *text, size_t size, const char *file, struct node **ret, struct error *err) MUST_CHECK;

/* The value of a key of a map, or NULL. */
const struct node *node_get(const struct node *map, const char *key);

/* "a text", "a list", "a map", "nothing": for messages. */
const char *node_describe(const struct node *node);
/* An unquoted nothing: empty, null. `~` is the home where a path is wanted, and counts as nothing only where `tilde`. */
bool node_is_nothing(const struct node *node, bool tilde);

/* Append a text so that YAML reads exactly this text back: as it is where that is safe, else in double quotes. */
void node_put_text(struct buf *out, const char *text);

#endif
