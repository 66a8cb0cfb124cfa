/* What load.c (reading the archive) hands to load_install.c (making images of what was read). */
#ifndef CARREL_IMAGE_LOAD_PARTS_H
#define CARREL_IMAGE_LOAD_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/layout.h"
#include "image/progress.h"
#include "image/store.h"
#include "image/unpack.h"

struct archive;

struct load_file {
	const char *name;     /* in the archive, without "./" */
	char *text;           /* of a small one, with a zero behind it; else it is the blob `digest` */
	uint64_t size;
	struct digest digest;
	const char *link;     /* a link to another file of the archive, as old versions of docker save write for a layer that two images share */
	bool hard;            /* `link` counts from the archive's top, not from the file's folder */
};

struct load {
	const struct store *store;
	struct arena *arena;
	const struct unpack_host *unpack;
	const struct progress *progress;
	struct error *err;
	struct archive *archive;
	struct load_file *files;
	size_t file_count, text_bytes;
	int *claims;
	size_t claim_count;
	const char **names; /* what was loaded, for people: references, or digests of what has no name */
	size_t name_count;
	bool has_named; /* references, which index.json does not list yet */
};

int load_claim(struct load *load, const struct digest *digest) MUST_CHECK;
/* The compressions that archives may have, none of which needs another program. */
void load_allow_filters(struct archive *archive);

/* Find out what images there are, install each and name it. */
int load_install(struct load *load) MUST_CHECK;

#endif
