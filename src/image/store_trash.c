#include "image/store_trash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/store_parts.h"
#include "util/fd.h"
#include "util/path.h"

#define DEAD "dead-"

/* Kinds of objects, where they live, and what they are called in trash/: KIND-NAME-ID. */
static const struct kind {
	const char *name, *folder;
	bool is_record;
} kinds[] = {
	{"image", "images", true},
	{"blob", "blobs/sha256", false},
	{"layer", "layers", false},
};

/* The digest that a name begins with: "HEX" or "HEX.range". */
static bool name_hex(const char *name, char hex[DIGEST_HEX + 1])
{
	if (strspn(name, "0123456789abcdef") != DIGEST_HEX || (name[DIGEST_HEX] && name[DIGEST_HEX] != '.' && name[DIGEST_HEX] != '-'))
		return false;
	(void)snprintf(hex, DIGEST_HEX + 1, "%s", name);
	return true;
}

static int fail_list(const struct store *store, const char *folder, struct error *err)
{
	return error_set(err, errno, "cannot list '%s/%s'", store->path, folder);
}

static int take(const struct store *store, const struct kind *kind, const char *name)
{
	char from[PATH_MAX], to[PATH_MAX], id[STORE_ID + 1];
	cleanup_close int record = -1;

	(void)snprintf(from, sizeof(from), "%s/%s", kind->folder, name);
	if (kind->is_record) {
		/* A sandbox that runs from it has a shared lock; one that starts just now finds the name gone when it gets its own. */
		record = store_open_in(store, from, O_RDWR | O_NONBLOCK);
		if (record < 0)
			return record == -ENOENT ? 0 : record;
		if (flock(record, LOCK_EX | LOCK_NB) < 0)
			return errno == EWOULDBLOCK ? 0 : -errno;
	}
	store_make_id(id);
	(void)snprintf(to, sizeof(to), "trash/%s-%s-%s", kind->name, name, id);
	int r = store_move(store, from, to, false);
	return r == -ENOENT ? 0 : r;
}

static int take_kind(const struct store *store, const struct kind *kind, const struct hexes *wanted, const struct hexes *only, struct error *err)
{
	DIR *dir = store_list(store, kind->folder);
	struct dirent *entry;
	char hex[DIGEST_HEX + 1];
	int r = 0;

	if (!dir)
		return errno == ENOENT ? 0 : fail_list(store, kind->folder, err);
	while (r == 0 && (entry = readdir(dir))) {
		if (!name_hex(entry->d_name, hex) || hexes_have(wanted, hex) || (only && !hexes_have(only, hex)))
			continue;
		r = take(store, kind, entry->d_name);
		if (r < 0)
			(void)error_set(err, -r, "cannot remove '%s/%s/%s'", store->path, kind->folder, entry->d_name);
	}
	(void)closedir(dir);
	return r;
}

static int take_kinds(const struct store *store, bool records, const struct hexes *only, struct error *err)
{
	struct store_view view;
	int r = store_view_take(store, &view, err);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].is_record == records)
			r = take_kind(store, &kinds[i], records ? &view.records : &view.objects, only, err);
	store_view_done(&view);
	return r;
}

/* --- the second look --- */

struct entries {
	char (*names)[NAME_MAX + 1];
	size_t count;
};

static int list_trash(const struct store *store, struct arena *arena, struct entries *ret, struct error *err)
{
	DIR *dir = store_list(store, "trash");
	struct entries entries = {.count = 0};
	struct dirent *entry;

	if (!dir && errno != ENOENT)
		return fail_list(store, "trash", err);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		entries.names = arena_grow(arena, entries.names, entries.count, sizeof(*entries.names));
		(void)snprintf(entries.names[entries.count++], sizeof(*entries.names), "%s", entry->d_name);
	}
	if (dir)
		(void)closedir(dir);
	*ret = entries;
	return 0;
}

static const struct kind *kind_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t len = strlen(kinds[i].name);

		if (!strncmp(name, kinds[i].name, len) && name[len] == '-')
			return &kinds[i];
	}
	return NULL;
}

/* "layer-HEX.range-ID" */
static int settle_one(const struct store *store, const char *name, const struct kind *kind, const struct hexes *wanted)
{
	const char *object = name + strlen(kind->name) + 1, *end = strrchr(object, '-');
	char from[PATH_MAX], to[PATH_MAX], hex[DIGEST_HEX + 1];
	int r = -ENOENT;

	(void)snprintf(from, sizeof(from), "trash/%s", name);
	if (end && name_hex(object, hex) && hexes_have(wanted, hex)) {
		(void)snprintf(to, sizeof(to), "%s/%.*s", kind->folder, (int)(end - object), object);
		r = store_move(store, from, to, true);
		if (r == 0)
			return 0;
	}
	/* Nobody wants it, or somebody has made it anew. */
	(void)snprintf(to, sizeof(to), "trash/" DEAD "%s-%s", kind->name, end ? end + 1 : name);
	return r == -ENOENT || r == -EEXIST ? store_move(store, from, to, false) : r;
}

