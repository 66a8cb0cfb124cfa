#include "run/suspend.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/procstat.h"

void suspend_init(struct suspend *suspend)
{
	*suspend = (struct suspend){.procfs = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
}

/* Calls for each process but PID 1. */
static void for_each(struct suspend *suspend, void (*act)(struct suspend *suspend, const char *pid))
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
			act(suspend, entry->d_name);
	}
	closedir(dir);
}

static void note_stopped(struct suspend *suspend, const char *pid)
{
	pid_t number = (pid_t)strtol(pid, NULL, 10);
	struct procstat stat;

	if (suspend->stopped_count < SUSPEND_STOPPED_MAX && procstat_read(suspend->procfs, number, &stat) == 0 && stat.state == 'T')
		suspend->stopped[suspend->stopped_count++] = number;
}

void suspend_begin(struct suspend *suspend)
{
	if (!suspend->is_on) {
		suspend->stopped_count = 0;
		for_each(suspend, note_stopped);
	}
	suspend->is_on = true;
	(void)kill(-1, SIGSTOP); /* nobody left is fine */
}

static void continue_one(struct suspend *suspend, const char *pid)
{
	pid_t number = (pid_t)strtol(pid, NULL, 10);

	for (size_t i = 0; i < suspend->stopped_count; i++) {
		if (suspend->stopped[i] == number)
			return;
	}
	(void)kill(number, SIGCONT);
}

void suspend_end(struct suspend *suspend)
{
	suspend->is_on = false;
	if (suspend->stopped_count)
		for_each(suspend, continue_one);
	else
		(void)kill(-1, SIGCONT);
}

void suspend_done(struct suspend *suspend)
{
	suspend->procfs = fd_close(suspend->procfs);
}
