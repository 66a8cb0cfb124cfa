/* The single files of the sandbox's /proc that the watcher reads. */
#ifndef CARREL_ISOLATE_WATCH_FILES_H
#define CARREL_ISOLATE_WATCH_FILES_H

#include "isolate/watch_parts.h"

int watch_open(struct watch *watch, pid_t pid, const char *name, int flags);

struct watch_lines {
	int fd;
	char *text;
	size_t size, start, end;
};
char *watch_next_line(struct watch_lines *lines); /* NULL: the end */
bool watch_line_kilobytes(const char *line, const char *key, uint64_t *ret_bytes);
bool watch_parse_stat(const char *text, size_t len, struct watch_process *ret);
void watch_read_status(struct watch *watch, struct watch_process *process);

struct watch_shares {
	uint64_t anonymous, swap, shared;
};
/* smaps_rollup. -errno: -ESRCH where it has gone, -EACCES where it may not be read. */
int watch_read_shares(struct watch *watch, pid_t pid, struct watch_shares *ret);

#endif
