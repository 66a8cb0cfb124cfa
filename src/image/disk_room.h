/* Room on the filesystem that a layer is unpacked into, or a blob written: one that never ends (a decompression bomb, a registry's stream, or a disk that is too small) stops before
 * the last byte and the last inode are gone, which others on the machine may need.
 *
 * The bound is the filesystem's own word (statvfs(3)) again and again, not a sum that was allowed in advance: so it is right where the filesystem compresses, where
 * several layers come at once, and where others write meanwhile. What stays free is a sixteenth of what was free when it was begun, at most 256 MiB and 16,384 inodes: so
 * a small layer still goes onto a disk that is nearly full. No bound where the filesystem says no number (btrfs has no count of inodes, and of some network
 * filesystems nothing is known) or nothing is free already: then its own ENOSPC is the end.
 */
#ifndef CARREL_IMAGE_DISK_ROOM_H
#define CARREL_IMAGE_DISK_ROOM_H

#include <stdint.h>
#include <sys/statvfs.h>

#include "util/error.h"

struct disk_room {
	int fd;                                 /* in the filesystem; not owned */
	uint64_t bytes_reserve, inodes_reserve; /* what stays free; 0: no bound */
	uint64_t bytes, inodes;                 /* that may be taken until we look again */
};

enum disk_room_verdict { DISK_ROOM_ENOUGH, DISK_ROOM_NO_BYTES, DISK_ROOM_NO_INODES };

/* When it is begun. */
void disk_room_begin(struct disk_room *room, int fd);
enum { DISK_ROOM_CAUSE = 96 };
/* Before that much is written. 0, or -ENOSPC with the cause in words. */
int disk_room_take(struct disk_room *room, uint64_t bytes, uint64_t inodes, char ret_cause[DISK_ROOM_CAUSE]) MUST_CHECK;

/* The two steps without a filesystem: what stays free, and how much may be taken on top of this until the next look. */
void disk_room_reserve(struct disk_room *room, const struct statvfs *at_begin);
enum disk_room_verdict disk_room_judge(struct disk_room *room, const struct statvfs *now, uint64_t bytes, uint64_t inodes) MUST_CHECK;

#endif
