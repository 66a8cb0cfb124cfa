#include "run/scratch.h"

#include <stdio.h>

#include "util/fd.h"
#include "util/units.h"

enum {
	PAUSE_LEAST_MS = 2,
	PAUSE_MOST_MS = 100,
	BYTES_PER_MS = 2 << 20, /* a fast writer: 2 GB/s */
};

void scratch_open(struct scratch *scratch, int fd, bool is_limited)
{
	*scratch = (struct scratch){.fd = fd, .is_limited = is_limited, .pause_ms = PAUSE_LEAST_MS};
}

bool scratch_is_full(const struct statfs *fs)
{
	return fs->f_blocks && (fs->f_bavail == 0 || (fs->f_files && fs->f_ffree == 0));
}

uint64_t scratch_pause(uint64_t left, bool has_changed, uint64_t pause_ms)
{
	uint64_t soon = has_changed ? left / BYTES_PER_MS : pause_ms * 2;

	if (soon < PAUSE_LEAST_MS)
		return PAUSE_LEAST_MS;
	return soon > PAUSE_MOST_MS ? PAUSE_MOST_MS : soon;
}

uint64_t scratch_look(struct scratch *scratch, uint64_t now_ms)
{
	struct statfs fs;
	uint64_t used;

	if (scratch->fd < 0 || fstatfs(scratch->fd, &fs) < 0)
		return 0;
	used = (fs.f_blocks - fs.f_bfree) * (uint64_t)fs.f_bsize;
	scratch->was_full = scratch->was_full || scratch_is_full(&fs);
	if (used > scratch->used_peak)
		scratch->used_peak = used;
	scratch->pause_ms = scratch_pause(fs.f_bfree * (uint64_t)fs.f_bsize, used != scratch->used, scratch->pause_ms);
	scratch->used = used;
	return scratch->is_limited ? now_ms + scratch->pause_ms : 0;
}

const char *scratch_note(const struct scratch *scratch, struct arena *arena, uint64_t size, const struct origin *at)
{
	char text[UNITS_TEXT], where[256] = "";

	if (!scratch->was_full || !scratch->is_limited)
		return NULL;
	if (at->file && at->line)
		(void)snprintf(where, sizeof(where), " (%s:%u)", at->file, at->line);
	else if (at->file)
		(void)snprintf(where, sizeof(where), " (%s)", at->file);
	return arena_printf(arena, "the scratch space of %s%s was full: writes to /tmp and to what is discarded failed with 'No space left on device'",
	    units_format_size(size, text), where);
}

void scratch_close(struct scratch *scratch)
{
	scratch->fd = fd_close(scratch->fd);
}
