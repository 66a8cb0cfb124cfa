/* Facts about this host and user that a plan needs, read once at the start; everything dear is read only when asked. */
#ifndef CARREL_RUN_HOST_H
#define CARREL_RUN_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "isolate/account.h"
#include "isolate/idmap.h"
#include "util/error.h"
#include "util/mem.h"

struct host {
	struct arena *arena;
	uint32_t uid, gid;
	struct account account;  /* home and name: $HOME and the passwd line; "/" where nobody knows */
	const char *cwd;         /* NULL: deleted or not readable; cwd_error says which */
	int cwd_error;
	char *const *environment;
	const char *runtime_dir; /* 0700 and ours: $XDG_RUNTIME_DIR/carrel or /tmp/carrel-UID; NULL: none could be had */
	const char *store_dir;   /* $CARREL_ROOT, $XDG_DATA_HOME/carrel or ~/.local/share/carrel; not made yet */
};

int host_read(struct arena *arena, char *const *environment, struct host *ret, struct error *err) MUST_CHECK;

/* The value of a variable of the caller's environment, or NULL. */
const char *host_env(const struct host *host, const char *name);

/* The id ranges and helpers, for idmap_plan; read on the first call. */
int host_id_facts(const struct host *host, struct idmap_facts *ret, struct error *err) MUST_CHECK;

/* Can the id ranges be used at all: helpers and both kinds of range? */
bool host_has_ranges(const struct idmap_facts *facts);

#endif
