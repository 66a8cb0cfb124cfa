/* Removing images by words of the command line. What is there is listed once, under the lock of those who remove; each word takes its names out of that list and of the store, and in
 * the end there is one new index.json and one collection, however many words there are. Who pulls or tags beside us is seen by the collection (store_gc.h), whatever the list says. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "image/store_gc.h"
#include "image/store_parts.h"
#include "image/store_trash.h"
#include "util/fd.h"

struct removing {
	const struct store *store;
	struct arena *arena;
	bool force;
	struct store_listing there; /* what is taken away, and images that are about to go, are no more there for the words behind */
	struct store_kept *kept;
	size_t kept_count;
	struct hexes records, objects; /* that may go */
	bool has_untagged;
};

/* What a word means: names of an image, and then perhaps its records, since several manifests may have one configuration. */
struct target {
	struct image image;
	struct reference reference; /* repository NULL: by its digits */
	struct store_ref **names;   /* all that lead to it */
	size_t name_count;
	struct hexes records, objects;
};

static int list_all(struct removing *all, struct error *err)
{
	int r = store_refs(all->store, all->arena, &all->there.refs, &all->there.ref_count, err);

	if (r == 0)
		r = store_images(all->store, all->arena, &all->there.images, &all->there.image_count, err);
	return r < 0 ? r : store_kept(all->store, all->arena, &all->kept, &all->kept_count, err);
}

static void add_image(struct removing *all, struct target *target, const struct image *image)
{
	hexes_add(&target->records, all->arena, digest_hex(&image->manifest));
	hexes_add_image(&target->objects, all->arena, image);
}

static int find_target(struct removing *all, const char *word, struct target *target, struct error *err)
{
	int r = store_find_how(all->store, &all->there, all->arena, word, &target->reference, &target->image, NULL, err);

	if (r < 0)
		return r;
	add_image(all, target, &target->image);
	for (size_t i = 0; !target->reference.repository && i < all->there.image_count; i++) {
		const struct image *image = &all->there.images[i];

		if (digest_equal(&image->config, &target->image.config) && !digest_equal(&image->manifest, &target->image.manifest))
			add_image(all, target, image);
	}
	hexes_sort(&target->records);
	for (size_t i = 0; i < all->there.ref_count; i++) {
		if (!all->there.refs[i].name || !hexes_have(&target->records, digest_hex(&all->there.refs[i].manifest)))
			continue;
		target->names = arena_grow(all->arena, target->names, target->name_count, sizeof(*target->names));
		target->names[target->name_count++] = &all->there.refs[i];
	}
	return 0;
}

/* --- may it go? --- */

/* Are all names of one repository? Then there is no doubt what its digits mean. */
static bool is_one_repository(struct arena *arena, const struct target *target)
{
	struct reference first, next;

	for (size_t i = 0; i < target->name_count; i++) {
		if (reference_parse(arena, target->names[i]->name, i ? &next : &first, NULL) < 0)
			return false;
		if (i && (strcmp(first.registry, next.registry) != 0 || strcmp(first.repository, next.repository) != 0))
			return false;
	}
	return true;
}

static int check(const struct removing *all, const char *word, const struct target *target, struct error *err)
{
	bool by_name = target->reference.repository != NULL;

	if (!by_name && !is_one_repository(all->arena, target)) {
		(void)error_set(err, ENOTUNIQ, "cannot remove the image '%s'", word);
		(void)error_cause(err, "it has names in several repositories, '%s' and others", target->names[0]->name);
		return error_hint(err, "remove one name at a time, or all with --force");
	}
	if (by_name && target->name_count > 1)
		return 0;
	for (size_t i = 0; i < target->records.count; i++) {
		const char *sandbox = store_kept_by(all->kept, all->kept_count, target->records.items[i]);

		if (sandbox) {
			(void)error_set(err, EBUSY, "cannot remove the image '%s'", word);
			(void)error_cause(err, "what the sandbox '%s' keeps lies over it", sandbox);
			return error_hint(err, "carrel rm %s  removes that ; --force takes only the image's name away", sandbox);
		}
		if (!store_is_used(all->store, target->records.items[i]))
			continue;
		(void)error_set(err, EBUSY, "cannot remove the image '%s'", word);
		(void)error_cause(err, "a sandbox runs from it");
		return error_hint(err, "end it first, or take only the name away with --force");
	}
	return 0;
}

/* --- one word --- */

static void note_untagged(struct removing *all, struct store_removal *removal, const char *name)
{
	removal->untagged = arena_grow(all->arena, removal->untagged, removal->untagged_count, sizeof(*removal->untagged));
	removal->untagged[removal->untagged_count++] = name;
	all->has_untagged = true;
}

