/* The second half of unpacking: the plain tar (ustar, pax, GNU) from a pipe becomes files beneath a directory, as unpack.h says.
 *
 * The process needs, beneath the target: making, opening, writing, renaming, linking and removing files; CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID and CAP_SETFCAP
 * in its user namespace. It starts no thread and no process. Memory: below 16 MiB whatever comes.
 */
#ifndef CARREL_IMAGE_UNPACK_WRITE_H
#define CARREL_IMAGE_UNPACK_WRITE_H

#include "image/unpack.h"
#include "util/error.h"

/* Reads `tar_fd` to its very end, also behind the archive's, so that its writer is not stopped. Changes the umask while it works. Fills in all of `ret` but diff_id and
 * stream_bytes. On failure what was made stays in the target, for the caller to remove (path_remove_tree). */
int unpack_write_tree(int tar_fd, int target, const struct unpack_spec *spec, struct unpack_result *ret, struct error *err) MUST_CHECK;

#endif
