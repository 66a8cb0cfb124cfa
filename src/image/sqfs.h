/* An environment in one file: a squashfs (format 4.0) and, behind it, what `carrel run` wants to know of its image.
 *
 *	the squashfs, as mksquashfs makes it        `bytes_used` of its superblock, padded to 4096
 *	the record (image_record_format)            at least one line
 *	the trailer                                 32 bytes, the end of the file
 *
 * The trailer, little endian: "CARRELSQ", u32 1 (the version), u32 the record's size, u64 where the record begins, u64 the bytes_used that it was made for. A
 * squashfs tool or kernel passes over all that. A file without a trailer is somebody else's squashfs (enroot's, Apptainer's) and good all the same.
 *
 * Linked by the launcher: no library, two reads. The file comes from anybody: every number is checked against the file's size.
 */
#ifndef CARREL_IMAGE_SQFS_H
#define CARREL_IMAGE_SQFS_H

#include <stdbool.h>
#include <stdint.h>

#include "image/image.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/mem.h"

enum { SQFS_IDENTITY = 80 };

struct sqfs {
	uint64_t bytes_used;
	bool has_record;
	struct image image;           /* in the arena; without a record: for this machine, with nothing said */
	char identity[SQFS_IDENTITY]; /* tells one file from another: "sqfs:TIME-BYTES-INODES" */
};

/* Does the word of a command line mean such a file: "/…", "./…", "../…", or a name that ends in .sqfs, .sqsh or .squashfs? Pure. */
bool sqfs_is_path(const char *word);

/* `fd` is open for reading, `name` for messages. -EINVAL: no squashfs of a kind that we know; -EBADMSG: cut short, or its trailer or record lies. */
int sqfs_read(int fd, const char *name, struct arena *arena, struct sqfs *ret, struct error *err) MUST_CHECK;

/* What is to be written at `size`, the end of the file that mksquashfs made, whose superblock says `bytes_used`. */
void sqfs_format_end(const struct image *image, uint64_t size, uint64_t bytes_used, struct buf *out);

#endif
