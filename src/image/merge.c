/* Theory of operation. A frame stands for one directory of the merged tree: the layers that have it, and its names (merge_list.c). The walk goes down by frames on the
 * heap, not by recursion, since a tree may be as deep as somebody likes. A frame's directories are opened when something in them is wanted and closed again when more
 * than FDS_MOST are open; what was closed is opened anew by its names from the nearest directory above that is open, the layer's root at last. */
#include "image/merge_parts.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/mem.h"
#include "util/path.h"

enum {
	FDS_MOST = 64,
	PATH_STEP = 3500, /* of a path in one system call */
	ANCHOR_STEPS = 48,
};

struct frame {
	struct frame *parent, *child;
	const char *name; /* in the parent's listing; NULL: the root */
	const uint16_t *layers;
	int *fds; /* one for each layer; -1: closed */
	size_t layer_count, open_count;
	struct merge_listing listing;
	size_t next;      /* name */
	size_t path_size; /* of the walk's path up to here, the '/' included */
};

struct walk {
	const struct merge_spec *spec;
	struct archive *archive;
	struct archive_entry *entry;
	struct frame *root, *top;
	size_t fds; /* open in all frames */
	struct buf path;
	struct merge_links links;
	int out, out_error; /* what writing it gave, 0 or -errno */
	struct error *err;
};

/* --- directories, opened when they are wanted ----------------------------------------------------------------------------------------- */

static int fail(const struct walk *walk, int errnum, const char *act)
{
	return error_set(walk->err, errnum, "cannot %s '%s' of the layers", act, walk->path.size ? walk->path.text : ".");
}

static void close_fds(struct walk *walk, struct frame *frame)
{
	for (size_t i = 0; i < frame->layer_count && frame->open_count; i++) {
		if (frame->fds[i] < 0)
			continue;
		frame->fds[i] = fd_close(frame->fds[i]);
		frame->open_count--;
		walk->fds--;
	}
}

/* From the root down: what is deepest is wanted next. */
static void make_room(struct walk *walk)
{
	for (struct frame *frame = walk->root; frame && walk->fds >= FDS_MOST; frame = frame->child)
		close_fds(walk, frame);
}

static int find_layer(const struct frame *frame, uint16_t layer)
{
	size_t low = 0, high = frame->layer_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (frame->layers[middle] < layer)
			low = middle + 1;
		else
			high = middle;
	}
	return (int)low;
}

