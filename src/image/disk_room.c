#include "image/unpack_room.h"

enum {
	RESERVE_PART = 16,
	RESERVE_BYTES = 256 << 20,
	RESERVE_INODES = 16 << 10,
	/* Between two looks at most that much, and at most that part of the room: several layers come at once, and each takes its part. */
	LOOK_BYTES = 16 << 20,
	LOOK_INODES = 256,
	LOOK_PART = 8,
};

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Blocks times their size, or as much as a number holds: some network filesystems claim to have no end. */
static uint64_t bytes_free(const struct statvfs *st)
{
	uint64_t bytes;

	return __builtin_mul_overflow((uint64_t)st->f_bavail, (uint64_t)st->f_frsize, &bytes) ? UINT64_MAX : bytes;
}

void unpack_room_reserve(struct unpack_room *room, const struct statvfs *at_begin)
{
	room->bytes_reserve = at_begin->f_blocks ? least(bytes_free(at_begin) / RESERVE_PART, RESERVE_BYTES) : 0;
	room->inodes_reserve = at_begin->f_files ? least(at_begin->f_favail / RESERVE_PART, RESERVE_INODES) : 0;
	room->bytes = room->inodes = 0;
}

enum unpack_room_verdict unpack_room_judge(struct unpack_room *room, const struct statvfs *now, uint64_t bytes, uint64_t inodes)
{
	uint64_t free = bytes_free(now), taken_bytes = room->bytes_reserve + bytes, taken_inodes = room->inodes_reserve + inodes;

	if (room->bytes_reserve && free < taken_bytes)
		return UNPACK_ROOM_NO_BYTES;
	if (room->inodes_reserve && now->f_favail < taken_inodes)
		return UNPACK_ROOM_NO_INODES;
	room->bytes = room->bytes_reserve ? least((free - taken_bytes) / LOOK_PART, LOOK_BYTES) : UINT64_MAX;
	room->inodes = room->inodes_reserve ? least((now->f_favail - taken_inodes) / LOOK_PART, LOOK_INODES) : UINT64_MAX;
	return UNPACK_ROOM_ENOUGH;
}

void unpack_room_begin(struct unpack_room *room, int fd)
{
	struct statvfs st;

	*room = (struct unpack_room){.fd = fd};
	if (fstatvfs(fd, &st) == 0)
		unpack_room_reserve(room, &st);
}

enum unpack_room_verdict unpack_room_take(struct unpack_room *room, uint64_t bytes, uint64_t inodes)
{
	struct statvfs st;

	if (bytes <= room->bytes && inodes <= room->inodes) {
		room->bytes -= bytes;
		room->inodes -= inodes;
		return UNPACK_ROOM_ENOUGH;
	}
	if ((!room->bytes_reserve && !room->inodes_reserve) || fstatvfs(room->fd, &st) < 0)
		return UNPACK_ROOM_ENOUGH; /* then writing tells */
	return unpack_room_judge(room, &st, bytes, inodes);
}
