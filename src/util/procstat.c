#include "util/procstat.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/mem.h"

/* Fields of proc(5), counted from state, which is the third. */
enum {
	FIELD_PARENT = 1,
	FIELD_MINOR_FAULTS = 7,
	FIELD_USER = 11,
	FIELD_SYSTEM,
	FIELD_CHILDREN_USER,
	FIELD_CHILDREN_SYSTEM,
	FIELD_THREADS = 17,
	FIELD_START = 19,
	FIELD_RESIDENT = 21,
	FIELD_MAX,
};

enum { STAT_SIZE = 1024 };

/* Numbers of which some are negative and none of those is of interest: they become 0. */
static bool parse_numbers(const char *text, uint64_t numbers[FIELD_MAX])
{
	for (int i = FIELD_PARENT; i < FIELD_MAX; i++) {
		char *end;

		if (*text++ != ' ')
			return false;
		bool negative = *text == '-';
		if (negative)
			text++;
		if (*text < '0' || *text > '9')
			return false;
		errno = 0;
		numbers[i] = strtoull(text, &end, 10);
		if (errno)
			return false;
		if (negative)
			numbers[i] = 0;
		text = end;
	}
	return *text == ' ' || *text == '\n' || !*text;
}

int procstat_parse(const char *text, struct procstat *ret)
{
	uint64_t numbers[FIELD_MAX];
	struct procstat stat = {0};
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	char *end;

	if (!open || !close || close < open || close[1] != ' ' || close[2] < 'A' || close[2] > 'z')
		return -EBADMSG;
	if (*text < '0' || *text > '9')
		return -EBADMSG;
	unsigned long pid = strtoul(text, &end, 10);
	if (end[0] != ' ' || end + 1 != open || pid == 0 || pid > INT_MAX)
		return -EBADMSG;
	if (!parse_numbers(close + 3, numbers) || numbers[FIELD_PARENT] > INT_MAX)
		return -EBADMSG;
	size_t length = (size_t)(close - open) - 1;
	memcpy(stat.comm, open + 1, length < PROCSTAT_COMM ? length : PROCSTAT_COMM - 1);
	stat.pid = (pid_t)pid;
	stat.parent = (pid_t)numbers[FIELD_PARENT];
	stat.state = close[2];
	stat.minor_faults = numbers[FIELD_MINOR_FAULTS];
	stat.user_ticks = numbers[FIELD_USER];
	stat.system_ticks = numbers[FIELD_SYSTEM];
	stat.children_user_ticks = numbers[FIELD_CHILDREN_USER];
	stat.children_system_ticks = numbers[FIELD_CHILDREN_SYSTEM];
	stat.threads = numbers[FIELD_THREADS];
	stat.start_ticks = numbers[FIELD_START];
	stat.resident_pages = numbers[FIELD_RESIDENT];
	*ret = stat;
	return 0;
}

int procstat_read(int proc_fd, pid_t pid, struct procstat *ret)
{
	char path[32], text[STAT_SIZE];
	ssize_t size;

	(void)snprintf(path, sizeof(path), "%d/stat", (int)pid);
	cleanup_close int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	size = read(fd, text, sizeof(text) - 1);
	if (size < 0)
		return -errno;
	text[size] = 0;
	return procstat_parse(text, ret);
}
