/* Reading is libarchive's, with the tar format and nothing else; writing is ours (libarchive's own writer to disk works on path names and keeps lists).
 *
 * Nobody but us writes beneath the target. Still every step is one on the descriptor of a directory that was opened inside the target, and the last component is never
 * followed: what the archive itself puts there, symlinks above all, is the adversary.
 *
 * Names stay the bytes that they are in the archive: in the C locale libarchive gives them unconverted, those in pax headers with a warning.
 */
#include "image/unpack_write.h"

#include <archive.h>
#include <errno.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/unpack_parts.h"
#include "util/mem.h"

enum {
	BLOCK = 256 << 10,
	INODE_ROOM = 4 << 10, /* that one takes on the disk beside its data: a name, itself, the rest of a block */
	BESIDE_MAX = 256 << 20, /* of what makes no file: data of a directory or a link, and what is behind the archive's end. More of it is a bomb that takes time only. */
};

int unpack_refuse(struct unpack_tree *tree, int errnum, const struct unpack_entry *entry, const char *cause, ...)
{
	char text[sizeof(tree->refusal.cause)], buffer[UNPACK_SHORT];
	va_list args;

	va_start(args, cause);
	(void)vsnprintf(text, sizeof(text), cause, args);
	va_end(args);
	(void)error_set(&tree->refusal, errnum, "cannot unpack '%s'", unpack_name_short(entry->said, buffer));
	(void)error_cause(&tree->refusal, "%s", text);
	return -errnum;
}

int unpack_take_room(struct unpack_tree *tree, const struct unpack_entry *entry, uint64_t bytes, uint64_t inodes)
{
	char cause[DISK_ROOM_CAUSE];

	return disk_room_take(&tree->room, bytes + inodes * INODE_ROOM, inodes, cause) < 0 ? unpack_refuse(tree, ENOSPC, entry, "%s", cause) : 0;
}

/* A plain errno about an entry. */
static void explain(struct unpack_tree *tree, const struct unpack_entry *entry, int errnum)
{
	char buffer[UNPACK_SHORT];

	if (tree->refusal.code)
		return;
	(void)error_set(&tree->refusal, errnum, "cannot unpack '%s'", unpack_name_short(entry->said, buffer));
	if (errnum == ENOTDIR || errnum == ELOOP)
		(void)error_cause(&tree->refusal, "one of its parents is no directory");
	else if (errnum == EEXIST)
		(void)error_cause(&tree->refusal, "what has its name does not give way");
}

static int take_entry(struct unpack_tree *tree, struct unpack_entry *entry)
{
	struct archive_entry *from = entry->entry;
	bool skip = false;
	int r;

	tree->result->entries++;
	if (tree->spec->entries_max && tree->result->entries > tree->spec->entries_max)
		return unpack_refuse(tree, E2BIG, entry, "it is one more than the %llu entries that an archive may have", (unsigned long long)tree->spec->entries_max);
	if (archive_entry_size(from) > BESIDE_MAX && (archive_entry_filetype(from) != AE_IFREG || archive_entry_hardlink(from)))
		return unpack_refuse(tree, EFBIG, entry, "it is no file, and brings more than %d bytes of data", BESIDE_MAX);
	r = unpack_name_parse(tree, entry, "it", entry->said, &entry->name, &skip);
	if (r == 0 && !skip)
		r = unpack_take_room(tree, entry, 0, 1);
	if (r < 0 || skip)
		return r;
	entry->owner = (struct unpack_owner){archive_entry_uid(from), archive_entry_gid(from), archive_entry_perm(from) & 07777};
	entry->mtime = (struct timespec){.tv_sec = archive_entry_mtime(from), .tv_nsec = archive_entry_mtime_nsec(from)};
	entry->attributes = archive_entry_xattr_count(from) > 0 || archive_entry_acl_types(from) != 0;
	return unpack_put(tree, entry);
}

/* libarchive itself gives up. `last`: the entry before. */
static int explain_reading(struct unpack_tree *tree, const char *last)
{
	const char *why = archive_error_string(tree->archive);

	if (!last[0]) {
		(void)error_set(&tree->refusal, EBADMSG, "cannot read the archive");
		return error_cause(&tree->refusal, "is it a tar archive? (%s)", why ? why : "unknown");
	}
	(void)error_set(&tree->refusal, EBADMSG, "cannot read the archive behind '%s'", last);
	return error_cause(&tree->refusal, "%s", why ? why : "unknown");
}

