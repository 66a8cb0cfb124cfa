#include "image/store_gc.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "image/store_parts.h"
#include "image/store_trash.h"
#include "util/fd.h"

/* What nobody wants, in two steps: objects are judged by the records that are left. */
static int collect(const struct store *store, const struct hexes *records, const struct hexes *objects, struct error *err)
{
	int r = trash_take_records(store, records, err);

	if (r == 0)
		r = trash_settle(store, err);
	if (r == 0)
		r = trash_take_objects(store, objects, err);
	if (r == 0)
		r = trash_settle(store, err);
	return r;
}

static int empty(const struct store *store, const struct store_gc_host *host, struct store_usage *freed, struct error *err)
{
	cleanup_close int lock = store_lock(store, STORE_TRASH_LOCK, NULL, err);

	return lock < 0 ? lock : trash_empty(store, host, UINT_MAX, freed, err);
}

/* The name of a sandbox that lies over it, or NULL. */
static const char *kept_by(const struct store_kept *kept, size_t count, const char *hex)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(digest_hex(&kept[i].manifest), hex))
			return kept[i].sandbox;
	return NULL;
}

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

		if (kept_by(kept, kept_count, digest_hex(&refs[i].manifest)) || store_is_used(store, digest_hex(&refs[i].manifest)) ||
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
		r = collect(&mine, NULL, NULL, err);
	lock = fd_close(lock);
	if (r == 0)
		r = empty(store, host, &freed, err);
	*ret_freed = freed;
	return r;
}

/* --- one image --- */

/* What to remove: names of an image, and then perhaps its records, since several manifests may have one configuration. */
struct target {
	struct image image;
	struct reference reference; /* repository NULL: by its digits */
	struct store_ref *names;    /* all that lead to it */
	size_t name_count;
	struct hexes records, objects;
};

static int find_target(const struct store *store, struct arena *arena, const char *word, struct target *target, struct error *err)
{
	struct store_ref *refs = NULL;
	struct image *images = NULL;
	size_t ref_count, image_count;
	int r = store_find_how(store, arena, word, &target->reference, &target->image, NULL, err);

	if (r == 0)
		r = store_refs(store, arena, &refs, &ref_count, err);
	if (r == 0)
		r = store_images(store, arena, &images, &image_count, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < image_count; i++) {
		bool is_it = target->reference.repository ? digest_equal(&images[i].manifest, &target->image.manifest) : digest_equal(&images[i].config, &target->image.config);

		if (!is_it)
			continue;
		hexes_add(&target->records, arena, digest_hex(&images[i].manifest));
		hexes_add_image(&target->objects, arena, &images[i]);
	}
	hexes_sort(&target->records);
	hexes_sort(&target->objects);
	for (size_t i = 0; i < ref_count; i++) {
		if (!hexes_have(&target->records, digest_hex(&refs[i].manifest)))
			continue;
		target->names = arena_grow(arena, target->names, target->name_count, sizeof(*target->names));
		target->names[target->name_count++] = refs[i];
	}
	return 0;
}

/* Are all names of one repository? Then there is no doubt what its digits mean. */
static bool is_one_repository(struct arena *arena, const struct target *target)
{
	struct reference first, next;

	for (size_t i = 0; i < target->name_count; i++) {
		if (reference_parse(arena, target->names[i].name, i ? &next : &first, NULL) < 0)
			return false;
		if (i && (strcmp(first.registry, next.registry) != 0 || strcmp(first.repository, next.repository) != 0))
			return false;
	}
	return true;
}

static int check(const struct store *store, struct arena *arena, const char *word, const struct target *target, struct error *err)
{
	bool by_name = target->reference.repository != NULL;
	struct store_kept *kept = NULL;
	size_t kept_count = 0;
	int r = store_kept(store, arena, &kept, &kept_count, err);

	if (r < 0)
		return r;
	if (!by_name && !is_one_repository(arena, target)) {
		(void)error_set(err, ENOTUNIQ, "cannot remove the image '%s'", word);
		(void)error_cause(err, "it has names in several repositories, '%s' and others", target->names[0].name);
		return error_hint(err, "remove one name at a time, or all with --force");
	}
	if (by_name && target->name_count > 1)
		return 0;
	for (size_t i = 0; i < target->records.count; i++) {
		const char *sandbox = kept_by(kept, kept_count, target->records.items[i]);

		if (sandbox) {
			(void)error_set(err, EBUSY, "cannot remove the image '%s'", word);
			(void)error_cause(err, "what the sandbox '%s' keeps lies over it", sandbox);
			return error_hint(err, "carrel rm %s  removes that ; --force takes only the image's name away", sandbox);
		}
		if (!store_is_used(store, target->records.items[i]))
			continue;
		(void)error_set(err, EBUSY, "cannot remove the image '%s'", word);
		(void)error_cause(err, "a sandbox runs from it");
		return error_hint(err, "end it first, or take only the name away with --force");
	}
	return 0;
}

static int untag(const struct store *store, struct arena *arena, const struct target *target, struct store_removal *ret, struct error *err)
{
	const struct reference *one = target->reference.repository ? &target->reference : NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && i < (one ? 1 : target->name_count); i++) {
		struct reference reference;

		r = one ? 0 : reference_parse(arena, target->names[i].name, &reference, err);
		if (r == 0)
			r = store_unref(store, one ? one : &reference, err);
		if (r == -ENOENT && !one) {
			r = 0; /* somebody else was quicker */
			continue;
		}
		if (r < 0)
			break;
		ret->untagged = arena_grow(arena, ret->untagged, ret->untagged_count, sizeof(*ret->untagged));
		ret->untagged[ret->untagged_count++] = one ? reference_format(arena, one) : target->names[i].name;
	}
	return r;
}

/* The configurations that are gone now. */
static void note_deleted(const struct store *store, struct arena *arena, const struct target *target, struct store_removal *ret)
{
	for (size_t i = 0; i < target->records.count; i++) {
		struct digest manifest;
		struct image image;

		(void)snprintf(manifest.text, sizeof(manifest.text), "sha256:%s", target->records.items[i]);
		if (store_image(store, arena, &manifest, &image, NULL) == 0)
			return;
	}
	ret->deleted = arena_grow(arena, ret->deleted, ret->deleted_count, sizeof(*ret->deleted));
	ret->deleted[ret->deleted_count++] = target->image.config;
}

static int remove_locked(const struct store *store, struct arena *arena, const char *word, bool force, struct store_removal *ret, struct error *err)
{
	cleanup_close int lock = store_lock(store, STORE_GC_LOCK, NULL, err);
	struct target target = {.names = NULL};
	int r = lock < 0 ? lock : find_target(store, arena, word, &target, err);

	if (r == 0 && !force)
		r = check(store, arena, word, &target, err);
	if (r == 0)
		r = untag(store, arena, &target, ret, err);
	if (r == 0 && ret->untagged_count)
		r = store_write_index(store, err);
	if (r == 0)
		r = collect(store, &target.records, &target.objects, err);
	if (r == 0)
		note_deleted(store, arena, &target, ret);
	return r;
}

int store_remove(const struct store *store, const struct store_gc_host *host, struct arena *arena, const char *word, bool force, struct store_removal *ret, struct error *err)
{
	struct store_removal removal = {.untagged = NULL};
	struct store mine = *store;

	mine.is_removing = true;
	int r = remove_locked(&mine, arena, word, force, &removal, err);

	*ret = removal; /* also after a failure half way: what was done was done */
	return r < 0 ? r : empty(store, host, NULL, err);
}
