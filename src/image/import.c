/* A root filesystem as an image of one layer. The stream is unpacked while it goes into the store: as it came, where registries take that kind of compression (gzip,
 * zstd); else as zstd, level 3, which costs less time than writing the difference to disk would.
 */
#include "image/archive_file.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#include "image/digest_hash.h"
#include "image/document_write.h"
#include "image/load_parts.h"
#include "image/transfer.h"
#include "util/fd.h"

enum { PIECE = 1 << 17, MAGIC = 6, ZSTD_LEVEL = 3, CLAIMS_MAX = 4 /* the tree, the blob, the configuration, the manifest */ };

struct import {
	const struct store *store;
	const struct progress *progress;
	struct error *err;
	int in;
	char *first;         /* what was read to see what it is */
	size_t first_size;
	bool first_given;
	struct store_blob blob;
	int pipe;            /* to who unpacks; -1: gone, and finish knows why */
	ZSTD_CCtx *zstd;     /* NULL: the bytes go into the blob as they are */
	char *packed;
	size_t packed_room;
	uint64_t done;
	int claims[CLAIMS_MAX]; /* on what was made, until the name is written */
	size_t claim_count;
};

/* Before it gets its place in the store: as what nobody refers to, a `system prune` beside us may take it at once. */
static int claim(struct import *import, const struct digest *digest)
{
	int r = store_claim(import->store, &digest, 1, &import->claims[import->claim_count], import->err);

	import->claim_count += r == 0;
	return r;
}

static int put_blob(struct import *import, const struct buf *text, struct digest *ret)
{
	int r;

	digest_of(text->text, text->size, ret);
	r = claim(import, ret);
	return r < 0 ? r : store_put_blob(import->store, text->text, text->size, ret, import->err);
}

static int read_piece(struct import *import, char *piece, size_t room)
{
	ssize_t got;

	do
		got = read(import->in, piece, room);
	while (got < 0 && errno == EINTR);
	return got < 0 ? error_set(import->err, errno, "cannot read the root filesystem's archive") : (int)got;
}

static int compress(struct import *import, const void *data, size_t size, ZSTD_EndDirective end)
{
	ZSTD_inBuffer in = {data, size, 0};
	size_t left;

	do {
		ZSTD_outBuffer out = {import->packed, import->packed_room, 0};
		int r;

		left = ZSTD_compressStream2(import->zstd, &out, &in, end);
		if (ZSTD_isError(left)) {
			(void)error_set(import->err, EIO, "cannot compress the layer");
			return error_cause(import->err, "%s", ZSTD_getErrorName(left));
		}
		r = out.pos ? store_blob_add(&import->blob, import->packed, out.pos, import->err) : 0;
		if (r < 0)
			return r;
	} while (end == ZSTD_e_end ? left > 0 : in.pos < in.size);
	return 0;
}

/* One piece of the stream: to who unpacks, and into the blob. */
static int take(struct import *import, const void *data, size_t size)
{
	if (fd_write_all(import->pipe, data, size) < 0) {
		import->pipe = fd_close(import->pipe);
		return -EPIPE; /* the unpacker has ended, and says itself why */
	}
	import->done += size;
	progress_report(import->progress, "root filesystem", PROGRESS_READING, import->done, 0);
	return import->zstd ? compress(import, data, size, ZSTD_e_continue) : store_blob_add(&import->blob, data, size, import->err);
}

static int copy_as_is(struct import *import)
{
	cleanup_free char *piece = mem_alloc(PIECE);
	int r = take(import, import->first, import->first_size);

	while (r == 0) {
		int got = read_piece(import, piece, PIECE);

		if (got <= 0)
			return got;
		r = take(import, piece, (size_t)got);
	}
	return r;
}

/* libarchive asks for the next piece; the first one was read before. */
static la_ssize_t give_piece(struct archive *archive, void *context, const void **ret)
{
	struct import *import = context;
	int got;

	(void)archive;
	*ret = import->first;
	if (!import->first_given) {
		import->first_given = true;
		return (la_ssize_t)import->first_size;
	}
	got = read_piece(import, import->first, PIECE);
	return got < 0 ? ARCHIVE_FATAL : got;
}

