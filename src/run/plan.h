/* The plan: request + profiles + facts about this host, fully resolved. Plain data; making one changes nothing, and nothing is decided
 * after it but what only the sandbox itself can know: a user's number in the root's own passwd file.
 */
#ifndef CARREL_RUN_PLAN_H
#define CARREL_RUN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "isolate/idmap.h"
#include "isolate/landlock.h"
#include "isolate/limits.h"
#include "isolate/ns.h"
#include "isolate/rlimit.h"
#include "isolate/seccomp.h"
#include "isolate/tree.h"
#include "profile/profile.h"
#include "run/host.h"
#include "run/request.h"
#include "util/buf.h"
#include "util/error.h"

struct plan_note {
	const char *text;
	bool loud; /* said without -v, too: the run does less than its words let one expect */
};

enum plan_user { PLAN_USER_SELF, PLAN_USER_ROOT, PLAN_USER_NAMED };

struct run_image; /* plan_image.h */

struct plan_process {
	char *const *argv;        /* NULL-terminated */
	const char **environment; /* NULL-terminated; HOME and USER are set in the stage where the user is NAMED */
	bool home_is_set;         /* somebody asked for a HOME of their own */
	const char *path;         /* the value of PATH in it */
	const char *workdir;
	bool workdir_asked;       /* else "/" takes its place where it is not there */
	const char *hostname;
	mode_t umask;
	enum plan_user user;
	const char *user_text;    /* for NAMED */
	struct origin user_at;
	bool own_keyring;         /* else none: the caller's is left all the same */
	bool no_keyring_calls;    /* the filter refuses every call that reaches a keyring */
	int nice;                 /* 0: as the caller\'s */
	struct origin nice_at;
	int io_class;             /* enum profile_io_class */
	struct origin io_class_at;
	const char *cpuset;       /* for sched_setaffinity(2), where no cgroup does it; NULL: none */
	struct origin cpuset_at;
	uint64_t output_max;      /* bytes of stdout and stderr together; valid with has_output_max */
	bool has_output_max;
	struct origin output_at;
	bool pty;
	int stop_signal;          /* that asks it to end: the image's, else SIGTERM */
	struct origin stop_signal_at;
	uint64_t timeout_ms, grace_ms;
	struct origin timeout_at, grace_at;
	const int *preserve_fds;
	size_t preserve_fd_count;
};

struct plan {
	struct arena *arena;
	const struct profile *profile;
	const struct host *host;
	const struct run_image *image; /* whose layers are the root; NULL */
	struct ns_plan ns;
	struct idmap_plan ids;
	struct tree_plan tree;
	struct seccomp_spec seccomp;
	uint64_t capabilities;      /* that root has */
	uint64_t user_capabilities; /* that any other user has, a part of them */
	struct landlock_plan landlock;
	struct rlimit_entry *rlimits;
	size_t rlimit_count;
	bool has_limits;            /* of the whole sandbox, or its usage is wanted: `limits` is filled in */
	struct limits_plan limits;
	bool requires_limits;
	bool shows_usage;           /* the stage hands out what the launcher looks at (CHANNEL_WATCH) */
	struct plan_process process;
	const char *instance_dir; /* of a named sandbox, whose layers are kept; NULL */
	bool needs_guard;   /* something may be missing in a writable directory of the host */
	struct plan_note *notes; /* what people should know: degradations, things left out */
	size_t note_count;
};

struct plan_input {
	const struct request *request;
	const struct profile *profile;
	const struct host *host;
	const struct run_image *image; /* what the profile's root image:REF is; NULL where that is something else */
	const char *data_dir;
};

/* Everything is made in `arena`, which also must outlive the plan's use; what the input points to, too. */
int plan_make(struct arena *arena, const struct plan_input *in, struct plan *ret, struct error *err) MUST_CHECK;

/* Is there any layered mount or root in it? */
bool plan_uses_layers(const struct plan *plan);

void plan_note(struct plan *plan, bool loud, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Does the value come from the command line? (Its label is "command line --option".) */
bool plan_is_command_line(const struct origin *at);

/* What the limits' rungs want the payload to do: rlimits, niceness, processors. Again after a limits_fall_back, on both sides. */
void plan_take_rungs(struct plan *plan);
/* Each limit that does not hold becomes a loud note, or an error where it was required. */
int plan_tell_rungs(struct plan *plan, struct error *err) MUST_CHECK;
/* Is everything given that the profile requires? */
int plan_require(const struct plan *plan, struct error *err) MUST_CHECK;

/* The plan as YAML, each line that a rule asked for with its origin as a comment. */
void plan_print(const struct plan *plan, const struct profile *profile, struct buf *out);

/* --- the parts of plan_make, one file each --- */

/* A further place in the tree, and a directory that is to be there. */
struct tree_entry *plan_add_entry(struct plan *plan, enum tree_kind kind, const char *target);
void plan_add_directory(struct plan *plan, const char *path);

/* A profile's path: "~", "~/x", "$NAME/x" of the variables that profiles may name; relative ones stand for the working directory. A variable
 * that is not set gives -ENOENT with `err`. */
int plan_expand(struct plan *plan, const struct text_value *text, const char *key, const char **ret, struct error *err) MUST_CHECK;

int plan_ids(struct plan *plan, const struct plan_input *in, struct error *err) MUST_CHECK;
int plan_files(struct plan *plan, const struct plan_input *in, struct error *err) MUST_CHECK;
int plan_limits(struct plan *plan, const struct plan_input *in, struct error *err) MUST_CHECK;
int plan_walls(struct plan *plan, const struct plan_input *in, struct error *err) MUST_CHECK;
int plan_process(struct plan *plan, const struct plan_input *in, struct error *err) MUST_CHECK;

#endif
