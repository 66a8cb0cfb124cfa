/* The record of a running sandbox (state/instance.h), made from its plan: what `carrel top` lists. */
#ifndef CARREL_RUN_RECORD_H
#define CARREL_RUN_RECORD_H

#include <sys/types.h>

#include "isolate/limits.h"
#include "run/plan.h"
#include "state/instance.h"

/* Once the payload runs. Without a runtime directory, or where it is full, there is none: the sandbox runs all the same. */
void record_publish(const struct plan *plan, const struct limits *limits, pid_t init, struct instance_lock *ret);

#endif
