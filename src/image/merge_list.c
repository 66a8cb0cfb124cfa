/* The names of one directory over all layers that have it: everything that is found is collected, sorted by name and then by layer, and each name's run folded
 * from the topmost layer down until something closes it: a whiteout, or whatever is no directory. */
#include "image/merge_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "util/mem.h"

#define WHITEOUT ".wh."
#define WHITEOUT_META ".wh..wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"

enum { ENTRIES_SIZE = 32768 };

struct merge_found {
	size_t text;
	uint16_t layer;
	bool is_directory, is_whiteout;
};

static void add_found(struct merge_listing *listing, const char *name, struct merge_found found)
{
	if (!(listing->found_count & (listing->found_count - 1))) /* full at each power of two */
		listing->found = mem_resize(listing->found, listing->found_count ? listing->found_count * 2 : 1, sizeof(found));
	found.text = listing->text.size;
	buf_add(&listing->text, name, strlen(name) + 1);
	listing->found[listing->found_count++] = found;
}

/* overlayfs takes "y" only ("x" says that whiteouts in it may be attributes). Not user.fuseoverlayfs.opaque: the kernel's overlay copies it up from a layer (unpack_whiteout.c),
 * where it is no longer true, and what fuse-overlayfs itself makes opaque has the marker too. */
static bool is_opaque(int fd)
{
	static const char *const names[] = {"user.overlay.opaque", "trusted.overlay.opaque"};
	char value;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (fgetxattr(fd, names[i], &value, 1) == 1 && value == 'y')
			return true;
	}
	return false;
}

/* 1: the name says that the whole directory is opaque. */
static int add_entry(struct merge_listing *listing, int fd, const char *name, unsigned char type, uint16_t layer)
{
	struct merge_found found = {.layer = layer, .is_directory = type == DT_DIR};
	struct stat st;

	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return 0;
	if (!strcmp(name, WHITEOUT_OPAQUE))
		return 1;
	if (!strncmp(name, WHITEOUT_META, strlen(WHITEOUT_META)))
		return 0; /* aufs keeps its own things under such names */
	if (!strncmp(name, WHITEOUT, strlen(WHITEOUT)) && name[strlen(WHITEOUT)]) {
		name += strlen(WHITEOUT);
		found.is_directory = false;
		found.is_whiteout = true;
	} else if (type == DT_CHR || type == DT_UNKNOWN) {
		if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
		found.is_whiteout = S_ISCHR(st.st_mode) && st.st_rdev == 0;
		found.is_directory = S_ISDIR(st.st_mode);
	}
	add_found(listing, name, found);
	return 0;
}

int merge_list_add(struct merge_listing *listing, int fd, uint16_t layer)
{
	cleanup_free char *buffer = mem_alloc(ENTRIES_SIZE);
	bool opaque = is_opaque(fd);
	ssize_t size;

	while ((size = getdents64(fd, buffer, ENTRIES_SIZE)) > 0) {
		for (ssize_t at = 0; at < size;) {
			const struct dirent64 *entry = (const struct dirent64 *)(void *)(buffer + at);
			int r = add_entry(listing, fd, entry->d_name, entry->d_type, layer);

			if (r < 0)
				return r;
			opaque |= r > 0;
			at += entry->d_reclen;
		}
	}
	return size < 0 ? -errno : opaque;
}

/* A whiteout hides what is below its layer; the same name in the layer itself stays. */
static int compare(const void *a, const void *b, void *context)
{
	const struct merge_found *x = a, *y = b;
	const char *text = context;
	int order = strcmp(text + x->text, text + y->text);

	if (order)
		return order;
	return x->layer != y->layer ? (x->layer < y->layer ? -1 : 1) : x->is_whiteout - y->is_whiteout;
}

/* The run of one name, from `at` on; where the next begins. */
static size_t fold_name(struct merge_listing *listing, size_t at)
{
	const struct merge_found *found = listing->found;
	struct merge_name *name = &listing->names[listing->count];
	const char *text = listing->text.text;
	bool closed = false;
	size_t next = at;

	*name = (struct merge_name){.text = found[at].text, .first = listing->layer_count};
	for (; next < listing->found_count && !strcmp(text + found[next].text, text + name->text); next++) {
		if (closed || found[next].is_whiteout || (name->count && !found[next].is_directory)) {
			closed = true;
			continue;
		}
		if (name->count && listing->layers[listing->layer_count - 1] == found[next].layer)
			continue; /* a name twice in one layer: readdir may, while somebody renames */
		listing->layers[listing->layer_count++] = found[next].layer;
		name->count++;
		name->is_directory = found[next].is_directory;
		closed = !name->is_directory;
	}
	listing->count += name->count > 0;
	return next;
}

void merge_list_fold(struct merge_listing *listing)
{
	if (listing->found_count) /* an empty directory has no array at all */
		qsort_r(listing->found, listing->found_count, sizeof(*listing->found), compare, listing->text.text);
	listing->names = mem_resize(NULL, listing->found_count + 1, sizeof(*listing->names));
	listing->layers = mem_resize(NULL, listing->found_count + 1, sizeof(*listing->layers));
	for (size_t at = 0; at < listing->found_count;)
		at = fold_name(listing, at);
	free(listing->found);
	listing->found = NULL;
	listing->found_count = 0;
}

void merge_list_done(struct merge_listing *listing)
{
	buf_done(&listing->text);
	free(listing->layers);
	free(listing->names);
	free(listing->found);
	*listing = (struct merge_listing){0};
}
