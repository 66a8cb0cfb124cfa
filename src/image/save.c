/* Each blob is written once, however many images have it. What comes first are the small files that say what there is, so that who reads a stream
 * knows what to expect. Times and owners are zero: the same images give the same bytes. */
#include "image/archive_file.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "image/layout.h"
#include "util/fd.h"

enum { PIECE = 1 << 16, WORTH_TELLING = 1 << 18 };

struct save {
	const struct store *store;
	struct archive *archive;
	struct arena arena;
	struct layout_image *images;
	size_t count;
	const char **written; /* hexadecimal names of blobs */
	size_t written_count;
	const struct progress *progress;
	struct error *err;
};

static int archive_failed(struct save *save)
{
	const char *why = archive_error_string(save->archive);
	int errnum = archive_errno(save->archive);

	if (errnum > 0) /* of the write: "Write error" says less */
		return error_set(save->err, errnum, "cannot write the archive");
	(void)error_set(save->err, EIO, "cannot write the archive");
	return error_cause(save->err, "%s", why ? why : "for no reason that libarchive knows");
}

static int put_header(struct save *save, const char *path, uint64_t size)
{
	struct archive_entry *entry = archive_entry_new();
	int r;

	archive_entry_set_pathname(entry, path);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_size(entry, (int64_t)size);
	archive_entry_set_mtime(entry, 0, 0);
	r = archive_write_header(save->archive, entry) == ARCHIVE_OK ? 0 : archive_failed(save);
	archive_entry_free(entry);
	return r;
}

/* containers-image, as an ordinary user, cannot make the folders that an archive does not name (it gives them to root). */
static int put_folder(struct save *save, const char *path)
{
	struct archive_entry *entry = archive_entry_new();
	int r;

	archive_entry_set_pathname(entry, path);
	archive_entry_set_filetype(entry, AE_IFDIR);
	archive_entry_set_perm(entry, 0755);
	archive_entry_set_mtime(entry, 0, 0);
	r = archive_write_header(save->archive, entry) == ARCHIVE_OK ? 0 : archive_failed(save);
	archive_entry_free(entry);
	return r;
}

static int put_data(struct save *save, const void *data, size_t size)
{
	return archive_write_data(save->archive, data, size) == (la_ssize_t)size ? 0 : archive_failed(save);
}

static int put_text(struct save *save, const char *path, const char *text, size_t size)
{
	int r = put_header(save, path, size);

	return r < 0 ? r : put_data(save, text, size);
}

static bool was_written(const struct save *save, const char *hex)
{
	for (size_t i = 0; i < save->written_count; i++)
		if (!strcmp(save->written[i], hex))
			return true;
	return false;
}

static int missing_blob(struct save *save, const struct digest *digest, int errnum)
{
	(void)error_set(save->err, errnum, "cannot read the blob %s", digest->text);
	if (errnum == ENOENT)
		(void)error_cause(save->err, "the store has it no more");
	return error_hint(save->err, "fetch the image again: carrel pull");
}

static int copy_blob(struct save *save, int fd, const struct descriptor *blob)
{
	cleanup_free char *piece = mem_alloc(PIECE);
	uint64_t done = 0;
	int r = 0;

	while (r == 0 && done < blob->size) {
		ssize_t got = read(fd, piece, PIECE);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return missing_blob(save, &blob->digest, got < 0 ? errno : EIO);
		r = put_data(save, piece, (size_t)got);
		done += (uint64_t)got;
		if (blob->size >= WORTH_TELLING)
			progress_report(save->progress, blob->digest.text, PROGRESS_WRITING, done, blob->size);
	}
	return r;
}

static int put_blob(struct save *save, const struct descriptor *blob)
{
	const char *hex = digest_hex(&blob->digest);
	cleanup_close int fd = -1;
	int r;

	if (was_written(save, hex))
		return 0;
	save->written = arena_grow(&save->arena, save->written, save->written_count, sizeof(*save->written));
	save->written[save->written_count++] = hex;
	fd = store_open_blob(save->store, &blob->digest, blob->size);
	if (fd < 0)
		return missing_blob(save, &blob->digest, -fd);
	r = put_header(save, arena_printf(&save->arena, "blobs/sha256/%s", hex), blob->size);
	return r < 0 ? r : copy_blob(save, fd, blob);
}

static int read_image(struct save *save, const struct save_item *item, struct layout_image *ret)
{
	cleanup_free char *text = NULL;
	struct manifest manifest;
	size_t size;
	int r = store_read_blob(save->store, &item->manifest, MANIFEST_SIZE_MAX, &text, &size, save->err);

	if (r == 0)
		r = manifest_parse(&save->arena, NULL, text, size, &manifest, save->err);
	if (r < 0)
		return r;
	*ret = (struct layout_image){
		.name = item->name, .manifest = {.media_type = manifest.media_type, .digest = item->manifest, .size = size},
		.config = manifest.config, .layers = manifest.items, .layer_count = manifest.item_count,
	};
	return 0;
}

static int put_texts(struct save *save, enum archive_format format)
{
	cleanup_buf struct buf index = {0}, docker = {0};
	int r = put_text(save, "oci-layout", LAYOUT_MARKER, strlen(LAYOUT_MARKER));

	layout_format_index(save->images, save->count, &index);
	if (r == 0)
		r = put_text(save, "index.json", index.text, index.size);
	if (r == 0 && format == ARCHIVE_DOCKER)
		r = layout_format_docker(save->images, save->count, &docker, save->err);
	if (r == 0 && format == ARCHIVE_DOCKER)
		r = put_text(save, "manifest.json", docker.text, docker.size);
	return r;
}

static int put_all(struct save *save, enum archive_format format)
{
	int r = put_texts(save, format);

	if (r == 0)
		r = put_folder(save, "blobs/");
	if (r == 0)
		r = put_folder(save, "blobs/sha256/");
	for (size_t i = 0; r == 0 && i < save->count; i++) {
		const struct layout_image *image = &save->images[i];

		r = put_blob(save, &image->manifest);
		if (r == 0)
			r = put_blob(save, &image->config);
		for (size_t n = 0; r == 0 && n < image->layer_count; n++)
			r = put_blob(save, &image->layers[n]);
	}
	return r;
}

static int open_archive(struct save *save, int out)
{
	save->archive = archive_write_new();
	if (!save->archive)
		return error_set(save->err, ENOMEM, "cannot write an archive");
	/* Blocks as the receiver likes them: a padded end would only be more to send. */
	if (archive_write_set_format_pax_restricted(save->archive) != ARCHIVE_OK || archive_write_set_bytes_per_block(save->archive, PIECE) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(save->archive, 1) != ARCHIVE_OK || archive_write_open_fd(save->archive, out) != ARCHIVE_OK)
		return archive_failed(save);
	return 0;
}

int save_images(const struct store *store, const struct save_item *items, size_t count, enum archive_format format, int out, const struct progress *progress, struct error *err)
{
	struct save save = {.store = store, .count = count, .progress = progress, .err = err};
	int r = 0;

	save.images = arena_alloc(&save.arena, (count + 1) * sizeof(*save.images));
	for (size_t i = 0; i < count && r == 0; i++)
		r = read_image(&save, &items[i], &save.images[i]);
	if (r == 0)
		r = open_archive(&save, out);
	if (r == 0)
		r = put_all(&save, format);
	if (r == 0 && archive_write_close(save.archive) != ARCHIVE_OK)
		r = archive_failed(&save);
	if (save.archive)
		(void)archive_write_free(save.archive); /* closed above, where all was well */
	arena_done(&save.arena);
	return r;
}