static int archive_failed(const struct import *import, struct archive *archive)
{
	const char *why = archive_error_string(archive);

	if (import->err->code)
		return -import->err->code; /* reading failed, and said so */
	(void)error_set(import->err, EINVAL, "cannot read the root filesystem's archive");
	return error_cause(import->err, "%s", why ? why : "its compression is unknown");
}

static int copy_decompressed(struct import *import, struct archive *archive)
{
	struct archive_entry *entry;
	const void *data;
	size_t size;
	la_int64_t offset;
	int r;

	load_allow_filters(archive);
	if (archive_read_support_format_raw(archive) != ARCHIVE_OK || archive_read_open(archive, import, NULL, give_piece, NULL) != ARCHIVE_OK ||
	    archive_read_next_header(archive, &entry) != ARCHIVE_OK)
		return archive_failed(import, archive);
	do {
		r = archive_read_data_block(archive, &data, &size, &offset);
		if (r == ARCHIVE_EOF)
			return 0;
		if (r != ARCHIVE_OK)
			return archive_failed(import, archive);
		r = take(import, data, size);
	} while (r == 0);
	return r;
}

enum kind { KIND_GZIP, KIND_ZSTD, KIND_TAR, KIND_OTHER };

/* ustar's and GNU's magic stands at 257. An archive without either is an old one, or none: libarchive will tell. */
static enum kind look(const char *text, size_t size)
{
	if (size >= MAGIC && !memcmp(text, "\x1f\x8b", 2))
		return KIND_GZIP;
	if (size >= MAGIC && !memcmp(text, "\x28\xb5\x2f\xfd", 4))
		return KIND_ZSTD;
	return size >= 512 && !memcmp(text + 257, "ustar", 5) ? KIND_TAR : KIND_OTHER;
}

static int read_first(struct import *import)
{
	while (import->first_size < 1024) {
		int got = read_piece(import, import->first + import->first_size, PIECE - import->first_size);

		if (got < 0)
			return got;
		if (got == 0)
			break;
		import->first_size += (size_t)got;
	}
	if (import->first_size)
		return 0;
	(void)error_set(import->err, EINVAL, "cannot import the root filesystem");
	return error_cause(import->err, "the archive is empty");
}

static int copy_stream(struct import *import, const char **ret_type)
{
	enum kind kind = look(import->first, import->first_size);
	int r;

	*ret_type = kind == KIND_GZIP ? MEDIA_OCI_LAYER_GZIP : MEDIA_OCI_LAYER_ZSTD;
	if (kind == KIND_GZIP || kind == KIND_ZSTD)
		return copy_as_is(import);
	import->zstd = ZSTD_createCCtx();
	import->packed_room = ZSTD_CStreamOutSize();
	import->packed = mem_alloc(import->packed_room);
	if (!import->zstd || ZSTD_isError(ZSTD_CCtx_setParameter(import->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL)))
		return error_set(import->err, ENOMEM, "cannot compress the layer");
	if (kind == KIND_TAR) {
		r = copy_as_is(import);
	} else {
		struct archive *archive = archive_read_new();

		r = copy_decompressed(import, archive);
		(void)archive_read_free(archive); /* nothing is written by it */
	}
	return r < 0 ? r : compress(import, NULL, 0, ZSTD_e_end);
}

