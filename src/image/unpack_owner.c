#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "image/unpack_parts.h"

enum { NOBODY = 65534 };

#define RECORD "user.containers.override_stat"

static bool is_id(int64_t id)
{
	return id >= 0 && id < UINT32_MAX; /* the last one means "leave it" to chown(2) */
}

/* The kernel says EINVAL for an id that the user namespace does not map, and not which of the two it was. */
static int one_at_a_time(int at, const char *name, int flags, uid_t uid, gid_t gid)
{
	if (fchownat(at, name, uid, (gid_t)-1, flags) < 0 && errno == EINVAL && fchownat(at, name, NOBODY, (gid_t)-1, flags) < 0 && errno != EINVAL)
		return -errno;
	if (fchownat(at, name, (uid_t)-1, gid, flags) < 0 && errno == EINVAL && fchownat(at, name, (uid_t)-1, NOBODY, flags) < 0 && errno != EINVAL)
		return -errno;
	return 0;
}

int unpack_set_owner(struct unpack_tree *tree, int at, const char *name, const struct unpack_owner *owner, gid_t parent_gid)
{
	bool known = is_id(owner->uid) && is_id(owner->gid);
	uid_t uid = is_id(owner->uid) ? (uid_t)owner->uid : NOBODY;
	gid_t gid = is_id(owner->gid) ? (gid_t)owner->gid : NOBODY;
	int flags = name[0] ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH;

	if (tree->spec->owner == LAYER_SINGLE)
		return 0;
	if (known && uid == tree->uid && gid == tree->gid && parent_gid == tree->gid)
		return 0; /* it is so by birth */
	if (fchownat(at, name, uid, gid, flags) == 0) {
		tree->result->foreign_owners += !known;
		return 0;
	}
	if (errno != EINVAL)
		return -errno;
	tree->result->foreign_owners++;
	return one_at_a_time(at, name, flags, uid, gid);
}

int unpack_set_record(struct unpack_tree *tree, int fd, const struct unpack_owner *owner)
{
	char text[64];
	int size;

	if (!tree->records)
		return 0;
	/* (fuse-overlayfs reads the ids with strtol.) */
	size = snprintf(text, sizeof(text), "%lld:%lld:0%o", is_id(owner->uid) ? (long long)owner->uid : NOBODY, is_id(owner->gid) ? (long long)owner->gid : NOBODY, (unsigned)owner->mode);
	if (fsetxattr(fd, RECORD, text, (size_t)size, 0) < 0)
		return -errno;
	return 0;
}

mode_t unpack_real_mode(const struct unpack_tree *tree, mode_t mode)
{
	return tree->spec->owner == LAYER_SINGLE ? mode & 01777 : mode;
}
