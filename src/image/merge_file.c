/* What one file of a layer is beside its name: owner, mode, attributes, holes, content. */
#include "image/merge_parts.h"

#include <archive.h>
#include <archive_entry.h>
#include <endian.h>
#include <errno.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/types.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "util/mem.h"

enum {
	DATA_SIZE = 1 << 18,
	HOLES_MOST = 1 << 16, /* pieces of data in one file; what comes after is taken for data */
};

/* --- owner and mode --- */

static bool parse_number(const char **at, int base, unsigned long most, char end, unsigned *ret)
{
	char *stop;
	unsigned long value;

	if (**at < '0' || **at > '9')
		return false; /* strtoul(3) would take blanks and signs */
	errno = 0;
	value = strtoul(*at, &stop, base);
	if (errno || value > most || (*stop != end && *stop))
		return false;
	*at = *stop ? stop + 1 : stop;
	*ret = (unsigned)value;
	return true;
}

bool merge_parse_override(const char *text, struct merge_root *ret)
{
	unsigned uid, gid, mode;

	if (!parse_number(&text, 10, UINT32_MAX - 1, ':', &uid) || !parse_number(&text, 10, UINT32_MAX - 1, ':', &gid) || !parse_number(&text, 8, 0177777, ':', &mode))
		return false;
	*ret = (struct merge_root){.uid = uid, .gid = gid, .mode = mode & 07777};
	return true;
}

void merge_read_override(int fd, enum layer_owner owner, struct merge_root *owner_and_mode)
{
	struct merge_root recorded;
	char text[128];
	ssize_t size = owner == LAYER_SINGLE ? fgetxattr(fd, "user.containers.override_stat", text, sizeof(text) - 1) : -1;

	if (size <= 0)
		return;
	text[size] = 0;
	if (merge_parse_override(text, &recorded))
		*owner_and_mode = recorded;
}

/* --- attributes --- */

/* The kernel's form (include/linux/posix_acl_xattr.h), little endian: a version, then entries. */
struct acl_entry {
	uint16_t tag, permissions;
	uint32_t id;
};

static void add_acl(struct archive_entry *entry, int type, const char *value, size_t size)
{
	static const struct {
		unsigned kernel;
		int tag;
	} tags[] = {
		{0x01, ARCHIVE_ENTRY_ACL_USER_OBJ}, {0x02, ARCHIVE_ENTRY_ACL_USER}, {0x04, ARCHIVE_ENTRY_ACL_GROUP_OBJ},
		{0x08, ARCHIVE_ENTRY_ACL_GROUP}, {0x10, ARCHIVE_ENTRY_ACL_MASK}, {0x20, ARCHIVE_ENTRY_ACL_OTHER},
	};

	for (size_t at = 4; at + sizeof(struct acl_entry) <= size; at += sizeof(struct acl_entry)) {
		struct acl_entry acl;

		memcpy(&acl, value + at, sizeof(acl));
		for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
			if (tags[i].kernel == le16toh(acl.tag)) /* ARCHIVE_ENTRY_ACL_EXECUTE, _WRITE, _READ are the kernel's bits */
				(void)archive_entry_acl_add_entry(entry, type, le16toh(acl.permissions) & 7, tags[i].tag, (int)le32toh(acl.id), "");
		}
	}
}

/* What speaks to an overlay or of this host's policy is no part of the tree (and would not be unpacked, unpack.h). */
static bool is_part_of_tree(const char *name)
{
	static const char *const left_out[] = {"user.overlay.", "user.containers.", "user.fuseoverlayfs."};

	for (size_t i = 0; i < ARRAY_SIZE(left_out); i++) {
		if (!strncmp(name, left_out[i], strlen(left_out[i])))
			return false;
	}
	return !strncmp(name, "user.", 5) || !strcmp(name, "security.capability");
}

