/* Landlock, the second wall (landlock(7); ABI 1 is kernel 5.13, see ESCAPES.md's table): repeats the file rules of the mounts, so that a hole in one is not a hole
 * in both. Rules are allow-lists on directories or files as they are seen in the finished root. */
#ifndef CARREL_ISOLATE_LANDLOCK_H
#define CARREL_ISOLATE_LANDLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

enum landlock_access { LANDLOCK_READ /* read, list, execute */, LANDLOCK_WRITE /* and everything else */, LANDLOCK_DEVICE /* read, write, ioctl on files, nothing made or removed */,
	LANDLOCK_PLAIN /* read, write, make, move and remove files and directories; symlinks, devices, FIFOs and sockets are neither made nor moved to another name */ };

struct landlock_rule {
	const char *path; /* inside the finished root */
	enum landlock_access access;
};

/* Linking or renaming from one directory into another is always refused by ABI 1 (landlock(7), LANDLOCK_ACCESS_FS_REFER), inside a writable tree too, which
 * breaks git, dpkg and `make install`. So files are restricted from this ABI on (5.19), and on older kernels the mounts stand alone. */
enum { LANDLOCK_ABI_FILES = 2, LANDLOCK_ABI_TCP = 4, LANDLOCK_ABI_SCOPES = 6 };

struct landlock_plan {
	bool enabled;
	const struct landlock_rule *rules;
	size_t rule_count; /* 0: files are not restricted */
	bool deny_tcp;            /* no TCP bind or connect at all (ABI 4), where the network is none */
	bool scope_abstract_unix; /* no abstract sockets outside the domain (ABI 6) */
	bool scope_signals;       /* no signals outside the domain (ABI 6) */
};

/* What a plan comes to on an ABI: the rights that the kernel is asked to hold back, in its own bits, and how much of its struct that ABI knows. Pure. */
struct landlock_handled {
	uint64_t fs, net, scoped; /* struct landlock_ruleset_attr as of ABI 6 */
};
struct landlock_handled landlock_handled(const struct landlock_plan *plan, int abi, size_t *ret_size);

/* The kernel's ABI; 0: no Landlock (not built, not enabled). */
int landlock_abi(void);

/* Restrict the calling thread. From then on it cannot mount, unmount or pivot_root where files are restricted (landlock(7)): a sandbox that shall
 * hold another one must leave the file rules out. What the running ABI does not have is left out (the ABI decides at run time, the caller reports it). A path
 * that does not exist is skipped: there is nothing to allow. Needs no_new_privs. */
int landlock_apply(const struct landlock_plan *plan, struct error *err) MUST_CHECK;

#endif
