/* User and group id mappings (user_namespaces(7), newuidmap(1)).
 *
 * Plan: which ids exist inside and whose they are outside. Apply: write them for a child that sits in a new user namespace, directly for a
 * single id, through newuidmap and newgidmap (both at once, they take a millisecond each) for ranges.
 */
#ifndef CARREL_ISOLATE_IDMAP_H
#define CARREL_ISOLATE_IDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "isolate/subid.h"
#include "util/error.h"
#include "util/mem.h"

enum idmap_mode { IDMAP_AUTO, IDMAP_SUBIDS, IDMAP_SINGLE, IDMAP_KEEP_ID };

struct idmap_extent {
	uint32_t inside, outside, count;
};

struct idmap_facts { /* of this host and user */
	uint32_t uid, gid;
	const char *user_name;                     /* NULL: unknown */
	const struct id_range *uid_ranges, *gid_ranges;
	size_t uid_range_count, gid_range_count;
	const char *newuidmap, *newgidmap;         /* paths; NULL: not installed, or of no use here */
	const char *helper_reason;                 /* why there is none: "newuidmap is not installed"; NULL: as that */
	const char *helper_hint;                   /* the command that mends it; NULL: unknown */
	bool privileged;                           /* CAP_SETUID and CAP_SETGID here: the maps are written without helpers */
	bool no_setgroups;                         /* this user namespace forbids setgroups(2), so that all below it do (user_namespaces(7)) */
	uint32_t free_start;                       /* for hints: the first id no range has, or 0 */
};

struct idmap_spec {
	enum idmap_mode mode;
	bool wants_range;          /* the root or the user needs more than one id (IDMAP_AUTO takes the range only then) */
	uint32_t single_uid, single_gid; /* inside ids for the single map: 0 for root, else the user's own */
	struct origin at;          /* identity.map */
};

struct idmap_plan {
	enum idmap_mode rung;      /* IDMAP_SUBIDS, IDMAP_KEEP_ID or IDMAP_SINGLE: what it came to */
	bool degraded;             /* AUTO wanted the range and has the single id; `reason` says why */
	const char *reason;
	struct idmap_extent *uids, *gids; /* in the arena */
	size_t uid_count, gid_count;
	const char *newuidmap, *newgidmap; /* NULL for the single id and for a privileged user: the maps are written directly */
};

/* The facts about the calling user on this machine (reads files, starts nothing unless nsswitch.conf says so). Ranges of a privileged user are all
 * other ids of this user namespace. */
int idmap_facts_load(struct arena *arena, struct idmap_facts *ret, struct error *err) MUST_CHECK;

/* The same where uid, gid and user_name are known already and set: fills in the rest. */
int idmap_facts_complete(struct arena *arena, struct idmap_facts *facts, struct error *err) MUST_CHECK;

/* Pure. The kernel takes 340 extents and less than one page of text for a map (user_namespaces(7)): what is beyond is left out.
 * SUBIDS: 0 → the user, 1… → the ranges one after the other (podman's layout). KEEP_ID: the user's own id inside as outside, the ranges fill
 * 0…uid-1 and uid+1… around it. Adjacent ranges become one extent, but not a privileged user's; the user's own id in a range is passed over. Missing ranges or helpers: an error for SUBIDS and KEEP_ID whose hint is the administrator's one command. */
int idmap_plan(struct arena *arena, const struct idmap_spec *spec, const struct idmap_facts *facts, struct idmap_plan *ret, struct error *err) MUST_CHECK;

/* The administrator's one command that gives this user what is missing: "sudo usermod --add-subuids 100000-165535 ada". */
const char *idmap_range_command(struct arena *arena, const struct idmap_facts *facts);

/* Does the plan map this inside id? */
bool idmap_has(const struct idmap_extent *extents, size_t count, uint32_t inside);

/* Begin and finish mapping the child `pid`, which `pidfd` pins: it is checked to be alive after /proc/PID was opened and before anything is
 * written, so that a reused pid is never mapped. The child must be unreaped and, for the helpers, dumpable (they compare the owner of /proc/PID
 * with their caller). For ranges, begin starts both helpers and returns; finish waits and turns their stderr into the
 * cause. For a single id begin does it all (setgroups is denied first, as the kernel asks). */
struct idmap_job {
	pid_t helpers[2];
	int errors[2]; /* their stderr, read at the end; -1: none */
	int interrupt; /* the caller's, to be set between begin and finish: finish gives up with -EINTR when it is readable; -1 */
};
int idmap_begin(const struct idmap_plan *plan, pid_t pid, int pidfd, struct idmap_job *ret, struct error *err) MUST_CHECK;
int idmap_finish(const struct idmap_plan *plan, struct idmap_job *job, struct error *err) MUST_CHECK;

#endif
