/* A table of the files that have several names, with open addressing. */
#include "image/merge_parts.h"

#include <stdlib.h>

#include "util/mem.h"

struct merge_link {
	dev_t device;
	ino_t inode;
	char *path; /* NULL: a free slot */
	uint16_t layer;
};

static size_t place_of(const struct merge_links *links, uint16_t layer, dev_t device, ino_t inode)
{
	uint64_t hash = ((uint64_t)inode ^ (uint64_t)device << 40 ^ (uint64_t)layer << 52) * 0x9e3779b97f4a7c15u;
	size_t at = (size_t)(hash >> 20) & (links->size - 1);

	while (links->slots[at].path && !(links->slots[at].inode == inode && links->slots[at].device == device && links->slots[at].layer == layer))
		at = (at + 1) & (links->size - 1);
	return at;
}

static void grow(struct merge_links *links)
{
	struct merge_links larger = {.size = links->size ? links->size * 2 : 64, .count = links->count};

	larger.slots = mem_alloc(larger.size * sizeof(*larger.slots));
	for (size_t i = 0; i < links->size; i++) {
		const struct merge_link *link = &links->slots[i];

		if (link->path)
			larger.slots[place_of(&larger, link->layer, link->device, link->inode)] = *link;
	}
	free(links->slots);
	*links = larger;
}

const char *merge_links_find(struct merge_links *links, uint16_t layer, const struct stat *st, const char *path)
{
	if (links->count * 2 >= links->size)
		grow(links);
	struct merge_link *link = &links->slots[place_of(links, layer, st->st_dev, st->st_ino)];

	if (link->path)
		return link->path;
	*link = (struct merge_link){.device = st->st_dev, .inode = st->st_ino, .path = mem_strdup(path), .layer = layer};
	links->count++;
	return NULL;
}

void merge_links_done(struct merge_links *links)
{
	for (size_t i = 0; i < links->size; i++)
		free(links->slots[i].path);
	free(links->slots);
	*links = (struct merge_links){0};
}
