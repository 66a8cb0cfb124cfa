#include "image/sqfs.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRAILER_MAGIC "CARRELSQ"

enum {
	SUPERBLOCK_MAGIC = 0x73717368, /* "hsqs" */
	SUPERBLOCK_SIZE = 96,
	TRAILER_VERSION = 1,
	TAIL_SIZE = 16384, /* read at once: the trailer and, nearly always, the record */
};

struct trailer {
	char magic[8];
	uint32_t version, record_size;
	uint64_t record_at, bytes_used;
};
_Static_assert(sizeof(struct trailer) == 32, "the trailer is written as it is");

bool sqfs_is_path(const char *word)
{
	static const char *const endings[] = {".sqfs", ".sqsh", ".squashfs"};
	size_t size = strlen(word);

	if (word[0] == '/' || !strncmp(word, "./", 2) || !strncmp(word, "../", 3))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		size_t ending = strlen(endings[i]);

		if (size > ending && !strcmp(word + size - ending, endings[i]))
			return true;
	}
	return false;
}

/* --- reading ------------------------------------------------------------------------------------------------------------------------------- */

static int refuse(const char *name, int errnum, const char *cause, struct error *err)
{
	(void)error_set(err, errnum, "cannot use '%s' as an image", name);
	return error_cause(err, "%s", cause);
}

static int read_at(int fd, void *data, size_t size, uint64_t at)
{
	size_t done = 0;

	while (done < size) {
		ssize_t part = pread(fd, (char *)data + done, size - done, (off_t)(at + done));

		if (part < 0 && errno == EINTR)
			continue;
		if (part <= 0)
			return part < 0 ? -errno : -EBADMSG;
		done += (size_t)part;
	}
	return 0;
}

static uint32_t get32(const unsigned char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return le32toh(value);
}

static uint64_t get64(const unsigned char *at)
{
	return get32(at) | (uint64_t)get32(at + 4) << 32;
}

static bool lies_in(uint64_t at, uint64_t bytes_used)
{
	return at >= SUPERBLOCK_SIZE && at < bytes_used;
}

/* The superblock of squashfs 4.0 (Documentation/filesystems/squashfs.rst; fs/squashfs/squashfs_fs.h). */
static int read_superblock(int fd, const char *name, uint64_t size, struct sqfs *ret, struct error *err)
{
	unsigned char block[SUPERBLOCK_SIZE];
	int r = size < sizeof(block) ? -EINVAL : read_at(fd, block, sizeof(block), 0);

	if (r < 0 && r != -EINVAL)
		return error_set(err, -r, "cannot read '%s'", name);
	if (r < 0 || get32(block) != SUPERBLOCK_MAGIC)
		return refuse(name, EINVAL, "it is no squashfs file", err);
	uint32_t block_size = get32(block + 12), version = get32(block + 28), log = get32(block + 20) >> 16;
	ret->bytes_used = get64(block + 40);
	if (version != 4) /* major, then minor, 16 bits each */
		return refuse(name, EINVAL, "its squashfs is of a version other than 4.0", err);
	if (log < 12 || log > 20 || block_size != 1u << log || !lies_in(get64(block + 64), ret->bytes_used) || !lies_in(get64(block + 72), ret->bytes_used))
		return refuse(name, EBADMSG, "its superblock makes no sense", err);
	if (ret->bytes_used > size) {
		(void)refuse(name, EBADMSG, "it is cut short", err);
		(void)error_cause(err, "it is cut short: %" PRIu64 " bytes of %" PRIu64, size, ret->bytes_used);
		return error_hint(err, "copy or make it anew");
	}
	(void)snprintf(ret->identity, sizeof(ret->identity), "sqfs:%" PRIu32 "-%" PRIu64 "-%" PRIu32, get32(block + 8), ret->bytes_used, get32(block + 4));
	return 0;
}

static int read_record(int fd, const char *name, uint64_t size, const struct trailer *trailer, const char *tail, size_t tail_size, struct arena *arena, struct sqfs *ret, struct error *err)
{
	uint64_t at = le64toh(trailer->record_at), end = size - sizeof(*trailer);
	uint32_t record_size = le32toh(trailer->record_size);
	int r;

	if (le32toh(trailer->version) != TRAILER_VERSION) {
		(void)refuse(name, EBADMSG, "it was packed by a carrel of another kind", err);
		return error_hint(err, "a newer version of carrel may know it");
	}
	if (record_size == 0 || record_size > IMAGE_RECORD_MAX || record_size > end || at != end - record_size || at < ret->bytes_used || le64toh(trailer->bytes_used) != ret->bytes_used)
		return refuse(name, EBADMSG, "what it says of itself at its end does not fit", err);
	char *text = arena_alloc(arena, record_size + 1);
	if (record_size <= tail_size - sizeof(*trailer)) {
		memcpy(text, tail + tail_size - sizeof(*trailer) - record_size, record_size);
	} else {
		r = read_at(fd, text, record_size, at);
		if (r < 0)
			return error_set(err, -r, "cannot read '%s'", name);
	}
	r = image_record_parse(arena, text, record_size, &ret->image, err);
	if (r < 0)
		return error_prefix(err, "cannot use '%s' as an image", name);
	ret->has_record = true;
	return 0;
}

int sqfs_read(int fd, const char *name, struct arena *arena, struct sqfs *ret, struct error *err)
{
	struct sqfs sqfs = {.image.platform = platform_host()};
	struct trailer trailer;
	char tail[TAIL_SIZE];
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return error_set(err, errno, "cannot read '%s'", name);
	if (!S_ISREG(st.st_mode))
		return refuse(name, EINVAL, "it is no regular file", err);
	uint64_t size = (uint64_t)st.st_size;
	size_t tail_size = size < sizeof(tail) ? (size_t)size : sizeof(tail);
	r = read_superblock(fd, name, size, &sqfs, err);
	if (r < 0)
		return r;
	r = read_at(fd, tail, tail_size, size - tail_size);
	if (r < 0)
		return error_set(err, -r, "cannot read '%s'", name);
	memcpy(&trailer, tail + tail_size - sizeof(trailer), sizeof(trailer));
	if (size - sqfs.bytes_used >= sizeof(trailer) && !memcmp(trailer.magic, TRAILER_MAGIC, sizeof(trailer.magic)))
		r = read_record(fd, name, size, &trailer, tail, tail_size, arena, &sqfs, err);
	if (r == 0)
		*ret = sqfs;
	return r;
}

void sqfs_format_end(const struct image *image, uint64_t size, uint64_t bytes_used, struct buf *out)
{
	struct trailer trailer = {.magic = TRAILER_MAGIC, .version = htole32(TRAILER_VERSION), .record_at = htole64(size), .bytes_used = htole64(bytes_used)};
	size_t before = out->size;

	image_record_format(image, out);
	trailer.record_size = htole32((uint32_t)(out->size - before));
	buf_add(out, &trailer, sizeof(trailer));
}
