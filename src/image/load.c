/* Reading an archive of images in one pass, since it may be a stream.
 *
 * What a file is stands in manifest.json or index.json, which may come last. So every large file goes into the store as a blob right away, named by what it is, and
 * remembered under its name in the archive; small ones are kept as text. At the end the index or the manifest says which of them are an image. Blobs that nobody
 * asked for after all, or all of them after a failure, are waste that `system prune` takes. Nothing is named, and no layer trusted, before that.
 */
#include "image/load_parts.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/archive_file.h"
#include "image/digest_hash.h"
#include "util/fd.h"

enum {
	PIECE = 1 << 16,
	TEXT_MAX = 1 << 20,       /* what is larger, and no JSON of the archive itself, is a blob at once */
	WORTH_TELLING = 1 << 18,
	TEXTS_MAX = 24 << 20,     /* of all texts together */
	FILES_MAX = 20000,
};

static int archive_failed(const struct load *load, const char *what)
{
	const char *why = archive_error_string(load->archive);

	(void)error_set(load->err, EINVAL, "%s", what);
	return error_cause(load->err, "%s", why ? why : "it is no archive that this version of libarchive reads");
}

/* "./blobs/sha256/…" is the same as without "./"; nothing here becomes a path of ours, so nothing else needs to be refused. */
static const char *plain_name(const char *name)
{
	while (name && name[0] == '.' && name[1] == '/')
		name += 2;
	return name;
}

/* The largest JSON files have names that say so. */
static bool is_text(const char *name, int64_t size)
{
	if (!strcmp(name, "index.json") || !strcmp(name, "manifest.json"))
		return size <= LAYOUT_TEXT_MAX;
	return size <= TEXT_MAX && strncmp(name, "blobs/", 6) != 0;
}

/* All that is kept in memory of an archive: a name in it can have a megabyte, and there are thousands. */
static int count_text(struct load *load, size_t size)
{
	if (size > TEXTS_MAX || load->text_bytes + size > TEXTS_MAX) {
		(void)error_set(load->err, EFBIG, "cannot load the archive");
		(void)error_cause(load->err, "its names and small files come to more than %d MB: no archive of images", TEXTS_MAX >> 20);
		return error_hint(load->err, "a root filesystem becomes an image by  carrel import");
	}
	load->text_bytes += size;
	return 0;
}

static int read_text(struct load *load, struct load_file *file, size_t size)
{
	size_t done = 0;
	int r = count_text(load, size);

	if (r < 0)
		return r;
	file->text = arena_alloc(load->arena, size + 1);
	while (done < size) {
		la_ssize_t got = archive_read_data(load->archive, file->text + done, size - done);

		if (got < 0)
			return archive_failed(load, "cannot read the archive");
		if (got == 0)
			break;
		done += (size_t)got;
	}
	file->size = done;
	return 0;
}

/* The name of a blob in a layout is its digest, which then must be true. */
static int expected_digest(struct load *load, const char *name, struct digest *ret)
{
	static const char folder[] = "blobs/sha256/";

	*ret = (struct digest){{0}};
	if (strncmp(name, folder, strlen(folder)) != 0)
		return 0;
	return digest_parse(arena_printf(load->arena, "sha256:%s", name + strlen(folder)), ret, load->err);
}

static int read_blob_data(struct load *load, const char *name, struct store_blob *blob, uint64_t total)
{
	cleanup_free char *piece = mem_alloc(PIECE);

	for (;;) {
		la_ssize_t got = archive_read_data(load->archive, piece, PIECE);
		int r;

		if (got < 0)
			return archive_failed(load, "cannot read the archive");
		if (got == 0)
			return 0;
		r = store_blob_add(blob, piece, (size_t)got, load->err);
		if (r < 0)
			return r;
		if (total >= WORTH_TELLING)
			progress_report(load->progress, name, PROGRESS_READING, blob->size, total);
	}
}

/* Until all is named, a `system prune` beside us would take what nothing refers to yet. */
int load_claim(struct load *load, const struct digest *digest)
{
	int claim, r = store_claim(load->store, &digest, 1, &claim, load->err);

	if (r < 0)
		return r;
	load->claims = arena_grow(load->arena, load->claims, load->claim_count, sizeof(*load->claims));
	load->claims[load->claim_count++] = claim;
	return 0;
}

static int read_blob(struct load *load, struct load_file *file, uint64_t total)
{
	struct digest expected;
	struct store_blob blob;
	cleanup_close int there = -1;
	int r = expected_digest(load, file->name, &expected);

	if (r < 0)
		return r;
	file->digest = expected;
	file->size = total;
	if (digest_is_set(&expected)) {
		r = load_claim(load, &expected);
		if (r < 0)
			return r;
		there = store_open_blob(load->store, &expected, total);
		if (there >= 0)
			return 0; /* the reader passes over the data by itself */
	}
	r = store_blob_begin(load->store, &blob, load->err);
	if (r < 0)
		return r;
	r = read_blob_data(load, digest_is_set(&expected) ? expected.text : file->name, &blob, total);
	if (r == 0 && !digest_is_set(&expected)) {
		digest_hash_value(blob.hash, &file->digest);
		r = load_claim(load, &file->digest);
	}
	if (r == 0)
		r = store_blob_commit(&blob, &file->digest, total, &file->digest, load->err);
	store_blob_abandon(&blob);
	return r;
}

