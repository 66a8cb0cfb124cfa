/* Images as files: save and load, import, export. Formats: oci-archive (a tar of an image layout) and docker-archive (docker save: manifest.json, configurations and
 * layers). All archives are read and written by libarchive, as streams: stdin and stdout will do. */
#ifndef CARREL_IMAGE_ARCHIVE_FILE_H
#define CARREL_IMAGE_ARCHIVE_FILE_H

#include "image/progress.h"
#include "image/store.h"
#include "image/unpack.h"

enum archive_format { ARCHIVE_OCI, ARCHIVE_DOCKER };

struct save_item {
	const char *name; /* the reference in full; NULL: none (saved by digest) */
	struct digest manifest;
};
int save_images(const struct store *store, const struct save_item *items, size_t count, enum archive_format format, int out, const struct progress *progress, struct error *err) MUST_CHECK;

/* Both formats, known by what is in them, also compressed. *ret_names gets what was loaded, "Loaded image: NAME" for people; untagged: the digest. */
int load_images(const struct store *store, struct arena *arena, int in, const struct unpack_host *unpack, const struct progress *progress,
    const char ***ret_names, size_t *ret_count, struct error *err) MUST_CHECK;

/* Configuration of an imported root: Docker's --change subset, already taken apart. */
struct import_spec {
	const char *name;    /* the reference in full; NULL: untagged */
	const struct image *config; /* entrypoint, command, environment, user, workdir… for the configuration */
	const char *message;
	/* Asked when the stream has ended, before anything is kept: did its source end well? An error here is the import's. */
	int (*check)(void *context, struct error *err);
	void *check_context;
};
/* A root tarball (compressed as it may be) becomes an image of one layer. */
int import_stream(const struct store *store, struct arena *arena, int in, const struct import_spec *spec, const struct unpack_host *unpack, const struct progress *progress,
    struct image *ret, struct error *err) MUST_CHECK;

#endif
