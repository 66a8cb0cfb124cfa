#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/store_gc.h"
#include "image/store_parts.h"
#include "image/store_trash.h"
#include "image/store_view.h"
#include "util/fd.h"

enum {
	BLOCK = 512,     /* of st_blocks (stat(2)) */
	DEPTH_MAX = 200, /* each level is a descriptor; what is deeper is not measured */
};

static uint64_t blocks(const struct stat *st)
{
	uint64_t bytes = (uint64_t)st->st_blocks * BLOCK;

	/* A file of several names counts once, in parts. */
	return S_ISDIR(st->st_mode) || st->st_nlink < 2 ? bytes : bytes / st->st_nlink;
}

static uint64_t measure(int dir, const char *name, unsigned depth)
{
	struct dirent *entry;
	struct stat st;
	uint64_t bytes;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	bytes = blocks(&st);
	if (!S_ISDIR(st.st_mode) || depth == DEPTH_MAX)
		return bytes;
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	if (!stream) {
		(void)fd_close(fd);
		return bytes; /* somebody else's: from inside a user namespace it can be seen */
	}
	while ((entry = readdir(stream)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			bytes += measure(dirfd(stream), entry->d_name, depth + 1);
	(void)closedir(stream);
	return bytes;
}

uint64_t store_measure(int dir, const char *name)
{
	return measure(dir, name, 0);
}

/* The objects of all records, and of those that stay when everything is pruned; and what is named by references and claims itself. */
struct wanted {
	struct store_view view;
	struct arena arena;
	struct hexes by_any, by_kept;
	size_t used;
};

static void done_wanted(struct wanted *wanted)
{
	store_view_done(&wanted->view);
	arena_done(&wanted->arena);
}

static int take_wanted(const struct store *store, struct wanted *ret, struct error *err)
{
	struct wanted wanted = {.arena = {0}};
	struct store_kept *kept = NULL;
	struct image *images = NULL;
	size_t count = 0, kept_count = 0;
	int r = store_view_take(store, &wanted.view, err);

	if (r < 0)
		return r;
	r = store_kept(store, &wanted.arena, &kept, &kept_count, err);
	if (r == 0)
		r = store_images(store, &wanted.arena, &images, &count, err);
	for (size_t i = 0; i < count; i++) {
		const char *hex = digest_hex(&images[i].manifest);

		bool used = store_is_used(store, hex);

		for (size_t j = 0; !used && j < kept_count; j++)
			used = digest_equal(&kept[j].manifest, &images[i].manifest);
		wanted.used += used;
		hexes_add_image(&wanted.by_any, &wanted.arena, &images[i]);
		if (used || hexes_have(&wanted.view.records, hex))
			hexes_add_image(&wanted.by_kept, &wanted.arena, &images[i]);
	}
	if (r < 0) {
		done_wanted(&wanted);
		return r;
	}
	hexes_sort(&wanted.by_any);
	hexes_sort(&wanted.by_kept);
	*ret = wanted;
	return 0;
}

struct tally {
	uint64_t bytes;
	size_t count;
};

static void add_waste(struct store_usage *usage, uint64_t bytes, bool is_busy)
{
	usage->waste += bytes;
	usage->waste_count++;
	usage->busy += is_busy ? bytes : 0;
	usage->busy_count += is_busy;
	usage->reclaimable += is_busy ? 0 : bytes;
}

/* Blobs and layers. What is claimed and no image's yet becomes one just now. */
static void measure_objects(const struct store *store, const char *folder, const struct wanted *wanted, struct tally *tally, struct store_usage *usage)
{
	DIR *dir = store_list(store, folder);
	char hex[DIGEST_HEX + 1];
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		uint64_t bytes = store_measure(dirfd(dir), entry->d_name);

		(void)snprintf(hex, sizeof(hex), "%s", entry->d_name);
		bool is_claimed = hexes_have(&wanted->view.records, hex);
		if (!hexes_have(&wanted->by_any, hex)) {
			add_waste(usage, bytes, is_claimed);
			continue;
		}
		tally->bytes += bytes;
		tally->count++;
		if (!is_claimed && !hexes_have(&wanted->by_kept, hex))
			usage->reclaimable += bytes;
	}
	if (dir)
		(void)closedir(dir);
}

/* Does somebody hold it? (Of a folder "ID" its "ID.lock" says so.) */
static bool has_owner(int dir, const char *name)
{
	char lock[NAME_MAX + 8];
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	(void)snprintf(lock, sizeof(lock), "%s%s", name, S_ISDIR(st.st_mode) ? ".lock" : "");
	cleanup_close int fd = openat(dir, lock, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

/* tmp/ and trash/. */
static void measure_left_over(const struct store *store, struct store_usage *usage)
{
	static const char *const folders[] = {"tmp", "trash"};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		DIR *dir = store_list(store, folders[i]);
		struct dirent *entry;

		while (dir && (entry = readdir(dir)))
			if (entry->d_name[0] != '.')
				add_waste(usage, store_measure(dirfd(dir), entry->d_name), has_owner(dirfd(dir), entry->d_name));
		if (dir)
			(void)closedir(dir);
	}
}

uint64_t store_left_over(const struct store *store)
{
	struct store_usage usage = {.blobs = 0};

	measure_left_over(store, &usage);
	return usage.reclaimable;
}

static size_t count_records(const struct store *store)
{
	DIR *dir = store_list(store, "images");
	struct dirent *entry;
	size_t count = 0;

	while (dir && (entry = readdir(dir)))
		count += strlen(entry->d_name) == DIGEST_HEX;
	if (dir)
		(void)closedir(dir);
	return count;
}

int store_usage(const struct store *store, struct store_usage *ret, struct error *err)
{
	/* So that who removes does not take our looking for a sandbox; where it cannot be had, we look all the same. */
	cleanup_close int lock = store->writable ? store_lock(store, STORE_GC_LOCK, NULL, NULL) : -1;
	struct store_usage usage = {.blobs = 0};
	struct tally blobs = {0}, layers = {0};
	struct wanted wanted;
	int r = take_wanted(store, &wanted, err);

	if (r < 0)
		return r;
	lock = fd_close(lock);
	measure_objects(store, "blobs/sha256", &wanted, &blobs, &usage);
	measure_objects(store, "layers", &wanted, &layers, &usage);
	measure_left_over(store, &usage);
	usage.images = count_records(store);
	usage.images_used = wanted.used;
	usage.blobs = blobs.bytes;
	usage.blob_count = blobs.count;
	usage.layers = layers.bytes;
	usage.layer_count = layers.count;
	*ret = usage;
	done_wanted(&wanted);
	return 0;
}
