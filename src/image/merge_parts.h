/* What the files that make up the merge (merge.h) have of each other. */
#ifndef CARREL_IMAGE_MERGE_PARTS_H
#define CARREL_IMAGE_MERGE_PARTS_H

#include <stdint.h>
#include <sys/stat.h>

#include "image/merge.h"
#include "util/buf.h"

struct archive;
struct archive_entry;

/* --- one directory of all layers (merge_list.c) --- */

/* A name that the merged directory has. */
struct merge_name {
	size_t text;       /* where it stands in the listing's `text` */
	size_t first;      /* of its layers in the listing's `layers` */
	uint16_t count;    /* one, but for a directory that several layers have */
	bool is_directory;
};

struct merge_listing {
	struct buf text;
	uint16_t *layers; /* numbers of layers, for each name topmost first */
	size_t layer_count;
	struct merge_name *names; /* sorted */
	size_t count;
	struct merge_found *found; /* until it is folded */
	size_t found_count;
};

/* Add what the layer has in the freshly opened directory `fd`. 1: it is opaque, and no lower layer is to be added; 0; or -errno. */
int merge_list_add(struct merge_listing *listing, int fd, uint16_t layer) MUST_CHECK;
/* After the last layer: one line for each name that is there. */
void merge_list_fold(struct merge_listing *listing);
static inline const char *merge_list_text(const struct merge_listing *listing, const struct merge_name *name)
{
	return listing->text.text + name->text;
}
void merge_list_done(struct merge_listing *listing);

/* --- what one file is (merge_file.c) --- */

/* Fill in the entry's attributes (xattrs, ACLs, recorded owner and mode) from the open file or directory. */
int merge_read_attributes(struct archive_entry *entry, int fd, enum layer_owner owner) MUST_CHECK;
/* "UID:GID:MODE[:…]", octal mode. False: it says something else. */
bool merge_parse_override(const char *text, struct merge_root *ret);
/* The recorded owner and mode in the place of the real ones, where there are any. */
void merge_read_override(int fd, enum layer_owner owner, struct merge_root *owner_and_mode);
/* Where the holes of a sparse file are; *ret_sparse: there are some. */
int merge_read_holes(struct archive_entry *entry, int fd, const struct stat *st) MUST_CHECK;
/* The content, exactly st_size bytes. */
int merge_copy_data(struct archive *archive, int fd, const struct stat *st) MUST_CHECK;

/* --- hard links (merge_links.c) --- */

/* Files with several names, by layer and inode. `struct merge_links links = {0};` is empty. */
struct merge_links {
	struct merge_link *slots;
	size_t size, count;
};
/* The path under which the file was seen first; NULL: it is seen now, as `path`. */
const char *merge_links_find(struct merge_links *links, uint16_t layer, const struct stat *st, const char *path);
void merge_links_done(struct merge_links *links);

#endif
