#include <archive.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/unpack_parts.h"
#include "util/fd.h"

static int count_bytes(struct unpack_tree *tree, const struct unpack_entry *entry, size_t size)
{
	uint64_t most = tree->spec->bytes_max;

	tree->result->file_bytes += size;
	if (most && tree->result->file_bytes > most)
		return unpack_refuse(tree, EFBIG, entry, "with it the files have more than %llu bytes", (unsigned long long)most);
	return unpack_take_room(tree, entry, size, 0);
}

static int write_block(int fd, const char *data, size_t size, off_t offset)
{
	while (size) {
		ssize_t n = pwrite(fd, data, size, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		offset += n;
		size -= (size_t)n;
	}
	return 0;
}

/* Blocks of a sparse file come with gaps between them, which stay gaps. */
static int write_data(struct unpack_tree *tree, const struct unpack_entry *entry, int fd)
{
	int64_t size = archive_entry_size(entry->entry), end = 0;

	for (;;) {
		const void *data;
		size_t count;
		la_int64_t offset;
		int r = archive_read_data_block(tree->archive, &data, &count, &offset);

		if (r == ARCHIVE_EOF)
			break;
		if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
			return unpack_refuse(tree, EBADMSG, entry, "%s", archive_error_string(tree->archive));
		if (count == 0)
			continue;
		if (offset < end || offset > size || count > (uint64_t)(size - offset))
			return unpack_refuse(tree, EBADMSG, entry, "its sizes contradict each other");
		r = count_bytes(tree, entry, count);
		if (r == 0)
			r = write_block(fd, data, count, offset);
		if (r < 0)
			return r;
		end = offset + (int64_t)count;
	}
	if (end < size && ftruncate(fd, size) < 0)
		return -errno;
	return 0;
}

static int set_metadata(struct unpack_tree *tree, const struct unpack_entry *entry, int fd, gid_t parent_gid, bool born_with_mode)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, entry->mtime};
	int r = unpack_set_owner(tree, fd, "", &entry->owner, parent_gid);

	/* Attributes behind the owner, whose change takes capabilities away, and before the mode, which may forbid writing them. */
	if (r == 0)
		r = unpack_set_record(tree, fd, &entry->owner);
	if (r < 0)
		return r;
	unpack_drop_inherited(tree, fd);
	if (entry->attributes)
		unpack_set_attributes(tree, entry, fd);
	if (!born_with_mode && fchmod(fd, unpack_real_mode(tree, entry->owner.mode)) < 0)
		return -errno;
	return futimens(fd, times) < 0 ? -errno : 0;
}

int unpack_put_file(struct unpack_tree *tree, const struct unpack_entry *entry, const struct unpack_dir *parent)
{
	mode_t mode = unpack_real_mode(tree, entry->owner.mode);
	/* The umask is 0, so most files are born with their mode. Not those whose owner's change would take bits away, or who may inherit an ACL, or whose mode is in the way. */
	bool born_with_mode = !(mode & 07000) && !entry->attributes && !tree->default_acls && (!tree->records || (mode & 0200));
	cleanup_close int fd = openat(parent->fd, entry->name.base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, born_with_mode ? mode : 0600);
	int r;

	if (fd < 0)
		return -errno;
	r = write_data(tree, entry, fd);
	if (r == 0)
		r = set_metadata(tree, entry, fd, parent->gid, born_with_mode);
	if (r == 0 && close(take_fd(fd)) < 0)
		r = -errno; /* NFS tells only now that the disk is full */
	return r;
}
