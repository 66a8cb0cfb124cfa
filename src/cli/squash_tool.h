/* The program that makes a squashfs from a tar stream: mksquashfs of squashfs-tools 4.5 or later, sqfstar, or tar2sqfs of squashfs-tools-ng. */
#ifndef CARREL_CLI_SQUASH_TOOL_H
#define CARREL_CLI_SQUASH_TOOL_H

#include <sys/types.h>

#include "image/merge.h"
#include "isolate/idmap.h"
#include "util/error.h"

struct squash_tool {
	const char *name;
	pid_t pid;
	int input; /* where the stream goes: a pipe */
	int log;   /* what it says */
};

struct squash_spec {
	const char *compression; /* zstd, gzip, xz, lz4 */
	struct merge_root root;  /* its mode counts; the owner is root */
	const struct idmap_plan *ids; /* the user's own id as root: the owner of the root directory is whoever runs mksquashfs (4.5.1 does not obey -root-uid with -tar) */
	int out;                 /* an empty regular file */
};

/* Start it, with all processors. It ends with us. -ENOENT: none is installed, or it is too old; with a hint. */
int squash_tool_start(struct squash_tool *ret, const struct squash_spec *spec, struct error *err) MUST_CHECK;
/* The stream has ended: wait for it. An error has what it said. */
int squash_tool_finish(struct squash_tool *tool, struct error *err) MUST_CHECK;
/* Instead: nobody wants what it makes. Also after a finish. */
void squash_tool_abandon(struct squash_tool *tool);

#endif
