/* A sandbox that keeps its writes (run --name) lies over an image: instances/NAME/image names it in its first line (run/kept.h). Without the image what it keeps is worth
 * nothing, so it wants the image as a name does. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "image/store_view.h"
#include "image/store_parts.h"
#include "util/fd.h"

enum { KEPT_MAX = 4096 };

static bool read_kept(const struct store *store, const char *name, struct digest *ret)
{
	cleanup_free char *text = NULL;
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "instances/%s/image", name);
	cleanup_close int fd = store_open_in(store, path, O_RDONLY | O_NONBLOCK);
	if (fd < 0 || store_slurp(fd, KEPT_MAX, &text, NULL) < 0)
		return false;
	text[strcspn(text, "\n")] = 0;
	return digest_parse(text, ret, NULL) == 0;
}

int store_kept(const struct store *store, struct arena *arena, struct store_kept **ret, size_t *ret_count, struct error *err)
{
	DIR *dir = store_list(store, "instances");
	struct store_kept *kept = NULL;
	struct dirent *entry;
	size_t count = 0;

	if (!dir && errno != ENOENT)
		return error_set(err, errno, "cannot list the kept sandboxes in the store '%s'", store->path);
	while (dir && (entry = readdir(dir))) {
		struct digest manifest;

		if (entry->d_name[0] == '.' || !read_kept(store, entry->d_name, &manifest))
			continue;
		kept = arena_grow(arena, kept, count, sizeof(*kept));
		kept[count++] = (struct store_kept){arena_strdup(arena, entry->d_name), manifest};
	}
	if (dir)
		(void)closedir(dir);
	*ret = kept;
	*ret_count = count;
	return 0;
}

const char *store_kept_by(const struct store_kept *kept, size_t count, const char *hex)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(digest_hex(&kept[i].manifest), hex))
			return kept[i].sandbox;
	return NULL;
}
