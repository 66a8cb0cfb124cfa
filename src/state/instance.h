/* Records of running sandboxes: one small file for each, RUNTIME_DIR/running/ID, which its launcher writes once and keeps locked (flock(2)) for as long
 * as it lives. A record whose lock is free is a leftover, and whoever sees it removes it.
 *
 * The file is lines of a key and its value, "arg make"; control characters and backslashes are written as \xNN, so that any bytes of a command
 * line survive. The first line names the format, the last one is "end". A record is believed only when it is a regular file of our own, every
 * line is understood, its launcher and its init are alive with the start times that it names (a reused pid has another), init is the launcher's
 * child, and the launcher is ours.
 */
#ifndef CARREL_STATE_INSTANCE_H
#define CARREL_STATE_INSTANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/buf.h"
#include "util/error.h"
#include "util/mem.h"

enum {
	INSTANCE_ID = 12,            /* hex digits */
	INSTANCE_LIMITS_MAX = 16,
	INSTANCE_ARGS_MAX = 256,     /* what is more of a command line is left out of the record */
	INSTANCE_COMMAND_MAX = 4096, /* in bytes, of all words together */
	INSTANCE_SIZE_MAX = 65536,
};

/* The names of limits that `top` knows; all are those of limit_name() and limit_rung_name() (isolate/limit.h). */
#define INSTANCE_MEMORY "memory" /* bytes */
#define INSTANCE_TASKS "tasks"
#define INSTANCE_CPUS "cpus"     /* thousandths of a processor */

struct instance_limit {
	const char *name;
	uint64_t value;
	const char *rung;
};

struct instance_process {
	pid_t pid;
	uint64_t start_ticks; /* procstat.h */
};

struct instance {
	char id[INSTANCE_ID + 1];
	const char *name;            /* NULL: none was given */
	const char *profile;
	const char *root;            /* the root filesystem or image, as text; NULL: the host's */
	const char *cgroup;          /* of its own, a path below /sys/fs/cgroup; NULL: none */
	const char *const *argv;     /* NULL-terminated */
	struct instance_process launcher, init;
	uint64_t started_boot_ms;    /* CLOCK_BOOTTIME: the age is right also when somebody sets the clock */
	uint64_t started_wall_ms;    /* CLOCK_REALTIME */
	struct instance_limit limits[INSTANCE_LIMITS_MAX];
	size_t limit_count;
};

struct instance_lock {
	int dir, file; /* -1: nothing was published */
	char id[INSTANCE_ID + 1];
};
#define INSTANCE_LOCK_NONE ((struct instance_lock){.dir = -1, .file = -1})

/* Called once the payload runs, by the launcher. The caller sets init.pid, argv, profile, and what else is known; id, launcher, start times and times
 * are found here. Removes a few leftovers. 0 or -errno: a sandbox runs as well without its record. */
int instance_publish(const char *runtime_dir, const struct instance *instance, struct instance_lock *ret) MUST_CHECK;

/* Accepts one that was never published, and may be called twice. */
void instance_withdraw(struct instance_lock *lock);

/* The running ones, the oldest first. 0 or -errno; no folder: none run. */
int instance_list(struct arena *arena, const char *runtime_dir, struct instance **ret, size_t *ret_count) MUST_CHECK;

/* NULL: it has no such limit, or one that does not hold here. */
const struct instance_limit *instance_limit(const struct instance *instance, const char *name);

/* Pure: the file's text. instance_parse gives -EBADMSG for anything that instance_format does not write. */
void instance_format(const struct instance *instance, struct buf *out);
int instance_parse(struct arena *arena, const char *text, size_t size, struct instance *ret) MUST_CHECK;

#endif
