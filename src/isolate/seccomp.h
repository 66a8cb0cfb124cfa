/* System call filters: from names, which are libseccomp's, to a BPF program, cached by content (seccomp(2)).
 *
 * The filter covers x86-64 and refuses the other ABIs of the machine (x32, int 0x80) with ENOSYS, as a kernel without them does. A call that
 * libseccomp knows and no list names gets `fallback`; a call newer than libseccomp gets ENOSYS, so that programs fall back (CVE-2021-41133).
 * Precedence: deny over rules over allow over fallback; of several rules that match one call the strictest (kill, errno, log, allow), then the first.
 * Where a rule looks at clone's flags, clone3 gets ENOSYS unless it has a rule of its own.
 */
#ifndef CARREL_ISOLATE_SECCOMP_H
#define CARREL_ISOLATE_SECCOMP_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"
#include "util/mem.h"

enum seccomp_verdict { SECCOMP_VERDICT_ALLOW, SECCOMP_VERDICT_LOG, SECCOMP_VERDICT_KILL, SECCOMP_VERDICT_ERRNO };

struct seccomp_action {
	enum seccomp_verdict verdict;
	int errnum; /* for SECCOMP_VERDICT_ERRNO */
};

struct seccomp_name { /* a call "ioctl" or a group "@clock" */
	const char *name;
	struct origin at;
};

struct seccomp_rule { /* refuse or allow `call` when (arg & mask) == value; compared on 32 bits where the kernel takes an int (ioctl's request) */
	const char *call; /* or a group */
	int arg; /* 0 to 5; -1: whatever the arguments */
	uint64_t mask, value;
	struct seccomp_action action;
	struct origin at;
};

struct seccomp_spec {
	bool enabled; /* false: no filter at all (fallback allow and no list) */
	struct seccomp_action fallback;
	struct origin fallback_at;
	const struct seccomp_name *allow, *deny;
	size_t allow_count, deny_count;
	const struct seccomp_rule *rules;
	size_t rule_count;
	const char *groups_file; /* profiles/syscalls/groups.yaml, read on a cache miss only */
	const char *cache_dir;   /* a 0700 folder of ours; NULL: no cache */
};

struct seccomp_program {
	struct sock_filter *code; /* malloced */
	unsigned short length;
	bool from_cache;
};

/* "allow", "log", "kill" or an errno's name ("EPERM", "ENOSYS"). -EINVAL otherwise, nothing set in an error. */
int seccomp_parse_action(const char *text, struct seccomp_action *ret) MUST_CHECK;

/* Does libseccomp, or the groups file (NULL: no groups but @known), know this name? For checking profiles. */
bool seccomp_knows_call(const char *name, const char *groups_file);

/* Load the program from the cache or compile it and (best effort, temporary name + rename, 0600) store it there. The cache entry carries the whole
 * spec text, the groups file's identity (size, mtime) and libseccomp's version, and is compared with them, so that a collision or a stale file
 * is a miss. An entry not owned by us, or writable by others, is a miss. An unknown name is an error with its origin. */
int seccomp_prepare(const struct seccomp_spec *spec, struct seccomp_program *ret, struct error *err) MUST_CHECK;

/* Install it on the calling thread; PR_SET_NO_NEW_PRIVS must be set. The last thing before execve. -ENOSYS: the kernel has no filters. */
int seccomp_apply(const struct seccomp_program *program, struct error *err) MUST_CHECK;

void seccomp_done(struct seccomp_program *program);

#endif
