/* Compiled filters on disk, one file each, found by the content that they were compiled from.
 *
 * A hit costs open, fstat, read and close. Writers put a complete file in place by rename(2), so readers never see half of one and need no lock. The folder is
 * as trusted as the user's own profiles: who can write there is the user; a sandbox must never have it writable.
 */
#ifndef CARREL_ISOLATE_SECCOMP_CACHE_H
#define CARREL_ISOLATE_SECCOMP_CACHE_H

#include "isolate/seccomp.h"
#include "util/buf.h"

/* The program that was stored for exactly this key, or -ENOENT: none, another key with the same hash, damaged, of a length that the kernel would refuse,
 * owned by somebody else, writable by others, not a regular file, a symlink. Every failure is a miss and sets no error. */
int seccomp_cache_load(const char *dir, const struct buf *key, struct seccomp_program *ret) MUST_CHECK;

/* Best effort: 0 or -errno, and nothing is left behind on failure. Makes the folder (0700) where it is missing. */
int seccomp_cache_store(const char *dir, const struct buf *key, const struct seccomp_program *program);

#endif
