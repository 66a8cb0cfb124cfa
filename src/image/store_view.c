#include "image/store_view.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "image/store_parts.h"
#include "util/fd.h"

enum { CLAIM_MAX = 1 << 20 };

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

void hexes_add(struct hexes *hexes, struct arena *arena, const char *hex)
{
	hexes->items = arena_grow(arena, hexes->items, hexes->count, sizeof(*hexes->items));
	(void)snprintf(hexes->items[hexes->count++], sizeof(*hexes->items), "%s", hex);
}

void hexes_sort(struct hexes *hexes)
{
	if (hexes->count)
		qsort(hexes->items, hexes->count, sizeof(*hexes->items), by_text);
}

bool hexes_have(const struct hexes *hexes, const char *hex)
{
	return hexes->count && bsearch(hex, hexes->items, hexes->count, sizeof(*hexes->items), by_text);
}

void hexes_add_image(struct hexes *hexes, struct arena *arena, const struct image *image)
{
	hexes_add(hexes, arena, digest_hex(&image->manifest));
	hexes_add(hexes, arena, digest_hex(&image->config));
	for (size_t i = 0; i < image->layer_count; i++)
		hexes_add(hexes, arena, digest_hex(&image->layers[i]));
	for (size_t i = 0; i < image->blob_count; i++)
		hexes_add(hexes, arena, digest_hex(&image->blobs[i]));
}

static void add_claim(struct store_view *view, int fd)
{
	cleanup_free char *text = NULL;
	struct digest digest;
	char *rest = NULL;

	if (store_slurp(fd, CLAIM_MAX, &text, NULL) < 0)
		return;
	/* Half a line is a claim in the making, whose owner has not looked for anything yet. */
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (digest_parse(line, &digest, NULL) < 0)
			continue;
		hexes_add(&view->records, &view->arena, digest_hex(&digest));
		hexes_add(&view->objects, &view->arena, digest_hex(&digest));
	}
}

static int look_at_claims(const struct store *store, struct store_view *view, struct error *err)
{
	DIR *dir = store_list(store, "claims");
	struct dirent *entry;

	if (!dir && errno != ENOENT)
		return error_set(err, errno, "cannot list the claims in the store '%s'", store->path);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		cleanup_close int fd = openat(dirfd(dir), entry->d_name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			(void)unlinkat(dirfd(dir), entry->d_name, 0); /* its owner is gone */
		else
			add_claim(view, fd);
	}
	if (dir)
		(void)closedir(dir);
	return 0;
}

int store_view_take(const struct store *store, struct store_view *ret, struct error *err)
{
	struct store_view view = {.arena = {0}};
	struct store_ref *refs = NULL;
	struct image *images = NULL;
	struct store_kept *kept = NULL;
	size_t ref_count = 0, image_count = 0, kept_count = 0;
	int r = look_at_claims(store, &view, err);

	if (r == 0)
		r = store_refs(store, &view.arena, &refs, &ref_count, err);
	if (r == 0)
		r = store_kept(store, &view.arena, &kept, &kept_count, err);
	if (r == 0)
		r = store_images(store, &view.arena, &images, &image_count, err);
	if (r < 0) {
		arena_done(&view.arena);
		return r;
	}
	for (size_t i = 0; i < ref_count; i++)
		hexes_add(&view.records, &view.arena, digest_hex(&refs[i].manifest));
	for (size_t i = 0; i < kept_count; i++)
		hexes_add(&view.records, &view.arena, digest_hex(&kept[i].manifest));
	for (size_t i = 0; i < image_count; i++)
		hexes_add_image(&view.objects, &view.arena, &images[i]);
	hexes_sort(&view.records);
	hexes_sort(&view.objects);
	*ret = view;
	return 0;
}

void store_view_done(struct store_view *view)
{
	arena_done(&view->arena);
	*view = (struct store_view){.arena = {0}};
}

bool store_is_used(const struct store *store, const char *hex)
{
	char path[8 + DIGEST_HEX];

	(void)snprintf(path, sizeof(path), "images/%s", hex);
	cleanup_close int fd = store_open_in(store, path, O_RDWR | O_NONBLOCK);
	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}
