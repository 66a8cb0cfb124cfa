#include "cli/system_usage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/image_table.h"
#include "isolate/inside.h"
#include "util/fd.h"
#include "util/json.h"

/* Folders of sandboxes, which those that run hold locked. */
static struct system_tally measure_folders(const struct store *store, const char *name)
{
	struct system_tally tally = {0};
	int fd = openat(store->dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		cleanup_close int lock = openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (lock < 0)
			continue;
		bool runs = flock(lock, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
		uint64_t bytes = store_measure(dirfd(dir), entry->d_name);

		tally.count++;
		tally.running += runs;
		tally.bytes += bytes;
		tally.idle_bytes += runs ? 0 : bytes;
	}
	if (dir)
		(void)closedir(dir);
	return tally;
}

/* In memory that the child shares with us. */
struct look {
	const struct store *store;
	bool left_over_only;
	struct system_usage usage;
	struct error err;
};

static int look(void *argument)
{
	struct look *look = argument;

	look->usage.scratch = measure_folders(look->store, "scratch");
	if (look->left_over_only) {
		look->usage.store.reclaimable = store_left_over(look->store);
		return 0;
	}
	look->usage.sandboxes = measure_folders(look->store, "instances");
	return store_usage(look->store, &look->usage.store, &look->err);
}

static int look_inside(struct image_context *context, struct look *shared)
{
	const struct idmap_spec spec = {.mode = IDMAP_SUBIDS, .wants_range = true};
	struct idmap_facts facts;
	struct idmap_plan ids;

	if (host_id_facts(&context->host, &facts, NULL) < 0 || !host_has_ranges(&facts) || idmap_plan(&context->arena, &spec, &facts, &ids, NULL) < 0)
		return -EOPNOTSUPP;
	return inside_run(&ids, look, shared, NULL);
}

static int take(struct image_context *context, bool left_over_only, struct system_usage *ret, struct error *err)
{
	struct look *shared;
	int r;

	if (context->store.dir < 0) {
		*ret = (struct system_usage){.store = {.blobs = 0}};
		return 0;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return error_set(err, errno, "cannot get memory to look at the store");
	shared->store = &context->store;
	shared->left_over_only = left_over_only;
	r = look_inside(context, shared);
	if (r < 0) /* as who we are, then: others' folders are left out */
		r = look(shared);
	if (r == 0)
		*ret = shared->usage;
	else if (err)
		*err = shared->err;
	(void)munmap(shared, sizeof(*shared));
	return r;
}

int system_usage_take(struct image_context *context, struct system_usage *ret, struct error *err)
{
	return take(context, false, ret, err);
}

uint64_t system_usage_left_over(struct image_context *context)
{
	struct system_usage usage;

	return take(context, true, &usage, NULL) < 0 ? 0 : usage.store.reclaimable + usage.scratch.idle_bytes;
}

/* --- as text --- */

static void add_number(struct image_table *table, size_t number)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%zu", number);
	image_table_add(table, text);
}

static void add_row(struct image_table *table, const char *name, size_t count, const char *active, uint64_t bytes, uint64_t reclaimable)
{
	char size[IMAGE_SIZE_TEXT], less[IMAGE_SIZE_TEXT], text[64];

	image_table_add(table, name);
	add_number(table, count);
	image_table_add(table, active);
	image_table_add(table, image_format_size(bytes, size));
	image_format_size(reclaimable, less);
	if (bytes)
		(void)snprintf(text, sizeof(text), "%s (%" PRIu64 "%%)", less, reclaimable * 100 / bytes);
	else
		(void)snprintf(text, sizeof(text), "%s", less);
	image_table_add(table, text);
}

static uint64_t of_images(const struct system_usage *usage)
{
	return usage->store.blobs + usage->store.layers;
}

static uint64_t idle_waste(const struct system_usage *usage)
{
	return usage->store.waste - usage->store.busy;
}

/* What prune frees of the images' own. */
static uint64_t free_of_images(const struct system_usage *usage)
{
	return usage->store.reclaimable > idle_waste(usage) ? usage->store.reclaimable - idle_waste(usage) : 0;
}

void system_usage_format(const struct system_usage *usage, struct buf *out)
{
	static const char *const headings[] = {"TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"};
	struct image_table table = {.columns = ARRAY_SIZE(headings)};
	char active[32];

	for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
		image_table_add(&table, headings[i]);
	(void)snprintf(active, sizeof(active), "%zu", usage->store.images_used);
	add_row(&table, "Images", usage->store.images, active, of_images(usage), free_of_images(usage));
	(void)snprintf(active, sizeof(active), "%zu", usage->sandboxes.running);
	add_row(&table, "Sandboxes", usage->sandboxes.count, active, usage->sandboxes.bytes, 0); /* they are kept: carrel rm removes them */
	(void)snprintf(active, sizeof(active), "%zu", usage->scratch.running);
	add_row(&table, "Scratch", usage->scratch.count, active, usage->scratch.bytes, usage->scratch.idle_bytes);
	(void)snprintf(active, sizeof(active), "%zu", usage->store.busy_count);
	add_row(&table, "Left over", usage->store.waste_count, active, usage->store.waste, idle_waste(usage));
	image_table_format(&table, out);
	image_table_done(&table);
}

static void put_number(struct json *json, const char *key, uint64_t value)
{
	json_number(json, key, (int64_t)value);
}

static void put_row(struct json *json, const char *key, size_t count, size_t active, uint64_t bytes, uint64_t reclaimable)
{
	json_open_object(json, key);
	put_number(json, "Total", count);
	put_number(json, "Active", active);
	put_number(json, "Size", bytes);
	put_number(json, "Reclaimable", reclaimable);
}

void system_usage_format_json(const struct system_usage *usage, struct buf *out)
{
	struct json json = {.out = out};

	json_open_object(&json, NULL);
	put_row(&json, "Images", usage->store.images, usage->store.images_used, of_images(usage), free_of_images(usage));
	put_number(&json, "Blobs", usage->store.blob_count);
	put_number(&json, "BlobsSize", usage->store.blobs);
	put_number(&json, "Layers", usage->store.layer_count);
	put_number(&json, "LayersSize", usage->store.layers);
	json_close_object(&json);
	put_row(&json, "Sandboxes", usage->sandboxes.count, usage->sandboxes.running, usage->sandboxes.bytes, 0);
	json_close_object(&json);
	put_row(&json, "Scratch", usage->scratch.count, usage->scratch.running, usage->scratch.bytes, usage->scratch.idle_bytes);
	json_close_object(&json);
	put_row(&json, "LeftOver", usage->store.waste_count, usage->store.busy_count, usage->store.waste, idle_waste(usage));
	json_close_object(&json);
	json_close_object(&json);
}