/* Descend from `from` (an open directory of `above`) to the frame, by many names a call. */
static int open_below(int from, const struct frame *above, const struct frame *frame)
{
	cleanup_buf struct buf path = {0};
	cleanup_close int held = -1;
	int fd = from;

	while (above != frame) {
		above = above->child;
		buf_printf(&path, "%s%s", path.size ? "/" : "", above->name);
		if (above != frame && path.size < PATH_STEP)
			continue;
		int next = path_open_beneath(fd, path.text, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
		(void)fd_close(held);
		held = fd = next;
		if (next < 0)
			return next;
		path.size = 0;
	}
	return take_fd(held);
}

static int open_anew(struct walk *walk, struct frame *frame, size_t at)
{
	uint16_t layer = frame->layers[at];
	const struct frame *above = frame;
	int from = -1, fd;

	while (above->parent && from < 0) {
		above = above->parent;
		from = above->fds[find_layer(above, layer)];
	}
	if (from < 0)
		from = walk->spec->layers[layer].dir;
	if (above == frame) { /* the root, of which the caller has but O_PATH */
		fd = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		fd = fd < 0 ? -errno : fd;
	} else {
		fd = open_below(from, above, frame);
	}
	if (fd < 0)
		return fd;
	frame->fds[at] = fd;
	frame->open_count++;
	walk->fds++;
	return fd;
}

/* The frame's directory in one of its layers, open until the frame ends or room is needed. On the way back from a depth, one that is some steps above is
 * opened as well, or each step would begin at the root. */
static int open_frame(struct walk *walk, struct frame *frame, size_t at)
{
	uint16_t layer = frame->layers[at];
	struct frame *above = frame;
	int steps = 0;

	if (frame->fds[at] >= 0)
		return frame->fds[at];
	make_room(walk);
	while (above->parent && steps < ANCHOR_STEPS && above->fds[find_layer(above, layer)] < 0) {
		above = above->parent;
		steps++;
	}
	if (steps == ANCHOR_STEPS && above->fds[find_layer(above, layer)] < 0) {
		int fd = open_anew(walk, above, (size_t)find_layer(above, layer));

		if (fd < 0)
			return fd;
	}
	return open_anew(walk, frame, at);
}

/* --- entries ------------------------------------------------------------------------------------------------------------------------------ */

/* Once it is known to be a regular file or a directory, by its own descriptor. */
static void describe(const struct walk *walk, const struct stat *st)
{
	struct archive_entry *entry = walk->entry;

	archive_entry_clear(entry);
	archive_entry_set_pathname(entry, walk->path.size ? walk->path.text : "./");
	archive_entry_set_mode(entry, st->st_mode);
	archive_entry_set_uid(entry, st->st_uid);
	archive_entry_set_gid(entry, st->st_gid);
	archive_entry_set_mtime(entry, st->st_mtim.tv_sec, 0);
	archive_entry_set_size(entry, S_ISREG(st->st_mode) ? st->st_size : 0);
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		archive_entry_set_rdev(entry, st->st_rdev);
}

static int archive_failed(const struct walk *walk, int r, const char *act)
{
	if (walk->out_error < 0)
		return error_set(walk->err, -walk->out_error, "cannot write the archive");
	(void)fail(walk, r < 0 ? -r : EIO, act);
	if (r == -ESTALE)
		return error_cause(walk->err, "it changed while it was read");
	return archive_error_string(walk->archive) ? error_cause(walk->err, "%s", archive_error_string(walk->archive)) : -walk->err->code;
}

static int write_header(const struct walk *walk)
{
	/* A warning is about names or owners that are stored all the same. */
	return archive_write_header(walk->archive, walk->entry) < ARCHIVE_WARN ? archive_failed(walk, 0, "store") : 0;
}

/* The attributes were read already, so that asking costs nothing. */
static void note_acl(const struct walk *walk)
{
	char *name = walk->spec->first_acl;

	if (name && !name[0] && archive_entry_acl_types(walk->entry))
		(void)snprintf(name, MERGE_NAME, "%s", walk->path.size ? walk->path.text : ".");
}

static int write_directory(const struct walk *walk, int fd, uint16_t layer)
{
	struct stat st;
	int r = fstat(fd, &st) < 0 ? -errno : 0;

	if (r == 0) {
		describe(walk, &st);
		r = merge_read_attributes(walk->entry, fd, walk->spec->layers[layer].owner);
	}
	if (r < 0)
		return fail(walk, -r, "read");
	note_acl(walk);
	return write_header(walk);
}

static int write_symlink(const struct walk *walk, int dir, const char *name, const struct stat *st)
{
	cleanup_free char *target = mem_alloc(PATH_MAX + 1);
	ssize_t size = readlinkat(dir, name, target, PATH_MAX);

	if (size < 0)
		return fail(walk, errno, "read");
	target[size] = 0;
	describe(walk, st);
	archive_entry_set_symlink(walk->entry, target);
	return write_header(walk);
}

static int write_regular(const struct walk *walk, int dir, const char *name, uint16_t layer)
{
	cleanup_close int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	int r = fd < 0 || fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -ESTALE;

	if (r == 0) {
		describe(walk, &st);
		r = merge_read_attributes(walk->entry, fd, walk->spec->layers[layer].owner);
	}
	if (r == 0)
		r = merge_read_holes(walk->entry, fd, &st);
	if (r < 0)
		return archive_failed(walk, r, "read");
	note_acl(walk);
	r = write_header(walk);
	if (r < 0)
		return r;
	r = merge_copy_data(walk->archive, fd, &st);
	return r < 0 ? archive_failed(walk, r, "copy") : 0;
}

static int write_file(struct walk *walk, struct frame *frame, const struct merge_name *name)
{
	uint16_t layer = frame->listing.layers[name->first];
	const char *text = merge_list_text(&frame->listing, name), *first = NULL;
	int dir = open_frame(walk, frame, (size_t)find_layer(frame, layer));
	struct stat st;

	if (dir < 0)
		return fail(walk, -dir, "open");
	if (fstatat(dir, text, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(walk, errno, "read");
	if (S_ISSOCK(st.st_mode) || S_ISDIR(st.st_mode))
		return 0; /* tar knows no sockets; a directory was none when its parent was read */
	if (st.st_nlink > 1)
		first = merge_links_find(&walk->links, layer, &st, walk->path.text);
	if (first) {
		describe(walk, &st);
		archive_entry_set_size(walk->entry, 0);
		archive_entry_set_hardlink(walk->entry, first);
		return write_header(walk);
	}
	if (S_ISREG(st.st_mode))
		return write_regular(walk, dir, text, layer);
	if (S_ISLNK(st.st_mode))
		return write_symlink(walk, dir, text, &st);
	describe(walk, &st);
	return write_header(walk);
}

/* --- the walk -------------------------------------------------------------------------------------------------------------------------------- */

static void pop(struct walk *walk)
{
	struct frame *frame = walk->top;

	close_fds(walk, frame);
	walk->top = frame->parent;
	if (walk->top)
		walk->top->child = NULL;
	else
		walk->root = NULL;
	merge_list_done(&frame->listing);
	free(frame->fds);
	free(frame);
}

/* A directory that several layers have: its own entry, by the topmost, then a frame with all its names. */
static int push(struct walk *walk, const char *name, const uint16_t *layers, size_t count)
{
	struct frame *frame = mem_alloc(sizeof(*frame));
	bool opaque = false;

	*frame = (struct frame){.parent = walk->top, .name = name, .layers = layers, .path_size = walk->path.size};
	frame->fds = mem_resize(NULL, count, sizeof(*frame->fds));
	if (walk->top)
		walk->top->child = frame;
	else
		walk->root = frame;
	walk->top = frame;
	for (size_t i = 0; i < count && !opaque; i++) {
		frame->fds[i] = -1;
		frame->layer_count++;
		int fd = open_frame(walk, frame, i);
		int r = fd < 0 ? fail(walk, -fd, "open") : i || (!name && walk->spec->without_root) ? 0 : write_directory(walk, fd, layers[i]);
		if (r < 0)
			return r;
		r = merge_list_add(&frame->listing, fd, layers[i]);
		if (r < 0)
			return fail(walk, -r, "read");
		opaque = r;
	}
	merge_list_fold(&frame->listing);
	if (walk->path.size)
		buf_puts(&walk->path, "/");
	frame->path_size = walk->path.size;
	return 0;
}

static int walk_tree(struct walk *walk)
{
	cleanup_free uint16_t *all = mem_resize(NULL, walk->spec->count, sizeof(*all));
	int r;

	for (size_t i = 0; i < walk->spec->count; i++)
		all[i] = (uint16_t)i;
	r = push(walk, NULL, all, walk->spec->count);
	while (r == 0 && walk->top) {
		struct frame *frame = walk->top;
		const struct merge_name *name = &frame->listing.names[frame->next];

		if (frame->next++ == frame->listing.count) {
			pop(walk);
			continue;
		}
		walk->path.size = frame->path_size;
		buf_puts(&walk->path, merge_list_text(&frame->listing, name));
		if (name->is_directory)
			r = push(walk, merge_list_text(&frame->listing, name), frame->listing.layers + name->first, name->count);
		else
			r = write_file(walk, frame, name);
	}
	while (walk->top)
		pop(walk);
	return r;
}

static la_ssize_t write_out(struct archive *archive, void *context, const void *data, size_t size)
{
	struct walk *walk = context;

	if (walk->out_error == 0)
		walk->out_error = fd_write_all(walk->out, data, size);
	if (walk->out_error == 0)
		return (la_ssize_t)size;
	archive_set_error(archive, -walk->out_error, "%s", strerror(-walk->out_error));
	return -1;
}

static int open_archive(struct walk *walk)
{
	enum { BLOCK = 1 << 16 };
	struct archive *archive = walk->archive = archive_write_new();

	walk->entry = archive_entry_new();
	/* Extended headers only where a name, an owner or an attribute wants one. */
	if (archive && walk->entry && archive_write_set_format_pax_restricted(archive) == ARCHIVE_OK && archive_write_set_options(archive, "xattrheader=SCHILY") == ARCHIVE_OK &&
	    archive_write_set_bytes_per_block(archive, BLOCK) == ARCHIVE_OK && archive_write_set_bytes_in_last_block(archive, 1) == ARCHIVE_OK &&
	    archive_write_open(archive, walk, NULL, write_out, NULL) == ARCHIVE_OK)
		return 0;
	return error_set(walk->err, ENOMEM, "cannot begin an archive");
}

int merge_write_tar(const struct merge_spec *spec, int out, struct error *err)
{
	struct walk walk = {.spec = spec, .out = out, .err = err};
	struct error ignored = {0};
	/* pax names are UTF-8, and libarchive takes ours for the locale's. What is no UTF-8 is stored byte for byte and said to be so (hdrcharset), which GNU tar does not
	 * know and says for each. */
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL), before = utf8 ? uselocale(utf8) : NULL;
	int r;

	if (!err)
		walk.err = &ignored;
	r = spec->count && spec->count <= MERGE_LAYERS_MAX ? open_archive(&walk) : error_set(walk.err, EINVAL, "cannot merge %zu layers", spec->count);
	if (r == 0)
		r = walk_tree(&walk);
	if (r == 0 && archive_write_close(walk.archive) != ARCHIVE_OK)
		r = archive_failed(&walk, 0, "end");
	if (r < 0 && walk.archive)
		(void)archive_write_fail(walk.archive); /* or freeing it would go on writing */
	archive_entry_free(walk.entry);
	(void)archive_write_free(walk.archive);
	merge_links_done(&walk.links);
	buf_done(&walk.path);
	if (utf8) {
		(void)uselocale(before);
		freelocale(utf8);
	}
	return r;
}

int merge_read_root(const struct merge_spec *spec, struct merge_root *ret, struct error *err)
{
	cleanup_close int fd = spec->count ? openat(spec->layers[0].dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set(err, spec->count ? errno : EINVAL, "cannot open the topmost layer");
	*ret = (struct merge_root){.uid = st.st_uid, .gid = st.st_gid, .mode = st.st_mode & 07777};
	merge_read_override(fd, spec->layers[0].owner, ret);
	return 0;
}
