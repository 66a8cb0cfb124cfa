/* The files of a cgroup, and its processes. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "isolate/cgroup_parts.h"
#include "util/fd.h"
#include "util/procstat.h"

const char *cgroup_read_text(int dir, const char *name, char buffer[CGROUP_TEXT])
{
	cleanup_close int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read(fd, buffer, CGROUP_TEXT - 1);

	buffer[n > 0 ? n : 0] = 0;
	return buffer;
}

uint64_t cgroup_read_number(int dir, const char *name)
{
	char text[CGROUP_TEXT];

	cgroup_read_text(dir, name, text);
	return text[0] >= '0' && text[0] <= '9' ? strtoull(text, NULL, 10) : UINT64_MAX;
}

uint64_t cgroup_parse_stat(const char *text, const char *key)
{
	size_t len = strlen(key);

	while (*text) {
		size_t line = strcspn(text, "\n");

		if (line > len + 1 && text[len] == ' ' && !strncmp(text, key, len))
			return strtoull(text + len + 1, NULL, 10);
		text += line + (text[line] == '\n');
	}
	return UINT64_MAX;
}

size_t cgroup_read_processes(int dir, pid_t *ret, size_t most)
{
	cleanup_close int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char text[CGROUP_TEXT];
	size_t count = 0;
	long long number = -1;
	ssize_t n;

	while (fd >= 0 && count < most && (n = read(fd, text, sizeof(text))) > 0) {
		for (ssize_t i = 0; i < n && count < most; i++) {
			if (text[i] >= '0' && text[i] <= '9') {
				number = (number < 0 ? 0 : number * 10) + (text[i] - '0');
			} else if (number >= 0) {
				ret[count++] = (pid_t)number; /* 0: one that our own namespace does not show */
				number = -1;
			}
		}
	}
	return count;
}

_Static_assert(sizeof(((struct procstat *)NULL)->comm) == LIMIT_COMM, "a name is a name");

void cgroup_find_largest(int dir, struct limit_verdict *ret)
{
	enum { MOST = 1024 }; /* more are not looked at: this is for a message, and meanwhile nobody serves the terminal */
	pid_t pids[MOST];
	size_t count = cgroup_read_processes(dir, pids, MOST);
	uint64_t largest = 0, page = (uint64_t)sysconf(_SC_PAGESIZE);
	cleanup_close int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < count; i++) {
		struct procstat stat;

		if (procstat_read(proc, pids[i], &stat) < 0 || stat.resident_pages <= largest)
			continue;
		largest = stat.resident_pages;
		ret->largest = largest * page;
		memcpy(ret->largest_comm, stat.comm, sizeof(ret->largest_comm));
	}
}
