/* Where there is no cgroup, a sandbox is its init and all who descend from it: an orphan of a pid namespace becomes init's child, so nobody
 * escapes that. */
#include "state/usage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/mem.h"
#include "util/procstat.h"
#include "util/units.h"

enum { FILE_SIZE_MAX = 65536 };

/* --- cgroup --- */

static bool read_counter(int dir, const char *name, uint64_t *ret)
{
	cleanup_free char *text = NULL;
	int64_t number;
	size_t size;

	if (fd_slurp_at(dir, name, FILE_SIZE_MAX, &text, &size) < 0)
		return false;
	text[strcspn(text, "\n")] = 0;
	if (units_parse_number(text, 0, INT64_MAX, &number) < 0)
		return false;
	*ret = (uint64_t)number;
	return true;
}

static bool read_cpu(int dir, uint64_t *ret)
{
	cleanup_free char *text = NULL;
	size_t size;

	return fd_slurp_at(dir, "cpu.stat", FILE_SIZE_MAX, &text, &size) == 0 && sscanf(text, "usage_usec %" SCNu64, ret) == 1;
}

/* Which of the three the kernel counts: a controller may be missing. */
enum { HAS_MEMORY = 1, HAS_CPU = 2, HAS_TASKS = 4, HAS_ALL = 7 };

static unsigned read_cgroup(const char *path, struct usage *ret)
{
	cleanup_close int dir = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	unsigned has = 0;

	if (dir < 0)
		return 0;
	if (read_counter(dir, "memory.current", &ret->memory))
		has |= HAS_MEMORY;
	if (read_cpu(dir, &ret->cpu_us))
		has |= HAS_CPU;
	if (read_counter(dir, "pids.current", &ret->tasks))
		has |= HAS_TASKS;
	return has;
}

/* --- /proc --- */

enum { UNSEEN = -2, NOBODYS = -1 };

struct process {
	struct procstat stat;
	long owner; /* index of its instance, or one of the two above */
};

struct scan {
	int proc;
	struct process *all; /* by pid */
	size_t count;
};

static int by_pid(const void *a, const void *b)
{
	pid_t x = ((const struct process *)a)->stat.pid, y = ((const struct process *)b)->stat.pid;

	return (x > y) - (x < y);
}

static int read_processes(struct scan *scan)
{
	struct dirent *entry;
	size_t room = 0;
	DIR *entries;

	scan->proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	entries = scan->proc < 0 ? NULL : opendir("/proc");
	if (!entries)
		return -errno;
	while ((entry = readdir(entries))) {
		struct process process = {.owner = UNSEEN};
		int64_t pid;

		if (units_parse_number(entry->d_name, 1, INT_MAX, &pid) < 0 || procstat_read(scan->proc, (pid_t)pid, &process.stat) < 0)
			continue;
		if (scan->count == room)
			scan->all = mem_resize(scan->all, room = room ? room * 2 : 256, sizeof(*scan->all));
		scan->all[scan->count++] = process;
	}
	(void)closedir(entries);
	if (scan->count)
		qsort(scan->all, scan->count, sizeof(*scan->all), by_pid);
	return 0;
}

static struct process *find(const struct scan *scan, pid_t pid)
{
	const struct process key = {.stat.pid = pid};

	return scan->count ? bsearch(&key, scan->all, scan->count, sizeof(key), by_pid) : NULL;
}

/* Up to the first ancestor whose owner is known, and down again with the answer. The scan is no snapshot, and a reused pid could close a ring: it has
 * an end all the same, since each one on the way is marked. */
static long find_owner(const struct scan *scan, struct process *process)
{
	struct process *top = process;
	long owner;

	while (top && top->owner == UNSEEN) {
		top->owner = NOBODYS;
		top = find(scan, top->stat.parent);
	}
	owner = top ? top->owner : NOBODYS;
	for (struct process *p = process; owner != NOBODYS && p && p->owner == NOBODYS; p = find(scan, p->stat.parent))
		p->owner = owner;
	return owner;
}

static uint64_t field_kb(const char *text, const char *name)
{
	const char *at = strstr(text, name);
	uint64_t kb;

	return at && sscanf(at + strlen(name), " %" SCNu64, &kb) == 1 ? kb : 0;
}

/* Pss_Anon and its like: Linux 5.4. */
static uint64_t memory_of(const struct scan *scan, const struct procstat *stat)
{
	cleanup_free char *text = NULL;
	char path[40];
	size_t size;

	(void)snprintf(path, sizeof(path), "%d/smaps_rollup", (int)stat->pid);
	if (fd_slurp_at(scan->proc, path, FILE_SIZE_MAX, &text, &size) < 0 || !strstr(text, "\nPss_Anon:"))
		return stat->resident_pages * (uint64_t)sysconf(_SC_PAGESIZE);
	return 1024 * (field_kb(text, "\nPss_Anon:") + field_kb(text, "\nPss_Shmem:") + field_kb(text, "\nSwapPss:"));
}

static void count_process(const struct scan *scan, const struct process *process, unsigned has, struct usage *usage)
{
	const struct procstat *stat = &process->stat;
	uint64_t ticks = stat->user_ticks + stat->system_ticks + stat->children_user_ticks + stat->children_system_ticks;

	usage->is_known = true;
	if (!(has & HAS_MEMORY))
		usage->memory += memory_of(scan, stat);
	if (!(has & HAS_CPU))
		usage->cpu_us += ticks * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
	if (!(has & HAS_TASKS))
		usage->tasks += stat->threads;
}

static int scan_trees(const struct instance *list, size_t count, const unsigned *has, struct usage *ret)
{
	struct scan scan = {.proc = -1};
	int r = read_processes(&scan);

	for (size_t i = 0; r == 0 && i < count; i++) {
		struct process *init = find(&scan, list[i].init.pid);

		if (init && init->stat.start_ticks == list[i].init.start_ticks)
			init->owner = (long)i;
	}
	for (size_t i = 0; r == 0 && i < scan.count; i++) {
		long owner = scan.all[i].owner == UNSEEN ? find_owner(&scan, &scan.all[i]) : scan.all[i].owner;

		if (owner >= 0 && has[owner] != HAS_ALL)
			count_process(&scan, &scan.all[i], has[owner], &ret[owner]);
	}
	free(scan.all);
	(void)fd_close(scan.proc);
	return r;
}

int usage_read(const struct instance *list, size_t count, struct usage *ret)
{
	cleanup_free unsigned *has = mem_alloc((count + 1) * sizeof(*has));
	bool wants_scan = false;

	for (size_t i = 0; i < count; i++) {
		ret[i] = (struct usage){0};
		has[i] = read_cgroup(list[i].cgroup, &ret[i]);
		ret[i].is_known = ret[i].is_cgroup = has[i] == HAS_ALL;
		wants_scan = wants_scan || has[i] != HAS_ALL;
	}
	return wants_scan ? scan_trees(list, count, has, ret) : 0;
}
