#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "image/store.h"
#include "image/store_parts.h"
#include "util/fd.h"

enum { RECORD_PATH = 8 + DIGEST_HEX };

static void record_path(const struct digest *manifest, char path[RECORD_PATH])
{
	(void)snprintf(path, RECORD_PATH, "images/%s", digest_hex(manifest));
}

int store_hold_image(const struct store *store, const struct digest *manifest, int *ret_fd)
{
	char path[RECORD_PATH];

	record_path(manifest, path);
	for (;;) {
		cleanup_close int fd = store_look(store, path, O_RDONLY | O_NONBLOCK);

		if (fd < 0)
			return fd;
		/* Who removes holds it only while renaming it away. */
		if (flock(fd, LOCK_SH) < 0) {
			if (errno != EINTR)
				return -errno;
			continue;
		}
		if (!store_is_at(store, path, fd))
			continue;
		*ret_fd = take_fd(fd);
		return 0;
	}
}

int store_read_record(struct arena *arena, int fd, const struct digest *manifest, struct image *ret, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t size = 0;
	struct image image = {0};
	int r = store_slurp(fd, IMAGE_RECORD_MAX, &text, &size);

	if (r < 0)
		return error_set(err, -r, "cannot read the record of the image %s", manifest->text);
	r = image_record_parse(arena, text, size, &image, err);
	if (r < 0)
		return r;
	if (!digest_equal(&image.manifest, manifest)) {
		(void)error_set(err, EBADMSG, "cannot use the record of the image %s", manifest->text);
		return error_cause(err, "it is another image's");
	}
	*ret = image;
	return 0;
}

int store_image(const struct store *store, struct arena *arena, const struct digest *manifest, struct image *ret, struct error *err)
{
	char path[RECORD_PATH];
	cleanup_close int fd = -1;

	record_path(manifest, path);
	fd = store_look(store, path, O_RDONLY | O_NONBLOCK);
	if (fd < 0) {
		(void)error_set(err, -fd, "cannot open the record of the image %s", manifest->text);
		return fd == -ENOENT ? error_cause(err, "it is not in the store '%s'", store->path ? store->path : "") : fd;
	}
	return store_read_record(arena, fd, manifest, ret, err);
}

int store_images(const struct store *store, struct arena *arena, struct image **ret, size_t *ret_count, struct error *err)
{
	DIR *dir = store_list(store, "images");
	struct image *images = NULL;
	struct dirent *entry;
	size_t count = 0;

	if (!dir && errno != ENOENT)
		return error_set(err, errno, "cannot list the images in the store '%s'", store->path);
	while (dir && (entry = readdir(dir))) {
		struct digest manifest = {0};

		if (strlen(entry->d_name) != DIGEST_HEX)
			continue;
		(void)snprintf(manifest.text, sizeof(manifest.text), "sha256:%s", entry->d_name);
		cleanup_close int fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		images = arena_grow(arena, images, count, sizeof(*images));
		if (fd >= 0 && store_read_record(arena, fd, &manifest, &images[count], NULL) == 0)
			count++;
	}
	if (dir)
		(void)closedir(dir);
	*ret = images;
	*ret_count = count;
	return 0;
}

/* A record does not change while a sandbox holds a lock on it: who removes looks for that lock under the final name. So an equal one stays, and another (an older
 * carrel's, or what a power cut left) is replaced only when nobody holds it. */
static int replace(const struct store *store, const char *path, const struct buf *text)
{
	cleanup_close int old = store_open_in(store, path, O_RDWR | O_NONBLOCK);
	cleanup_free char *had = NULL;
	size_t size = 0;

	if (old < 0)
		return old == -ENOENT ? -EAGAIN : old;
	if (store_slurp(old, IMAGE_RECORD_MAX, &had, &size) == 0 && size == text->size && !memcmp(had, text->text, size))
		return 0;
	if (flock(old, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? 0 : -errno;
	return store_is_at(store, path, old) ? store_write(store, path, text->text, text->size, false) : -EAGAIN;
}

int store_put_image(const struct store *store, const struct image *image, struct error *err)
{
	cleanup_buf struct buf text = {0};
	char path[RECORD_PATH];
	int r;

	record_path(&image->manifest, path);
	image_record_format(image, &text);
	do {
		r = store_write(store, path, text.text, text.size, true);
		if (r == -EEXIST)
			r = replace(store, path, &text);
	} while (r == -EAGAIN);
	return r < 0 ? error_set(err, -r, "cannot write the record of the image %s", image->manifest.text) : 0;
}
