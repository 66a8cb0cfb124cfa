/* Where layers are unpacked: a process in user, pid, mount, network and IPC namespaces of its own, with the ids that sandboxes get and nothing in reach but the
 * store's tmp/.
 *
 * It is started before the caller confines itself, since newuidmap is setuid and starts under nobody who has no_new_privs, and waits for work. A job is three
 * processes in a row, joined by pipes: one decompresses (CONFINE_PIPE); one hashes what comes out (CONFINE_HASH), since whoever has been taken over by what
 * it parses could say any diff id; one writes the files (CONFINE_UNPACK), and its root is the job's folder. None may have more than UNPACKER_MEMORY beyond what it was
 * started with. A worker that crashes is an error of its job, no more.
 *
 * It ends when its client closes the socket or dies, and everything in its pid namespace with it.
 */
#ifndef CARREL_RUN_UNPACKER_H
#define CARREL_RUN_UNPACKER_H

#include "image/unpack.h"
#include "isolate/idmap.h"
#include "run/host.h"
#include "util/error.h"

enum { UNPACKER_MEMORY = 24 << 20 }; /* bytes for each worker */

struct unpacker;

/* `mode`: IDMAP_AUTO takes the range where there is one, else the single id; SUBIDS and SINGLE as named. The store must exist, with its tmp/. */
int unpacker_start(const struct host *host, const char *store_path, enum idmap_mode mode, struct unpacker **ret, struct error *err) MUST_CHECK;
/* For pull_image and its kin; valid until the end. Its functions may be called from several threads. Each job must be finished. */
const struct unpack_host *unpacker_host(struct unpacker *unpacker) __attribute__((returns_nonnull));
/* Ends it, and jobs that are under way with it. Accepts NULL. */
void unpacker_end(struct unpacker *unpacker);

#endif