static int settle_kinds(const struct store *store, const struct entries *entries, bool records, struct error *err)
{
	struct store_view view;
	int r = store_view_take(store, &view, err);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < entries->count; i++) {
		const struct kind *kind = kind_of(entries->names[i]);

		if (!kind || kind->is_record != records)
			continue;
		r = settle_one(store, entries->names[i], kind, records ? &view.records : &view.objects);
		if (r < 0)
			(void)error_set(err, -r, "cannot settle '%s/trash/%s'", store->path, entries->names[i]);
	}
	store_view_done(&view);
	return r;
}

/* Records first: one that is put back wants its objects. */
int trash_settle(const struct store *store, struct error *err)
{
	struct arena arena = {0};
	struct entries entries;
	int r = list_trash(store, &arena, &entries, err);

	if (r == 0)
		r = settle_kinds(store, &entries, true, err);
	if (r == 0)
		r = settle_kinds(store, &entries, false, err);
	arena_done(&arena);
	return r;
}

int trash_collect(const struct store *store, const struct hexes *records, const struct hexes *objects, struct error *err)
{
	int r = take_kinds(store, true, records, err);

	if (r == 0)
		r = trash_settle(store, err);
	if (r == 0)
		r = take_kinds(store, false, objects, err);
	if (r == 0)
		r = trash_settle(store, err);
	return r;
}

void trash_look(const struct store *store, bool *ret_undecided, bool *ret_dead)
{
	struct arena arena = {0};
	struct entries entries = {.count = 0};

	*ret_undecided = *ret_dead = false;
	(void)!list_trash(store, &arena, &entries, NULL); /* then nothing is done about it now */
	for (size_t i = 0; i < entries.count; i++) {
		*ret_undecided = *ret_undecided || kind_of(entries.names[i]);
		*ret_dead = *ret_dead || !kind_of(entries.names[i]);
	}
	arena_done(&arena);
}

/* --- removing --- */

static void count_freed(struct store_usage *freed, const char *name, uint64_t bytes)
{
	const struct kind *kind = strncmp(name, DEAD, strlen(DEAD)) != 0 ? NULL : kind_of(name + strlen(DEAD));

	if (!kind) {
		freed->waste += bytes;
		freed->waste_count++;
	} else if (kind == &kinds[0]) {
		freed->images++; /* records are no space worth mentioning */
		return;
	} else if (kind == &kinds[1]) {
		freed->blobs += bytes;
		freed->blob_count++;
	} else {
		freed->layers += bytes;
		freed->layer_count++;
	}
	freed->reclaimable += bytes;
}

static int remove_dead(const struct store *store, const struct store_gc_host *host, int trash, const char *name, struct error *err)
{
	struct arena arena = {0};
	int r;

	/* Ours alone it goes at once; the rest belongs to subordinate ids. */
	r = path_remove_tree(trash, name);
	if (r < 0 && host && host->remove_tree)
		r = host->remove_tree(host->context, arena_printf(&arena, "%s/trash/%s", store->path, name), err);
	else if (r < 0)
		(void)error_set(err, -r, "cannot remove '%s/trash/%s'", store->path, name);
	arena_done(&arena);
	return r;
}

int trash_empty(const struct store *store, const struct store_gc_host *host, unsigned most, struct store_usage *freed, struct error *err)
{
	cleanup_close int trash = store_open_in(store, "trash", O_RDONLY | O_DIRECTORY);
	struct arena arena = {0};
	struct entries entries;
	unsigned removed = 0;
	int first = 0, r = trash < 0 ? error_set(err, -trash, "cannot open '%s/trash'", store->path) : list_trash(store, &arena, &entries, err);

	for (size_t i = 0; r == 0 && i < entries.count && removed < most; i++) {
		const char *name = entries.names[i];

		if (kind_of(name))
			continue; /* still to be looked at */
		uint64_t bytes = freed ? store_measure(trash, name) : 0;
		int result = remove_dead(store, host, trash, name, first ? NULL : err);
		if (result < 0 && !first)
			first = result;
		removed++;
		if (result == 0 && freed)
			count_freed(freed, name, bytes);
	}
	arena_done(&arena);
	return r < 0 ? r : first;
}

int trash_empty_all(const struct store *store, const struct store_gc_host *host, struct store_usage *freed, struct error *err)
{
	cleanup_close int lock = store_lock(store, STORE_TRASH_LOCK, NULL, err);

	return lock < 0 ? lock : trash_empty(store, host, UINT_MAX, freed, err);
}
