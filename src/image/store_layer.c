#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/store.h"
#include "image/store_parts.h"
#include "util/fd.h"

enum { LAYER_PATH = 7 + DIGEST_HEX + 16 };

static const char *const owners[] = {[LAYER_RANGE] = "range", [LAYER_SINGLE] = "single"};

int store_open_layer_of(const struct store *store, const struct digest *diff_id, enum layer_owner owner)
{
	char path[LAYER_PATH];

	(void)snprintf(path, sizeof(path), "layers/%s.%s/tree", digest_hex(diff_id), owners[owner]);
	return store_look(store, path, O_PATH | O_DIRECTORY);
}

int store_open_layer(const struct store *store, const struct digest *diff_id, enum layer_owner *ret_owner)
{
	int fd = -ENOENT;

	for (size_t i = 0; fd == -ENOENT && i < ARRAY_SIZE(owners); i++) {
		fd = store_open_layer_of(store, diff_id, (enum layer_owner)i);
		if (fd >= 0)
			*ret_owner = (enum layer_owner)i;
	}
	return fd;
}

/* tmp/ID.lock says that tmp/ID has an owner; it is there before and after it. */
int store_layer_begin(const struct store *store, struct store_layer *ret, struct error *err)
{
	struct store_layer layer = {.store = store, .dir = -1, .lock = -1};
	char name[STORE_NAME];
	int r = store_make_temp(store, "tmp", ".lock", name, &layer.lock);

	if (r == 0) {
		cleanup_close int tmp = store_open_in(store, "tmp", O_PATH | O_DIRECTORY);

		(void)snprintf(layer.name, sizeof(layer.name), "%.*s/tree", STORE_ID, name);
		name[STORE_ID] = 0;
		/* The tree's mode is an image's root's, where its archive does not say it: whatever our umask is. */
		if (tmp < 0 || mkdirat(tmp, name, 0700) < 0 || mkdirat(tmp, layer.name, 0755) < 0)
			r = tmp < 0 ? tmp : -errno;
		else
			layer.dir = openat(tmp, layer.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (r == 0 && (layer.dir < 0 || fchmod(layer.dir, 0755) < 0))
			r = -errno;
	}
	if (r < 0) {
		store_layer_abandon(&layer);
		return error_set(err, -r, "cannot make a folder for a layer in the store '%s'", store->path);
	}
	*ret = layer;
	return 0;
}

/* It stands in a folder of ours, named after it and then moved: that needs no right to the tree itself. */
int store_layer_commit(struct store_layer *layer, const struct digest *diff_id, enum layer_owner owner, struct error *err)
{
	char from[STORE_NAME], to[LAYER_PATH];
	int r;

	(void)snprintf(from, sizeof(from), "tmp/%.*s", STORE_ID, layer->name);
	(void)snprintf(to, sizeof(to), "layers/%s.%s", digest_hex(diff_id), owners[owner]);
	r = store_move(layer->store, from, to, true);
	if (r < 0 && r != -EEXIST)
		return error_set(err, -r, "cannot put the layer %s into the store '%s'", diff_id->text, layer->store->path);
	store_layer_abandon(layer);
	return 0;
}

void store_layer_abandon(struct store_layer *layer)
{
	char path[STORE_NAME + 8];

	if (layer->lock >= 0) {
		/* After a commit it is gone, and only the lock is left. What fails here is left to the next sweep. */
		(void)snprintf(path, sizeof(path), "tmp/%.*s", STORE_ID, layer->name);
		if (layer->name[0])
			(void)!store_drop(layer->store, path);
		(void)snprintf(path, sizeof(path), "tmp/%.*s.lock", STORE_ID, layer->name);
		if (layer->name[0])
			(void)!store_unlink(layer->store, path);
	}
	layer->dir = fd_close(layer->dir);
	layer->lock = fd_close(layer->lock);
}
