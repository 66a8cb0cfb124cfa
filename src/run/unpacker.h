/* Where layers are unpacked: a process in a user namespace of its own, with the ids that sandboxes get, no network, and nothing of the host's files in reach but the
 * store's tmp/ (Landlock) and few system calls (seccomp).
 *
 * It is started before the caller confines itself, since newuidmap is setuid and starts under nobody who has no_new_privs, and waits for work: for each
 * job it forks two, one that decompresses and hashes and holds nothing but its pipes, and one that writes the files. Both have little memory
 * (RLIMIT_AS). A worker that crashes is an error of its job, no more.
 */
#ifndef CARREL_RUN_UNPACKER_H
#define CARREL_RUN_UNPACKER_H

#include "image/unpack.h"
#include "isolate/idmap.h"
#include "run/host.h"
#include "util/error.h"

struct unpacker;

/* `mode`: IDMAP_AUTO takes the range where there is one, else the single id; SUBIDS and SINGLE as named. `store_path` must exist. */
int unpacker_start(const struct host *host, const char *store_path, const char *data_dir, enum idmap_mode mode, struct unpacker **ret, struct error *err) MUST_CHECK;
/* For pull_image and its kin; valid until the end. Its functions may be called from several threads. */
const struct unpack_host *unpacker_host(struct unpacker *unpacker) __attribute__((returns_nonnull));
/* Ends it, and jobs that are under way with it. Accepts NULL. */
void unpacker_end(struct unpacker *unpacker);

#endif
