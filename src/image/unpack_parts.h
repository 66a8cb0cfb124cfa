/* What the files unpack_*.c share; nobody else includes it. */
#ifndef CARREL_IMAGE_UNPACK_PARTS_H
#define CARREL_IMAGE_UNPACK_PARTS_H

#include <archive_entry.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "image/disk_room.h"
#include "image/unpack.h"
#include "image/unpack_dirs.h"
#include "util/error.h"

#define WHITEOUT_PREFIX ".wh."
#define WHITEOUT_META ".wh..wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"

/* A cleaned name, cut in two: no "", "." or ".." in it. base "": the root itself. */
struct unpack_name {
	char path[PATH_MAX]; /* the parent, a zero, the base */
	const char *parent, *base;
};

struct unpack_owner {
	int64_t uid, gid; /* as the archive says */
	mode_t mode;      /* 07777 */
};

struct unpack_entry;

struct unpack_tree {
	const struct unpack_spec *spec;
	struct unpack_result *result;
	struct archive *archive;
	struct error refusal; /* code 0: none; where there is one, it says more than the errno */
	const struct unpack_entry *entry; /* that is being put */
	struct unpack_dirs dirs;
	struct disk_room room;
	uid_t uid; /* ours: what new files get */
	gid_t gid;
	bool default_acls; /* somewhere here is one, which new files may inherit */
	bool records;      /* LAYER_SINGLE, and the filesystem keeps them */
};

struct unpack_entry {
	struct archive_entry *entry;
	const char *said; /* the name as the archive has it */
	struct unpack_name name;
	struct unpack_owner owner;
	struct timespec mtime;
	bool attributes; /* there are any */
};

/* unpack_write.c: give up because of this entry; the cause is a sentence. Returns -errnum. */
int unpack_refuse(struct unpack_tree *tree, int errnum, const struct unpack_entry *entry, const char *cause, ...) PRINTF_LIKE(4, 5) MUST_CHECK;

/* The same where the room for it is at its end (disk_room.h): 0 or -ENOSPC. `bytes` are those of data; what an inode takes beside them is counted here. */
int unpack_take_room(struct unpack_tree *tree, const struct unpack_entry *entry, uint64_t bytes, uint64_t inodes) MUST_CHECK;

/* unpack_name.c: 0 or -errno, with a refusal. *ret_skip: the name is of AUFS's own bookkeeping, which nobody wants. `what`: "it", "its link's target". */
int unpack_name_parse(struct unpack_tree *tree, const struct unpack_entry *entry, const char *what, const char *said, struct unpack_name *ret, bool *ret_skip) MUST_CHECK;
/* A long name without its middle, for messages. */
enum { UNPACK_SHORT = 200 };
const char *unpack_name_short(const char *name, char buffer[UNPACK_SHORT]);

/* unpack_entry.c: one of each kind. */
int unpack_put(struct unpack_tree *tree, struct unpack_entry *entry) MUST_CHECK;
/* For tree->dirs: a parent that the archive lacks, 0755 and root's. `context` is the tree. */
int unpack_make_missing(void *context, struct unpack_dir *parent, const char *base, int *ret_fd) MUST_CHECK;

/* unpack_file.c */
int unpack_put_file(struct unpack_tree *tree, const struct unpack_entry *entry, const struct unpack_dir *parent) MUST_CHECK;

/* unpack_whiteout.c */
int unpack_put_whiteout(struct unpack_tree *tree, const struct unpack_entry *entry) MUST_CHECK;
int unpack_set_opaque(const struct unpack_tree *tree, int dir) MUST_CHECK;
bool unpack_is_whiteout(mode_t mode, dev_t device);

/* unpack_owner.c. `name` beneath `at`, never followed; "" is `at` itself. `parent_gid`: of the folder it was made in, which some filesystems and setgid hand on. */
int unpack_set_owner(struct unpack_tree *tree, int at, const char *name, const struct unpack_owner *owner, gid_t parent_gid) MUST_CHECK;
/* LAYER_SINGLE: what fuse-overlayfs shall show instead. */
int unpack_set_record(struct unpack_tree *tree, int fd, const struct unpack_owner *owner) MUST_CHECK;
/* The mode that the file itself gets: with a single id, no set-id bits, which would be the user's own. */
mode_t unpack_real_mode(const struct unpack_tree *tree, mode_t mode);

/* unpack_xattr.c: the entry's attributes and ACLs, as far as they are allowed; others are counted. `fd` -1: the kind of file keeps none. */
void unpack_set_attributes(struct unpack_tree *tree, const struct unpack_entry *entry, int fd);
/* A new file or directory has the default ACL of its folder, if that has one, which the archive did not say of it. */
void unpack_drop_inherited(const struct unpack_tree *tree, int fd);

#endif