/* The word's own name. In the list a digest stands without a tag, of which it says more. */
static int untag_one(struct removing *all, const struct target *target, struct store_removal *removal, struct error *err)
{
	struct reference listed = target->reference;
	int r = store_unref(all->store, &target->reference, err);

	if (r < 0)
		return r;
	note_untagged(all, removal, reference_format(all->arena, &target->reference));
	if (digest_is_set(&listed.digest))
		listed.tag = NULL;
	const char *name = reference_format(all->arena, &listed);
	for (size_t i = 0; i < target->name_count; i++)
		if (!strcmp(target->names[i]->name, name)) {
			target->names[i]->name = NULL;
			break;
		}
	return 0;
}

static int untag_all(struct removing *all, const struct target *target, struct store_removal *removal, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < target->name_count; i++) {
		struct store_ref *ref = target->names[i];

		r = store_unref_name(all->store, ref->name, err);
		if (r == 0)
			note_untagged(all, removal, ref->name);
		if (r == 0 || r == -ENOENT) { /* somebody else was quicker */
			ref->name = NULL;
			r = 0;
		}
	}
	return r;
}

/* That was its last name, and no sandbox has it: it goes with the collection, unless somebody claims it meanwhile. */
static bool is_leaving(const struct removing *all, const struct target *target)
{
	for (size_t i = 0; i < target->name_count; i++)
		if (target->names[i]->name)
			return false;
	for (size_t i = 0; i < target->records.count; i++)
		if (store_kept_by(all->kept, all->kept_count, target->records.items[i]) || store_is_used(all->store, target->records.items[i]))
			return false;
	return true;
}

static void note_leaving(struct removing *all, const struct target *target)
{
	for (size_t i = 0; i < all->there.image_count; i++)
		if (hexes_have(&target->records, digest_hex(&all->there.images[i].manifest)))
			all->there.images[i] = (struct image){0};
}

static int take_word(struct removing *all, struct store_removal *removal, struct target *target, struct error *err)
{
	int r = find_target(all, removal->word, target, err);

	if (r == 0 && !all->force)
		r = check(all, removal->word, target, err);
	if (r == 0)
		r = target->reference.repository ? untag_one(all, target, removal, err) : untag_all(all, target, removal, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < target->records.count; i++)
		hexes_add(&all->records, all->arena, target->records.items[i]);
	for (size_t i = 0; i < target->objects.count; i++)
		hexes_add(&all->objects, all->arena, target->objects.items[i]);
	if (is_leaving(all, target))
		note_leaving(all, target);
	return 0;
}

/* --- all of them --- */

static bool has_record(const struct removing *all, const char *hex)
{
	struct digest manifest;
	struct image image;

	(void)snprintf(manifest.text, sizeof(manifest.text), "sha256:%s", hex);
	return store_image(all->store, all->arena, &manifest, &image, NULL) == 0;
}

/* The configurations that are gone now, each told with the last word that was about it. */
static void note_deleted(const struct removing *all, const struct target *targets, struct store_removal *removals, size_t count)
{
	for (size_t i = count; i-- > 0;) {
		const struct digest *config = &targets[i].image.config;
		bool gone = !removals[i].why;

		for (size_t later = i + 1; gone && later < count; later++)
			gone = !digest_equal(&removals[later].deleted, config);
		for (size_t record = 0; gone && record < targets[i].records.count; record++)
			gone = !has_record(all, targets[i].records.items[record]);
		if (gone)
			removals[i].deleted = *config;
	}
}

static int remove_locked(struct removing *all, struct store_removal *removals, size_t count, struct error *err)
{
	cleanup_close int lock = store_lock(all->store, STORE_GC_LOCK, NULL, err);
	struct target *targets = arena_alloc(all->arena, (count + 1) * sizeof(*targets));
	int r = lock < 0 ? lock : list_all(all, err);

	for (size_t i = 0; r == 0 && i < count; i++) {
		struct error why = {0};

		if (take_word(all, &removals[i], &targets[i], &why) < 0)
			removals[i].why = memcpy(arena_alloc(all->arena, sizeof(why)), &why, sizeof(why));
	}
	hexes_sort(&all->records);
	hexes_sort(&all->objects);
	if (r == 0 && all->has_untagged)
		r = store_write_index(all->store, err);
	if (r == 0 && all->records.count)
		r = trash_collect(all->store, &all->records, &all->objects, err);
	if (r == 0)
		note_deleted(all, targets, removals, count);
	return r;
}

int store_remove(const struct store *store, const struct store_gc_host *host, struct arena *arena, bool force, struct store_removal *removals, size_t count, struct error *err)
{
	struct store mine = *store;
	struct removing all = {.store = &mine, .arena = arena, .force = force};

	mine.is_removing = true;
	int r = remove_locked(&all, removals, count, err);

	return r < 0 || !all.records.count ? r : trash_empty_all(store, host, NULL, err);
}
