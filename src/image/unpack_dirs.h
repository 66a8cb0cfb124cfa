/* The directories that are being filled, held open: most entries of an archive go where the one before went.
 *
 * What is made in a directory changes its time, and a mode without w or x for its owner would stop us (where the filesystem does not know of our capabilities, as NFS). Both
 * are put right when a directory is let go: its time is what it had when it was opened, or what the archive said since. So no list of directories is kept, and an archive of any
 * order and length takes the same memory.
 *
 * One directory has one slot, whatever name it was reached by (through symlinks there are several).
 */
#ifndef CARREL_IMAGE_UNPACK_DIRS_H
#define CARREL_IMAGE_UNPACK_DIRS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "util/error.h"

struct unpack_dir {
	int fd; /* open for reading; -1: the slot is free */
	char path[PATH_MAX];
	size_t length;
	dev_t device;
	ino_t inode;
	gid_t gid;
	mode_t mode;      /* to have in the end */
	mode_t mode_now;
	struct timespec mtime;
	bool written;     /* time or mode are to be put right */
	uint64_t used;
};

enum { UNPACK_DIRS = 16 };

struct unpack_dirs {
	struct unpack_dir *slots; /* UNPACK_DIRS; the first is the root, "" */
	uint64_t clock;
	/* Makes a directory that the archive does not have, in `parent`. Gets `context`. 0 or -errno. */
	int (*make)(void *context, struct unpack_dir *parent, const char *base, int *ret_fd);
	void *context;
};

/* All return 0 or -errno. `target` stays the caller's. */
int unpack_dirs_init(struct unpack_dirs *dirs, int target) MUST_CHECK;
/* Open `path` (cleaned; "" is the root), following symlinks inside the root only, and make what is missing. -ENOTDIR: something else is in the way. The slot is good
 * until the second call from now. */
int unpack_dirs_open(struct unpack_dirs *dirs, const char *path, struct unpack_dir **ret) MUST_CHECK;
/* The same for reading: nothing is made. */
int unpack_dirs_find(struct unpack_dirs *dirs, const char *path, struct unpack_dir **ret) MUST_CHECK;
/* Hold a directory that has just been made or found; the descriptor is the slot's from now on, also on failure. */
int unpack_dirs_adopt(struct unpack_dirs *dirs, const char *parent, const char *base, int fd, struct unpack_dir **ret) MUST_CHECK;
/* Let all go but the root: names may lead elsewhere now. The last call, with `root`, lets go of that too. */
int unpack_dirs_flush(struct unpack_dirs *dirs) MUST_CHECK;
int unpack_dirs_finish(struct unpack_dirs *dirs) MUST_CHECK;
/* Close everything, putting nothing right. */
void unpack_dirs_done(struct unpack_dirs *dirs);

#endif
