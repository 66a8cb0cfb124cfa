/* What a sandbox has on disk: the folder for what is discarded, where memory cannot hold it, and the kept layers of named ones. */
#ifndef CARREL_RUN_STORAGE_H
#define CARREL_RUN_STORAGE_H

#include "run/host.h"
#include "run/plan.h"
#include "util/error.h"

/* Make a fresh folder STORE/scratch/XXXXXX and set it in the plan. *ret_lock holds it until we are gone, however we go; before, a few folders whose
 * owner is gone (SIGKILL, power cut) are removed. */
int storage_make_scratch(struct plan *plan, int *ret_lock, struct error *err) MUST_CHECK;

/* All of those that are left. */
void storage_sweep_scratch(const struct host *host);

/* Remove a tree that sandboxes wrote, also where it belongs to subordinate ids. */
int storage_remove(const struct host *host, const char *path, struct error *err) MUST_CHECK;

/* Remove the named sandbox: its kept layers. A running one is an error, and so is one that does not exist. */
int storage_remove_instance(const struct host *host, const char *name, struct error *err) MUST_CHECK;

#endif
