/* The room that resources.scratch gives: was it full? A program that got ENOSPC for it seldom says of which filesystem, and often removes what it wrote
 * before anybody can look; so the launcher looks from time to time, the sooner the less room there is.
 *
 * It sees every filling that lasts some milliseconds. What it misses: room that is asked for in one piece and not given (fallocate(2)).
 */
#ifndef CARREL_RUN_SCRATCH_H
#define CARREL_RUN_SCRATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/vfs.h>

#include "util/error.h"
#include "util/mem.h"

struct scratch {
	int fd;             /* of the filesystem; -1: nothing to look at */
	bool is_limited;    /* else a look at the end is enough */
	bool was_full;
	uint64_t used_peak; /* bytes */
	uint64_t used;      /* when last looked at */
	uint64_t pause_ms;
};

/* Owns `fd`, that may be -1, from then on. */
void scratch_open(struct scratch *scratch, int fd, bool is_limited);

/* Look. When to look again (in the clock of `now_ms`); 0: never. */
uint64_t scratch_look(struct scratch *scratch, uint64_t now_ms);

/* Is there nearly nothing left to write to, bytes or names? */
bool scratch_is_full(const struct statfs *fs);

/* How long to wait before the next look, `pause_ms` after the last: `left` bytes can be gone soon, and nothing happens where nothing changed. */
uint64_t scratch_pause(uint64_t left, bool has_changed, uint64_t pause_ms);

/* "the scratch space of 64M (web.yaml:12) was full: …"; NULL: it was not. */
const char *scratch_note(const struct scratch *scratch, struct arena *arena, uint64_t size, const struct origin *at);

void scratch_close(struct scratch *scratch);

#endif
