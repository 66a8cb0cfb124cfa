#include "run/suspend.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/procstat.h"

/* Page faults of a process that was forked and stopped before it came out of the kernel: one, for the id that it leaves its libc (set_child_tid).
 * One that lived to stop itself has eight and more, even where it did nothing else. */
enum { NEWBORN_FAULTS = 3 };

enum { STATUS_SIZE = 16 << 10 }; /* with the groups of whoever has hundreds */

void suspend_init(struct suspend *suspend)
{
	*suspend = (struct suspend){.procfs = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
}

/* Calls for each process but PID 1. */
static void for_each(struct suspend *suspend, void (*act)(struct suspend *suspend, pid_t pid))
{
	int copy = suspend->procfs < 0 ? -1 : openat(suspend->procfs, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	if (!dir) {
		(void)fd_close(copy);
		return;
	}
	while ((entry = readdir(dir))) {
		if (isdigit((unsigned char)entry->d_name[0]) && strcmp(entry->d_name, "1") != 0)
			act(suspend, (pid_t)strtol(entry->d_name, NULL, 10));
	}
	closedir(dir);
}

/* Stopped, and with a SIGSTOP that nobody has taken yet (proc(5), State and ShdPnd). The kernel looks at them in this order: the other way round, one that takes it
 * in between would look the same. */
static bool was_stopped_twice(const struct suspend *suspend, pid_t pid)
{
	char path[32], text[STATUS_SIZE];

	(void)snprintf(path, sizeof(path), "%d/status", (int)pid);
	cleanup_close int fd = openat(suspend->procfs, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	const char *state = strstr(text, "\nState:\tT"), *pending = state ? strstr(state, "\nShdPnd:") : NULL;
	return pending && strtoull(pending + strlen("\nShdPnd:"), NULL, 16) & 1ULL << (SIGSTOP - 1);
}

static bool is_stopped(const struct suspend *suspend, pid_t pid, struct procstat *ret)
{
	return procstat_read(suspend->procfs, pid, ret) == 0 && ret->state == 'T';
}

/* Our SIGSTOP was sent: it stays pending in who had stopped before, and is taken by whom it stops. (Nearly all are of the second kind: they cost one file each.) */
static void note_stopped(struct suspend *suspend, pid_t pid)
{
	struct procstat stat;

	if (suspend->stopped_count < SUSPEND_STOPPED_MAX && was_stopped_twice(suspend, pid) && is_stopped(suspend, pid, &stat) && stat.minor_faults > NEWBORN_FAULTS)
		suspend->stopped[suspend->stopped_count++] = pid;
}

void suspend_begin(struct suspend *suspend)
{
	bool was_on = suspend->is_on;

	suspend->is_on = true;
	(void)kill(-1, SIGSTOP); /* nobody left is fine */
	if (!was_on) {
		suspend->stopped_count = 0;
		for_each(suspend, note_stopped);
	}
}

static bool had_stopped(const struct suspend *suspend, pid_t pid)
{
	for (size_t i = 0; i < suspend->stopped_count; i++) {
		if (suspend->stopped[i] == pid)
			return true;
	}
	return false;
}

static void continue_one(struct suspend *suspend, pid_t pid)
{
	if (!had_stopped(suspend, pid))
		(void)kill(pid, SIGCONT);
}

void suspend_end(struct suspend *suspend)
{
	suspend->is_on = false;
	if (suspend->stopped_count)
		for_each(suspend, continue_one);
	else
		(void)kill(-1, SIGCONT);
}

static void continue_newborn(struct suspend *suspend, pid_t pid)
{
	struct procstat stat;

	if (is_stopped(suspend, pid, &stat) && stat.minor_faults <= NEWBORN_FAULTS)
		continue_one(suspend, pid);
}

void suspend_end_newborn(struct suspend *suspend)
{
	for_each(suspend, continue_newborn);
}

void suspend_done(struct suspend *suspend)
{
	suspend->procfs = fd_close(suspend->procfs);
}
