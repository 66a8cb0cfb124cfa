/* Do something as the owner of all ids of a mapping: what a sandbox with a subordinate range leaves on disk belongs to ids that its user can
 * neither remove nor read from outside (podman#1386). */
#ifndef CARREL_ISOLATE_INSIDE_H
#define CARREL_ISOLATE_INSIDE_H

#include "isolate/idmap.h"
#include "util/error.h"

/* Run `act` in a forked child that has a user namespace of its own with the plan's mapping and all capabilities in it. 0 where it gave 0, else
 * its negative errno; with `err` only when it could not be run at all. */
int inside_run(const struct idmap_plan *plan, int (*act)(void *argument), void *argument, struct error *err) MUST_CHECK;

#endif
