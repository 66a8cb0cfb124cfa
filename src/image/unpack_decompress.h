/* The first half of unpacking: a layer's stream as it is stored becomes the plain tar, hashed on its way. Knows nothing of archives and touches no file: a process that
 * does only this needs its two descriptors and no more.
 *
 * Known by their first bytes: gzip (RFC 1952; several members, and zero bytes behind the last as on tapes, count as one stream, as for gzip(1); other bytes behind it are an
 * error, as for Go's reader, which Docker and podman use), zstd (RFC 8878; several frames, skippable ones passed over), else plain. xz, bzip2 and lz4 are
 * recognised and refused (-EOPNOTSUPP).
 *
 * Memory: below 2 MiB, for zstd the frame's window besides, at most 16 MiB (8 MiB is usual; a frame that wants
 * more is refused by its header, -EOPNOTSUPP: `zstd --long` and levels from 20 on make those).
 */
#ifndef CARREL_IMAGE_UNPACK_DECOMPRESS_H
#define CARREL_IMAGE_UNPACK_DECOMPRESS_H

#include <stdint.h>

#include "image/digest.h"
#include "image/unpack.h"
#include "util/error.h"

/* From `in` to its end, into `out`. SIGPIPE must be ignored or blocked: when nobody reads any more the result is -EPIPE. More than `bytes_max` plain bytes (0: no
 * limit) are refused with -EFBIG before they are written. Neither descriptor is closed. `ret_diff_id` NULL: nothing is hashed, since somebody behind `out` does that whom no
 * compressed byte has reached. */
int unpack_decompress(int in, int out, uint64_t bytes_max, struct digest *ret_diff_id, uint64_t *ret_bytes, struct error *err) MUST_CHECK;

/* What a stream may have at most so that the spec can still be met: the files, and for each entry the headers that it may need. 0: no limit. */
uint64_t unpack_stream_max(const struct unpack_spec *spec);

/* The pipe between the halves, as large as the user may have it (F_SETPIPE_SZ). 0 or -errno. */
int unpack_pipe(int ret[2]) MUST_CHECK;

/* One verdict of both halves, each with its result and error. A writer that gives up breaks the other's pipe, and a broken stream ends the writer's archive early: whose
 * fault it was becomes `err`. */
int unpack_verdict(int decompressed, const struct error *decompress_err, int written, const struct error *write_err, struct error *err) MUST_CHECK;

#endif