static int read_attribute(struct archive_entry *entry, int fd, const char *name)
{
	bool access = !strcmp(name, "system.posix_acl_access"), is_default = !strcmp(name, "system.posix_acl_default");
	cleanup_free char *value = NULL;
	ssize_t size;

	if (!access && !is_default && !is_part_of_tree(name))
		return 0;
	value = mem_alloc(XATTR_SIZE_MAX);
	size = fgetxattr(fd, name, value, XATTR_SIZE_MAX);
	if (size < 0)
		return errno == ENODATA ? 0 : -errno;
	if (access || is_default)
		add_acl(entry, access ? ARCHIVE_ENTRY_ACL_TYPE_ACCESS : ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, value, (size_t)size);
	else
		archive_entry_xattr_add_entry(entry, name, value, (size_t)size);
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int merge_read_attributes(struct archive_entry *entry, int fd, enum layer_owner owner)
{
	struct merge_root who = {.uid = (uid_t)archive_entry_uid(entry), .gid = (gid_t)archive_entry_gid(entry), .mode = archive_entry_mode(entry)};
	cleanup_free char *list = NULL;
	cleanup_free const char **names = NULL;
	ssize_t size = flistxattr(fd, NULL, 0);
	size_t count = 0;
	int r = 0;

	if (size <= 0)
		return size == 0 || errno == EOPNOTSUPP ? 0 : -errno;
	list = mem_alloc((size_t)size + 1);
	size = flistxattr(fd, list, (size_t)size);
	if (size < 0)
		return -errno;
	for (const char *name = list; name < list + size; name += strlen(name) + 1)
		count++;
	names = mem_resize(NULL, count + 1, sizeof(*names));
	count = 0;
	for (const char *name = list; name < list + size; name += strlen(name) + 1)
		names[count++] = name;
	qsort(names, count, sizeof(*names), compare_names); /* filesystems list them as they like */
	merge_read_override(fd, owner, &who);
	archive_entry_set_uid(entry, who.uid);
	archive_entry_set_gid(entry, who.gid);
	archive_entry_set_perm(entry, who.mode & 07777);
	for (size_t i = 0; i < count && r == 0; i++)
		r = read_attribute(entry, fd, names[i]);
	return r;
}

/* --- content --- */

int merge_read_holes(struct archive_entry *entry, int fd, const struct stat *st)
{
	off_t at = 0;
	unsigned pieces = 0;

	if ((off_t)st->st_blocks * 512 >= st->st_size)
		return 0;
	while (at < st->st_size) {
		off_t start = lseek(fd, at, SEEK_DATA), end;

		if (start < 0 && errno == ENXIO)
			start = st->st_size;
		if (start < 0)
			break; /* a filesystem that knows nothing of holes: all is data */
		end = start < st->st_size && ++pieces < HOLES_MOST ? lseek(fd, start, SEEK_HOLE) : st->st_size;
		if (end < 0 || end > st->st_size)
			end = st->st_size;
		if (at == 0 && start == 0 && end == st->st_size)
			break; /* compressed on disk, and no hole */
		if (start < st->st_size)
			archive_entry_sparse_add_entry(entry, start, end - start);
		else if (!pieces)
			archive_entry_sparse_add_entry(entry, st->st_size, 0); /* nothing but a hole */
		at = end;
	}
	return lseek(fd, 0, SEEK_SET) < 0 ? -errno : 0;
}

/* libarchive takes the bytes of holes, too, and passes over them. */
static int write_data(struct archive *archive, const void *data, size_t size)
{
	return archive_write_data(archive, data, size) < 0 ? -EIO : 0; /* the writer's own errno is known to the writer */
}

static int write_hole(struct archive *archive, off_t size)
{
	static const char zeros[DATA_SIZE]; /* never touched */

	while (size > 0) {
		size_t part = size < DATA_SIZE ? (size_t)size : DATA_SIZE;
		int r = write_data(archive, zeros, part);

		if (r < 0)
			return r;
		size -= (off_t)part;
	}
	return 0;
}

int merge_copy_data(struct archive *archive, int fd, const struct stat *st)
{
	static char buffer[DATA_SIZE];
	bool may_have_holes = (off_t)st->st_blocks * 512 < st->st_size;
	off_t at = 0;

	while (at < st->st_size) {
		off_t left = st->st_size - at, data = may_have_holes ? lseek(fd, at, SEEK_DATA) : at;
		int r;

		if (data < 0 && may_have_holes && errno == ENXIO)
			data = st->st_size;
		if (data > at) {
			r = write_hole(archive, data - at);
			at = data;
		} else {
			ssize_t size = pread(fd, buffer, left < DATA_SIZE ? (size_t)left : DATA_SIZE, at);

			if (size <= 0)
				return size < 0 ? -errno : -ESTALE; /* shorter than it was */
			r = write_data(archive, buffer, (size_t)size);
			at += size;
		}
		if (r < 0)
			return r;
	}
	return 0;
}