/* Feed who unpacks and the blob at once; *ret has the diff id. */
static int unpack_stream_into(struct import *import, const struct import_spec *import_spec, const struct unpack_host *unpack, const char **ret_type, struct unpack_result *ret)
{
	const struct unpack_spec spec = {.owner = unpack->owner, .whiteouts = false};
	struct store_layer layer;
	int ends[2], job, r = store_layer_begin(import->store, &layer, import->err);

	if (r < 0)
		return r;
	if (pipe2(ends, O_CLOEXEC) < 0)
		job = error_set(import->err, errno, "cannot make a pipe");
	else
		job = unpack->begin(unpack->context, ends[0], layer.name, &spec, import->err);
	if (job < 0) {
		store_layer_abandon(&layer);
		return job;
	}
	(void)fd_close(ends[0]);
	import->pipe = ends[1];
	r = copy_stream(import, ret_type);
	import->pipe = fd_close(import->pipe);
	/* Who gave up first is the one with the reason: its end is what the other saw. */
	struct error why = {0};
	int finished = unpack->finish(unpack->context, job, ret, &why);
	if (finished < 0 && (r == 0 || r == -EPIPE)) {
		*import->err = why;
		r = finished;
	} else if (r == -EPIPE) {
		r = error_set(import->err, EPIPE, "cannot unpack the root filesystem");
	}
	if (r == 0 && import_spec->check && import_spec->check(import_spec->check_context, &why) < 0) {
		*import->err = why;
		r = -why.code;
	}
	if (r == 0)
		r = claim(import, &ret->diff_id);
	if (r == 0)
		r = store_layer_commit(&layer, &ret->diff_id, unpack->owner, import->err);
	store_layer_abandon(&layer);
	return r;
}

static int write_documents(struct import *import, struct arena *arena, const struct import_spec *spec, const char *media_type, const struct digest *layer,
    const struct digest *diff_id, struct digest *ret_manifest)
{
	struct image config = spec->config ? *spec->config : (struct image){0};
	cleanup_buf struct buf text = {0}, manifest = {0};
	struct descriptor config_descriptor = {.media_type = MEDIA_OCI_CONFIG};
	struct descriptor layer_descriptor = {.media_type = media_type, .digest = *layer, .size = import->blob.size};
	time_t now = time(NULL);
	char created[32];
	struct tm tm;
	int r;

	(void)strftime(created, sizeof(created), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	if (!config.platform.os)
		config.platform = platform_host();
	config.created = created;
	config.layers = arena_alloc(arena, sizeof(*diff_id));
	config.layers[0] = *diff_id;
	config.layer_count = 1;
	document_write_config(&config, "carrel import", spec->message, &text);
	config_descriptor.size = text.size;
	r = put_blob(import, &text, &config_descriptor.digest);
	if (r < 0)
		return r;
	document_write_manifest(&config_descriptor, &layer_descriptor, 1, &manifest);
	return put_blob(import, &manifest, ret_manifest);
}

static int import_all(struct import *import, struct arena *arena, const struct import_spec *spec, const struct unpack_host *unpack, struct image *ret)
{
	struct unpack_result result;
	struct digest layer, manifest;
	const char *media_type;
	int r = read_first(import);

	if (r == 0)
		r = store_blob_begin(import->store, &import->blob, import->err);
	if (r < 0)
		return r;
	r = unpack_stream_into(import, spec, unpack, &media_type, &result);
	if (r == 0) {
		digest_hash_value(import->blob.hash, &layer);
		r = claim(import, &layer);
	}
	if (r == 0)
		r = store_blob_commit(&import->blob, &layer, import->blob.size, &layer, import->err);
	if (r == 0)
		r = write_documents(import, arena, spec, media_type, &layer, &result.diff_id, &manifest);
	store_blob_abandon(&import->blob);
	if (r == 0)
		r = install_image(import->store, arena, &manifest, unpack, NULL, ret, import->err);
	if (r == 0 && spec->name) {
		struct reference reference;

		r = reference_parse(arena, spec->name, &reference, import->err);
		if (r == 0)
			r = store_tag(import->store, &reference, &manifest, import->err);
	}
	return r;
}

int import_stream(const struct store *store, struct arena *arena, int in, const struct import_spec *spec, const struct unpack_host *unpack, const struct progress *progress,
    struct image *ret, struct error *err)
{
	struct error own = {0};
	struct import import = {.store = store, .progress = progress, .err = err ? err : &own, .in = in, .pipe = -1};
	int r;

	import.first = mem_alloc(PIECE);
	r = import_all(&import, arena, spec, unpack, ret);
	while (import.claim_count > 0)
		(void)fd_close(import.claims[--import.claim_count]);
	if (import.zstd)
		(void)ZSTD_freeCCtx(import.zstd);
	free(import.packed);
	free(import.first);
	return r;
}
