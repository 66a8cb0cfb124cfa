/* The stage's steps that have files of their own. */
#ifndef CARREL_RUN_STAGE_PARTS_H
#define CARREL_RUN_STAGE_PARTS_H

#include "isolate/tree.h"
#include "run/stage.h"

/* stage_watch.c: CHANNEL_WATCH, where the plan wants it. */
int stage_send_watch(const struct stage *stage, struct tree *tree, struct error *err) MUST_CHECK;

#endif
