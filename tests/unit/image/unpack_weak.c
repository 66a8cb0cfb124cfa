#include "unit/image/unpack_weak.h"

#include <errno.h>
#include <fcntl.h>

#include "util/path.h"

bool unpack_weak;

static int open_weakly(int root, const char *path, int flags)
{
	int fd = unpack_weak ? openat(root, path[0] ? path : ".", flags) : path_open_in(root, path, flags);

	return unpack_weak && fd < 0 ? -errno : fd;
}

#define path_open_in open_weakly
#include "image/unpack_dirs.c"
