/* Extended attributes (pax: SCHILY.xattr.*, LIBARCHIVE.xattr.*) and POSIX ACLs (SCHILY.acl.*), as far as a user may set them and a sandbox may be told. What the filesystem or
 * the user namespace does not take is left out and counted, as tar(1) does with a warning. */
#include <archive.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "image/unpack_parts.h"
#include "util/mem.h"

#define ACL_ACCESS "system.posix_acl_access"
#define ACL_DEFAULT "system.posix_acl_default"

/* Of the user's own attributes, those that an overlay goes by are not the image's to set. */
static bool allowed(const char *name)
{
	static const char *const overlays[] = {"user.overlay.", "user.containers.", "user.fuseoverlayfs."};

	if (!strcmp(name, "security.capability") || !strcmp(name, ACL_ACCESS) || !strcmp(name, ACL_DEFAULT))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(overlays); i++) {
		if (!strncmp(name, overlays[i], strlen(overlays[i])))
			return false;
	}
	return !strncmp(name, "user.", strlen("user."));
}

static void set(struct unpack_tree *tree, int fd, const char *name, const void *value, size_t size)
{
	if (fd < 0 || fsetxattr(fd, name, value, size, 0) < 0)
		tree->result->attributes++;
	else if (!strcmp(name, ACL_DEFAULT))
		tree->default_acls = true;
}

/* The kernel's form (linux/posix_acl_xattr.h). */
struct acl_entry {
	uint16_t tag, permissions; /* little endian */
	uint32_t id;
};

static uint16_t acl_tag(int tag)
{
	switch (tag) {
	case ARCHIVE_ENTRY_ACL_USER_OBJ:
		return 0x01;
	case ARCHIVE_ENTRY_ACL_USER:
		return 0x02;
	case ARCHIVE_ENTRY_ACL_GROUP_OBJ:
		return 0x04;
	case ARCHIVE_ENTRY_ACL_GROUP:
		return 0x08;
	case ARCHIVE_ENTRY_ACL_MASK:
		return 0x10;
	case ARCHIVE_ENTRY_ACL_OTHER:
		return 0x20;
	default:
		return 0; /* NFSv4's */
	}
}

static int compare_tags(const void *a, const void *b)
{
	return (int)((const struct acl_entry *)a)->tag - (int)((const struct acl_entry *)b)->tag;
}

/* Ids only: the names in the archive are those of another machine. */
static void set_acl(struct unpack_tree *tree, struct archive_entry *entry, int fd, int type, const char *name)
{
	enum { ACL_MAX = 128 };
	struct {
		uint32_t version;
		struct acl_entry entries[ACL_MAX];
	} acl = {.version = htole32(2)};
	int count = 0, kind, permissions, tag, id;
	const char *who;

	if (archive_entry_acl_reset(entry, type) == 0)
		return;
	while (archive_entry_acl_next(entry, type, &kind, &permissions, &tag, &id, &who) == ARCHIVE_OK) {
		bool named = tag == ARCHIVE_ENTRY_ACL_USER || tag == ARCHIVE_ENTRY_ACL_GROUP;

		if (count == ACL_MAX || !acl_tag(tag) || (named && id < 0)) {
			tree->result->attributes++;
			return;
		}
		acl.entries[count++] = (struct acl_entry){acl_tag(tag), htole16((uint16_t)(permissions & 7)), named ? htole32((uint32_t)id) : UINT32_MAX};
	}
	qsort(acl.entries, (size_t)count, sizeof(acl.entries[0]), compare_tags);
	for (int i = 0; i < count; i++)
		acl.entries[i].tag = htole16(acl.entries[i].tag);
	set(tree, fd, name, &acl, sizeof(acl.version) + (size_t)count * sizeof(acl.entries[0]));
}

void unpack_drop_inherited(const struct unpack_tree *tree, int fd)
{
	if (!tree->default_acls)
		return;
	(void)fremovexattr(fd, ACL_ACCESS); /* most have none */
	(void)fremovexattr(fd, ACL_DEFAULT);
}

void unpack_set_attributes(struct unpack_tree *tree, const struct unpack_entry *entry, int fd)
{
	int types = archive_entry_acl_types(entry->entry);
	const char *name;
	const void *value;
	size_t size;

	(void)archive_entry_xattr_reset(entry->entry);
	while (archive_entry_xattr_next(entry->entry, &name, &value, &size) == ARCHIVE_OK) {
		if (name && allowed(name))
			set(tree, fd, name, value, size);
		else
			tree->result->attributes++;
	}
	if (types & ARCHIVE_ENTRY_ACL_TYPE_ACCESS)
		set_acl(tree, entry->entry, fd, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, ACL_ACCESS);
	if (types & ARCHIVE_ENTRY_ACL_TYPE_DEFAULT)
		set_acl(tree, entry->entry, fd, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, ACL_DEFAULT);
	if (types & ~(ARCHIVE_ENTRY_ACL_TYPE_ACCESS | ARCHIVE_ENTRY_ACL_TYPE_DEFAULT))
		tree->result->attributes++;
}
