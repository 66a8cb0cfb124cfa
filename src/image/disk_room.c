#include "image/disk_room.h"

#include <errno.h>
#include <stdio.h>

#include "util/units.h"

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

void disk_room_reserve(struct disk_room *room, const struct statvfs *at_begin)
{
	room->bytes_reserve = at_begin->f_blocks ? least(bytes_free(at_begin) / RESERVE_PART, RESERVE_BYTES) : 0;
	room->inodes_reserve = at_begin->f_files ? least(at_begin->f_favail / RESERVE_PART, RESERVE_INODES) : 0;
	room->bytes = room->inodes = 0;
}

enum disk_room_verdict disk_room_judge(struct disk_room *room, const struct statvfs *now, uint64_t bytes, uint64_t inodes)
{
	uint64_t free = bytes_free(now), taken_bytes = room->bytes_reserve + bytes, taken_inodes = room->inodes_reserve + inodes;

	if (room->bytes_reserve && free < taken_bytes)
		return DISK_ROOM_NO_BYTES;
	if (room->inodes_reserve && now->f_favail < taken_inodes)
		return DISK_ROOM_NO_INODES;
	room->bytes = room->bytes_reserve ? least((free - taken_bytes) / LOOK_PART, LOOK_BYTES) : UINT64_MAX;
	room->inodes = room->inodes_reserve ? least((now->f_favail - taken_inodes) / LOOK_PART, LOOK_INODES) : UINT64_MAX;
	return DISK_ROOM_ENOUGH;
}

void disk_room_begin(struct disk_room *room, int fd)
{
	struct statvfs st;

	*room = (struct disk_room){.fd = fd};
	if (fstatvfs(fd, &st) == 0)
		disk_room_reserve(room, &st);
}

static enum disk_room_verdict take(struct disk_room *room, uint64_t bytes, uint64_t inodes)
{
	struct statvfs st;

	if (bytes <= room->bytes && inodes <= room->inodes) {
		room->bytes -= bytes;
		room->inodes -= inodes;
		return DISK_ROOM_ENOUGH;
	}
	if ((!room->bytes_reserve && !room->inodes_reserve) || fstatvfs(room->fd, &st) < 0)
		return DISK_ROOM_ENOUGH; /* then writing tells */
	return disk_room_judge(room, &st, bytes, inodes);
}

int disk_room_take(struct disk_room *room, uint64_t bytes, uint64_t inodes, char ret_cause[DISK_ROOM_CAUSE])
{
	static const char full[] = "No space left on device: the last";
	const char *unit;
	double stay;

	switch (take(room, bytes, inodes)) {
	case DISK_ROOM_ENOUGH:
		return 0;
	case DISK_ROOM_NO_BYTES:
		unit = units_decimal(room->bytes_reserve, &stay);
		(void)snprintf(ret_cause, DISK_ROOM_CAUSE, "%s %.0f %s stay free for others", full, stay, unit);
		break;
	case DISK_ROOM_NO_INODES:
		(void)snprintf(ret_cause, DISK_ROOM_CAUSE, "%s %llu inodes stay free for others", full, (unsigned long long)room->inodes_reserve);
		break;
	}
	return -ENOSPC;
}
