#include "image/store_gc.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "image/store_parts.h"
#include "image/store_trash.h"
#include "util/fd.h"

static int untag_unused(const struct store *store, struct error *err)
{
	struct arena arena = {0};
	struct store_kept *kept = NULL;
	struct store_ref *refs = NULL;
	size_t count = 0, kept_count = 0;
	int r = store_refs(store, &arena, &refs, &count, err);

	if (r == 0)
		r = store_kept(store, &arena, &kept, &kept_count, err);
	for (size_t i = 0; r == 0 && i < count; i++) {
		struct reference reference;

		if (store_kept_by(kept, kept_count, digest_hex(&refs[i].manifest)) || store_is_used(store, digest_hex(&refs[i].manifest)) ||
		    reference_parse(&arena, refs[i].name, &reference, NULL) < 0)
			continue;
		r = store_unref(store, &reference, err);
		r = r == -ENOENT ? 0 : r;
	}
	arena_done(&arena);
	return r;
}

int store_prune(const struct store *store, const struct store_gc_host *host, bool all, struct store_usage *ret_freed, struct error *err)
{
	struct store mine = *store;
	struct store_usage freed = {.blobs = 0};
	cleanup_close int lock = -1;
	int r;

	store_sweep(store, host, UINT_MAX);
	lock = store_lock(store, STORE_GC_LOCK, NULL, err);
	r = lock < 0 ? lock : 0;
	mine.is_removing = true;
	if (r == 0 && all)
		r = untag_unused(&mine, err);
	if (r == 0)
		r = store_write_index(&mine, err);
	if (r == 0)
		r = trash_collect(&mine, NULL, NULL, err);
	lock = fd_close(lock);
	if (r == 0)
		r = trash_empty_all(store, host, &freed, err);
	*ret_freed = freed;
	return r;
}
