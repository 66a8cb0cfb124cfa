/* Capabilities: all five sets of the calling process (capabilities(7)). Masks have bit CAP_x (1 << CAP_CHOWN …). */
#ifndef CARREL_ISOLATE_CAPS_H
#define CARREL_ISOLATE_CAPS_H

#include <stdint.h>

#include "util/error.h"

/* "CAP_NET_RAW", "net_raw", "NET_RAW" → its bit; "ALL" → every capability the running kernel has. -EINVAL: unknown. */
int caps_parse(const char *name, uint64_t *ret_mask) MUST_CHECK;
/* The name in lower case with cap_ ("cap_chown"), or NULL for a number out of range. */
const char *caps_name(unsigned number);

/* What Docker gives a container by default: chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service,
 * net_raw, sys_chroot, mknod, audit_write, setfcap. */
uint64_t caps_docker_default(void);

/* What the calling process holds (its permitted set). 0 or -errno. */
int caps_permitted(uint64_t *ret) MUST_CHECK;

/* Bounding set := keep (needs CAP_SETPCAP in the user namespace). */
int caps_bound(uint64_t keep, struct error *err) MUST_CHECK;
/* Permitted, effective := keep; inheritable and ambient := keep where `uid` is not 0 (so that execve keeps them), else empty
 * (uid 0 regains its bounding set by execve; CVE-2022-29162). After the change of ids; with keep == 0 all five sets are empty. */
int caps_apply(uint64_t keep, unsigned uid, struct error *err) MUST_CHECK;

#endif
