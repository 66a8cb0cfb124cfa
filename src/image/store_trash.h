/* Within store*.c: the way of what seems unwanted, out of the store (store_gc.h). */
#ifndef CARREL_IMAGE_STORE_TRASH_H
#define CARREL_IMAGE_STORE_TRASH_H

#include "image/store_gc.h"
#include "image/store_view.h"

/* What nobody wants goes, in two steps: objects are judged by the records that are left. Both are renamed into trash/ and settled; `records` and `objects`, where they are not
 * NULL, say what may go. The lock of those who remove is held. */
int trash_collect(const struct store *store, const struct hexes *records, const struct hexes *objects, struct error *err) MUST_CHECK;
/* The second look: put back, or declare dead. The lock is held. */
int trash_settle(const struct store *store, struct error *err) MUST_CHECK;
/* Remove what is dead, at most so much, adding it to `freed` where that is not NULL. locks/trash is held. */
int trash_empty(const struct store *store, const struct store_gc_host *host, unsigned most, struct store_usage *freed, struct error *err) MUST_CHECK;
/* All of it, waiting for that lock. */
int trash_empty_all(const struct store *store, const struct store_gc_host *host, struct store_usage *freed, struct error *err) MUST_CHECK;
/* Is there anything in it that needs the second look, or that is dead? */
void trash_look(const struct store *store, bool *ret_undecided, bool *ret_dead);

#endif
