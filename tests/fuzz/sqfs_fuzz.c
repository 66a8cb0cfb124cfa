/* The ends of a squashfs file: its superblock, and the trailer and record that say of which image it is. */
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "image/sqfs.h"
#include "util/fd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct arena arena = {0};
	struct error err = {0};
	struct sqfs sqfs;

	if (fd < 0)
		fd = memfd_create("sqfs", MFD_CLOEXEC);
	if (ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size) {
		int r = sqfs_read(fd, "file", &arena, &sqfs, &err);

		if ((r < 0) != (err.code != 0))
			__builtin_trap();
		if (r == 0 && (sqfs.bytes_used > size || (sqfs.has_record && !sqfs.identity[0])))
			__builtin_trap();
	}
	arena_done(&arena);
	return 0;
}
