/* One process as /proc/PID/stat shows it (proc(5)). */
#ifndef CARREL_UTIL_PROCSTAT_H
#define CARREL_UTIL_PROCSTAT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/error.h"

enum { PROCSTAT_COMM = 16 };

struct procstat {
	pid_t pid, parent;
	char comm[PROCSTAT_COMM]; /* hostile bytes: the process chooses them */
	char state;
	uint64_t minor_faults;
	uint64_t user_ticks, system_ticks;                   /* its own time, in sysconf(_SC_CLK_TCK) a second */
	uint64_t children_user_ticks, children_system_ticks; /* of those that it has waited for */
	uint64_t threads;
	uint64_t start_ticks; /* since the boot: with the pid it names a process that a reused pid cannot be taken for */
	uint64_t resident_pages;
};

/* Pure. -EBADMSG where it is no such line: the name may hold blanks and brackets, and is taken up to the last one. */
int procstat_parse(const char *text, struct procstat *ret) MUST_CHECK;

/* Beneath a descriptor of a procfs. -ENOENT or -ESRCH: there is no such process. */
int procstat_read(int proc_fd, pid_t pid, struct procstat *ret) MUST_CHECK;

#endif