static struct load_file *add_file(struct load *load, const char *name)
{
	load->files = arena_grow(load->arena, load->files, load->file_count, sizeof(*load->files));
	load->files[load->file_count] = (struct load_file){.name = arena_strdup(load->arena, name)};
	return &load->files[load->file_count++];
}

static int read_entry(struct load *load, struct archive_entry *entry)
{
	const char *name = plain_name(archive_entry_pathname(entry));
	const char *link = archive_entry_hardlink(entry), *target = link ? link : archive_entry_symlink(entry);
	struct load_file *file;
	int r;

	if (!name || !*name)
		return 0;
	if (load->file_count == FILES_MAX) {
		(void)error_set(load->err, EFBIG, "cannot load the archive");
		(void)error_cause(load->err, "it has more than %d files: no archive of images", FILES_MAX);
		return error_hint(load->err, "a root filesystem becomes an image by  carrel import");
	}
	r = count_text(load, strlen(name) + (target ? strlen(target) : 0));
	if (r < 0)
		return r;
	if (link || archive_entry_filetype(entry) == AE_IFLNK) {
		file = add_file(load, name);
		file->link = arena_strdup(load->arena, link ? plain_name(link) : target ? target : "");
		file->hard = link != NULL;
		return 0;
	}
	if (archive_entry_filetype(entry) != AE_IFREG)
		return 0;
	int64_t size = archive_entry_size(entry);
	if (size < 0)
		return error_set(load->err, EINVAL, "cannot load the archive: '%s' has no size", name);
	file = add_file(load, name);
	return is_text(name, size) ? read_text(load, file, (size_t)size) : read_blob(load, file, (uint64_t)size);
}

static int read_all(struct load *load)
{
	struct archive_entry *entry;
	int r = 0;

	while (r == 0) {
		int got = archive_read_next_header(load->archive, &entry);

		if (got == ARCHIVE_EOF)
			break;
		if (got != ARCHIVE_OK && got != ARCHIVE_WARN)
			return archive_failed(load, "cannot read the archive");
		r = read_entry(load, entry);
		if (r < 0)
			(void)error_prefix(load->err, "in the archive, '%s'", plain_name(archive_entry_pathname(entry)) ? plain_name(archive_entry_pathname(entry)) : "");
	}
	return r;
}

/* Not filter_all: some of its filters are programs that it would start. */
void load_allow_filters(struct archive *archive)
{
	(void)archive_read_support_filter_gzip(archive); /* each may be missing from this libarchive: then the archive is not recognised, and that is said */
	(void)archive_read_support_filter_bzip2(archive);
	(void)archive_read_support_filter_xz(archive);
	(void)archive_read_support_filter_lzma(archive);
	(void)archive_read_support_filter_zstd(archive);
	(void)archive_read_support_filter_lz4(archive);
	(void)archive_read_support_filter_compress(archive);
}

static int open_archive(struct load *load, int in)
{
	load->archive = archive_read_new();
	if (!load->archive)
		return error_set(load->err, ENOMEM, "cannot read an archive");
	load_allow_filters(load->archive);
	if (archive_read_support_format_tar(load->archive) != ARCHIVE_OK || archive_read_open_fd(load->archive, in, PIECE) != ARCHIVE_OK) {
		int r = archive_failed(load, "cannot read the archive");

		(void)error_hint(load->err, "load takes what `carrel save`, docker save, podman save or skopeo wrote; a root filesystem is for  carrel import");
		return r;
	}
	return 0;
}

int load_images(const struct store *store, struct arena *arena, int in, const struct unpack_host *unpack, const struct progress *progress, const char ***ret_names, size_t *ret_count,
    struct error *err)
{
	struct load load = {.store = store, .arena = arena, .unpack = unpack, .progress = progress, .err = err};
	int r = open_archive(&load, in);

	if (r == 0)
		r = read_all(&load);
	if (load.archive)
		(void)archive_read_free(load.archive); /* nothing is written by it */
	if (r == 0)
		r = load_install(&load);
	/* Once for all names; also after a failure, since some may have been given before it. */
	int listed = load.has_named ? store_write_index(store, r < 0 ? NULL : err) : 0;
	r = r < 0 ? r : listed;
	for (size_t i = 0; i < load.claim_count; i++)
		(void)fd_close(load.claims[i]);
	if (r < 0)
		return r;
	*ret_names = load.names;
	*ret_count = load.name_count;
	return 0;
}