static int read_entries(struct unpack_tree *tree)
{
	char last[UNPACK_SHORT] = "", buffer[UNPACK_SHORT];
	cleanup_free struct unpack_entry *entry = mem_alloc(sizeof(*entry));
	int r;

	for (;;) {
		int got = archive_read_next_header(tree->archive, &entry->entry);

		if (got == ARCHIVE_EOF)
			return 0;
		if (got != ARCHIVE_OK && got != ARCHIVE_WARN)
			return explain_reading(tree, last);
		entry->said = archive_entry_pathname(entry->entry);
		if (!entry->said)
			entry->said = "";
		tree->entry = entry;
		r = take_entry(tree, entry);
		if (r < 0) {
			explain(tree, entry, -r);
			return r;
		}
		(void)snprintf(last, sizeof(last), "%s", unpack_name_short(entry->said, buffer));
	}
}

/* What is behind the archive's end belongs to the stream, and whoever writes it waits for us. */
static int drain(struct unpack_tree *tree, int fd)
{
	cleanup_free char *buffer = mem_alloc(BLOCK);
	int64_t left = BESIDE_MAX;

	for (;;) {
		ssize_t n = read(fd, buffer, BLOCK);

		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return error_set(&tree->refusal, errno, "cannot read the archive to its end");
		left -= n > 0 ? n : 0;
		if (left < 0) {
			(void)error_set(&tree->refusal, EFBIG, "cannot unpack the layer");
			return error_cause(&tree->refusal, "behind the archive's end there are more than %d bytes", BESIDE_MAX);
		}
	}
}

/* What the root has where the archive does not say. */
static int begin_root(struct unpack_tree *tree)
{
	static const struct unpack_owner owner = {.mode = 0755};
	struct unpack_dir *root;
	int r = unpack_dirs_open(&tree->dirs, "", &root);

	if (r == 0 && fchmod(root->fd, owner.mode) < 0)
		r = -errno;
	if (r < 0)
		return error_set(&tree->refusal, -r, "cannot unpack into the layer's folder");
	root->mode = root->mode_now = owner.mode;
	r = unpack_set_record(tree, root->fd, &owner);
	if (r == -EOPNOTSUPP) { /* then nothing in it can say whose it is, and fuse-overlayfs is not told to look */
		tree->records = false;
		r = 0;
	}
	return r < 0 ? error_set(&tree->refusal, -r, "cannot record owners in the layer's folder") : 0;
}

static int write_tree(struct unpack_tree *tree, int fd, int target)
{
	int r = unpack_dirs_init(&tree->dirs, target);

	if (r < 0)
		return error_set(&tree->refusal, -r, "cannot open the layer's folder");
	disk_room_begin(&tree->room, target);
	r = begin_root(tree);
	if (r < 0)
		return r;
	if (archive_read_support_format_tar(tree->archive) != ARCHIVE_OK || archive_read_support_format_empty(tree->archive) != ARCHIVE_OK)
		return error_set(&tree->refusal, ENOSYS, "cannot read tar archives with this libarchive");
	if (archive_read_open_fd(tree->archive, fd, BLOCK) != ARCHIVE_OK)
		return explain_reading(tree, "");
	r = read_entries(tree);
	if (r < 0)
		return r;
	r = unpack_dirs_finish(&tree->dirs);
	if (r < 0)
		return error_set(&tree->refusal, -r, "cannot set the times of directories");
	return drain(tree, fd);
}

int unpack_write_tree(int tar_fd, int target, const struct unpack_spec *spec, struct unpack_result *ret, struct error *err)
{
	struct unpack_result result = *ret;
	struct unpack_tree tree = {.spec = spec, .result = &result, .archive = archive_read_new(), .uid = geteuid(), .gid = getegid(), .records = spec->owner == LAYER_SINGLE,
	    .dirs = {.make = unpack_make_missing, .context = &tree}};
	locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0), before;
	mode_t mask;
	int r;

	if (!tree.archive || !plain)
		abort(); /* out of memory */
	before = uselocale(plain);
	mask = umask(0);
	result.file_bytes = result.entries = result.devices = result.foreign_owners = result.attributes = 0;
	r = write_tree(&tree, tar_fd, target);
	(void)umask(mask);
	(void)archive_read_free(tree.archive);
	unpack_dirs_done(&tree.dirs);
	(void)uselocale(before);
	freelocale(plain);
	if (r < 0 && err)
		*err = tree.refusal;
	if (r == 0)
		*ret = result;
	return r;
}
