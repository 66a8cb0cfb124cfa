/* What long work tells about itself. Nothing here prints: cli/progress.c draws it. The functions may be called from several threads. */
#ifndef CARREL_IMAGE_PROGRESS_H
#define CARREL_IMAGE_PROGRESS_H

#include <stdint.h>

enum progress_phase {
	PROGRESS_WAITING,   /* for another process that does it */
	PROGRESS_DOWNLOADING,
	PROGRESS_UNPACKING, /* what is left after the download */
	PROGRESS_UPLOADING,
	PROGRESS_READING, PROGRESS_WRITING, /* archives */
	PROGRESS_RETRYING,
	PROGRESS_EXISTS,    /* was there already */
	PROGRESS_DONE,
};

struct progress {
	/* `name` is a layer's digest or a file's name, the same in each call for one item; `total` 0: unknown. */
	void (*report)(void *context, const char *name, enum progress_phase phase, uint64_t done, uint64_t total);
	void (*say)(void *context, const char *text); /* a whole line: "retrying in 2 s: connection reset"; never part of the result */
	void *context;
};

/* Each accepts NULL for "nobody listens". */
static inline void progress_report(const struct progress *progress, const char *name, enum progress_phase phase, uint64_t done, uint64_t total)
{
	if (progress && progress->report)
		progress->report(progress->context, name, phase, done, total);
}

static inline void progress_say(const struct progress *progress, const char *text)
{
	if (progress && progress->say)
		progress->say(progress->context, text);
}

#endif
