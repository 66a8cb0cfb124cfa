/* The groups of system calls, "@clock" and so on, as profiles/syscalls/groups.yaml lists them: a YAML mapping from a group's name to a list of calls and of
 * other groups. Read when a filter is compiled, never on the way of a start that finds its filter in the cache.
 */
#ifndef CARREL_ISOLATE_SECCOMP_GROUPS_H
#define CARREL_ISOLATE_SECCOMP_GROUPS_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"
#include "util/mem.h"

/* Every call that libseccomp knows for this machine: built in, and not in the file. */
#define SECCOMP_GROUP_KNOWN "@known"
/* The calls that libseccomp may be too old for. */
#define SECCOMP_GROUP_NEWER "@newer"

struct seccomp_group {
	const char *name;
	const char **members; /* calls, and groups with their '@' */
	size_t count;
};

struct seccomp_groups {
	struct seccomp_group *groups;
	size_t count;
	struct arena arena; /* owns all of it */
};

/* -ENOENT and other errors of open(2); -EINVAL with file and line for a text that has another shape, a group listed twice, an unknown member group or one that
 * contains itself. */
int seccomp_groups_load(const char *path, struct seccomp_groups *ret, struct error *err) MUST_CHECK;
void seccomp_groups_done(struct seccomp_groups *groups);

/* NULL: no such group. */
const struct seccomp_group *seccomp_groups_find(const struct seccomp_groups *groups, const char *name);

/* Is the call in the group, or in a group of the group? */
bool seccomp_group_has(const struct seccomp_groups *groups, const struct seccomp_group *group, const char *call);

/* Hand each call of the group and of the groups in it to `visit`; a call may come more than once. */
void seccomp_group_visit(const struct seccomp_groups *groups, const struct seccomp_group *group, void (*visit)(const char *call, void *context), void *context);

#endif
