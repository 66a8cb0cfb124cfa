/* What `system df` shows. RECLAIMABLE is what `system prune` would free. */
#ifndef CARREL_CLI_SYSTEM_USAGE_H
#define CARREL_CLI_SYSTEM_USAGE_H

#include "cli/image_context.h"
#include "util/buf.h"

struct system_tally { /* folders of sandboxes */
	uint64_t bytes, idle_bytes /* of those that do not run */;
	size_t count, running;
};

struct system_usage {
	struct store_usage store;
	struct system_tally sandboxes; /* that keep their writes (run --name) */
	struct system_tally scratch;   /* what is discarded, of those that run and of those who were killed */
};

/* Looks as the owner of all ids that layers and sandboxes use, where there is a range, for others' folders cannot be looked into. */
int system_usage_take(struct image_context *context, struct system_usage *ret, struct error *err) MUST_CHECK;

/* What killed commands and sandboxes have left, which prune sweeps. */
uint64_t system_usage_left_over(struct image_context *context);

void system_usage_format(const struct system_usage *usage, struct buf *out);
void system_usage_format_json(const struct system_usage *usage, struct buf *out);

#endif
