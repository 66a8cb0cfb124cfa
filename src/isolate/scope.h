/* A transient scope with Delegate=yes, asked of the user's systemd over D-Bus (org.freedesktop.systemd1(5), StartTransientUnit; the D-Bus
 * specification for the wire). The scope holds init and goes with it: when its last process ends systemd removes it, also after SIGKILL of the launcher.
 *
 * We talk to $XDG_RUNTIME_DIR/systemd/private, systemd's own socket, where no bus daemon stands between (hundreds at once do not meet the bus's limits of
 * connections), else to the session bus. Silence of SCOPE_SILENCE_MS at any point, of one who does nothing
 * meanwhile, means that nobody is there. The answers are parsed as foreign
 * bytes: bounded, every length checked.
 */
#ifndef CARREL_ISOLATE_SCOPE_H
#define CARREL_ISOLATE_SCOPE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/error.h"
#include "util/mem.h"

enum {
	SCOPE_SILENCE_MS = 200, /* where all is slow, our own start too, four times as long as that has taken, */
	SCOPE_SILENCE_MOST_MS = 2000, /* but never longer than this */
	SCOPE_MOST_SILENCES = 5, /* for the whole talk */
};

struct scope_facts {
	const char *socket;     /* path of a unix socket ('@' in front: abstract); NULL: none */
	bool is_bus;            /* the session bus, not systemd's own socket */
	unsigned controllers;   /* CGROUP_*: what the user's systemd has to give (cgroup.controllers of user@UID.service) */
	const char *why_not;    /* for a NULL socket */
};

/* Pure but for looking whether sockets are there: `runtime_dir` is $XDG_RUNTIME_DIR or NULL, `bus_address` $DBUS_SESSION_BUS_ADDRESS or NULL. `cgroup_mount` as in
 * cgroup_facts; NULL: no scope. */
int scope_read_facts(struct arena *arena, const char *runtime_dir, const char *bus_address, const char *cgroup_mount, struct scope_facts *ret, struct error *err) MUST_CHECK;

/* Zeroed: nothing under way. */
struct scope_job {
	int socket;
	bool is_connected;
	char where[108];   /* facts->socket */
	char unit[64];     /* "carrel-1234-5.scope" */
	pid_t pid;
	int64_t began_ms;
	int64_t silence_ms; /* that means nobody is there */
	struct scope_wire *wire; /* owned: what is to be sent, and what was received and not parsed yet; NULL: nothing under way */
};

/* Connect, say hello, ask for the scope that will hold `pid`. Sends as much as it can without waiting for systemd. The process must be ours still (no other
 * id taken on) until scope_finish returned. */
int scope_begin(const struct scope_facts *facts, pid_t pid, const char *description, struct scope_job *ret, struct error *err) MUST_CHECK;

/* Wait until the scope is there and holds the process; *ret_path is its cgroup, absolute, for the caller to free. -ETIMEDOUT: nobody answers;
 * -EACCES and so on with systemd's own words as the cause. The job is done with in any case. After a failure the process may yet be moved to such a
 * scope, by a systemd that comes late: it goes with the process. */
int scope_finish(struct scope_job *job, const char *cgroup_mount, char **ret_path, struct error *err) MUST_CHECK;

/* Accepts a zeroed one, and one that is done with. */
void scope_done(struct scope_job *job);

#endif
