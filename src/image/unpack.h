/* A layer's tar stream into a directory (image-spec layer.md), by libarchive's reader and a writer of our own that acts on descriptors beneath the target only.
 *
 * Both kinds of overlay read the result: a whiteout `.wh.NAME` becomes a character device 0:0 (mknod is allowed in a user namespace since 5.8; before, the
 * `.wh.` file stays, which fuse-overlayfs reads), an opaque directory gets user.overlay.opaque=y (and user.fuseoverlayfs.opaque for an old fuse-overlayfs).
 *
 * Run inside a user namespace. LAYER_RANGE: files get the archive's owners as far as they are mapped, others become nobody's (65534) and are counted.
 * LAYER_SINGLE: every file belongs to the one id; what the archive said is kept where fuse-overlayfs reads it, in user.containers.override_stat ("UID:GID:MODE", octal mode) on
 * regular files and directories, the layer's root first, which switches it on.
 *
 * What an entry says of a name replaces what an earlier one said; two directories become one. A whiteout speaks of the layers below only: what this layer has by that name
 * stays, and is opaque where it is a directory. Parents that the archive lacks are root's, 0755.
 *
 * Refused, with the entry's name: "..", a root that is no directory, a parent that is none (or a symlink to nowhere), names through .wh.*, hard links to outside or to what is no file of this layer, names longer than PATH_MAX, sizes that lie. Absolute names are
 * taken as relative. A symlink as parent is followed inside the target only (openat2 RESOLVE_IN_ROOT). Devices are left out and counted (a sandbox has its own /dev). Attributes
 * named user.overlay.*, trusted.*, user.containers.*, user.fuseoverlayfs.* and security.* but capabilities are left out: they would speak to the overlay.
 */
#ifndef CARREL_IMAGE_UNPACK_H
#define CARREL_IMAGE_UNPACK_H

#include <stddef.h>
#include <stdint.h>

#include "image/digest.h"
#include "image/manifest.h"
#include "image/store.h"
#include "util/error.h"

struct unpack_spec {
	enum layer_owner owner;
	bool whiteouts;   /* false for `import` of a root: a name that begins with .wh. is refused as well, with a message that says why */
	uint64_t bytes_max; /* of all files together; 0: no limit but the disk's (disk_room.h) */
	uint64_t entries_max;
	bool for_old_fuse; /* whoever unpacks has a fuse-overlayfs older than 1.8, which wants an attribute of its own; struct unpack_host sees to it */
};

struct unpack_result { /* plain data: it goes through a pipe */
	struct digest diff_id;  /* of the uncompressed stream, to its very end */
	uint64_t stream_bytes, file_bytes, entries;
	uint64_t devices, foreign_owners, attributes; /* left out, or nobody's */
};

/* `fd` is the stream as it is stored: compressed as its first bytes say (plain, gzip, also several members, zstd). `target` is an empty directory. */
int unpack_stream(int fd, int target, const struct unpack_spec *spec, struct unpack_result *ret, struct error *err) MUST_CHECK;

/* How the image commands get a layer unpacked without knowing of namespaces (run/unpacker.h does it): begin takes a stream's descriptor (copied) and the
 * folder's name in the store's tmp/, and comes back at once; finish waits for it. Several may be under way. */
struct unpack_host {
	int (*begin)(void *context, int stream_fd, const char *tmp_name, const struct unpack_spec *spec, struct error *err); /* a job's number, >= 0 */
	int (*finish)(void *context, int job, struct unpack_result *ret, struct error *err);
	enum layer_owner owner; /* how it unpacks */
	void *context;
};

#endif
