/* The processes of the sandbox, from one listing of its procfs and one read of each stat file.
 *
 * The listing is sorted by pid, and so is the table: the new one is made by going along both. Files stay open of the first so many; the others are
 * opened each time. A tree above the table's room (a fork bomb that no limit of tasks ends) is still summed up, but who is who is not remembered
 * of those beyond, so that all of their memory counts as grown.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "isolate/watch_files.h"
#include "isolate/watch_parts.h"
#include "util/fd.h"
#include "util/mem.h"

enum { TREE_FIRST_ROOM = 64, TREE_MAX_ROOM = 16384 };
enum { TREE_MAX_FDS = 200 };
enum { LIST_AT_PROCESSES = 256 }; /* fs/proc/base.c, FIRST_PROCESS_ENTRY: before that come sixty files that are no processes */
enum { STAT_TEXT = 1024 };
enum { TABLES_TO_READ = 1024 * 1024 };

struct entry { /* getdents64(2) */
	uint64_t inode;
	int64_t offset;
	uint16_t size;
	uint8_t type;
	char name[];
};

static WHILE_IDLE pid_t pid_of(const char *name)
{
	pid_t pid = 0;

	for (; *name >= '0' && *name <= '9' && pid < 100 * 1000 * 1000; name++)
		pid = pid * 10 + (*name - '0');
	return *name ? 0 : pid;
}

/* Where the listing may begin so that it has all processes: tried, since nobody promised it. */
static int find_list_offset(struct watch *watch)
{
	char text[512];
	long n = lseek(watch->sources.procfs, LIST_AT_PROCESSES, SEEK_SET) < 0 ? -1 : syscall(SYS_getdents64, watch->sources.procfs, text, sizeof(text));

	for (long at = 0; at < n;) {
		const struct entry *entry = (const struct entry *)(void *)(text + at);

		if (pid_of(entry->name) == 1)
			return LIST_AT_PROCESSES;
		at += entry->size;
	}
	return 0;
}

int watch_tree_init(struct watch *watch, struct error *err)
{
	struct watch_table *table = &watch->table;
	struct rlimit files;
	char text[512];

	if (lseek(watch->sources.procfs, 0, SEEK_SET) < 0 || syscall(SYS_getdents64, watch->sources.procfs, text, sizeof(text)) < 0)
		return error_set(err, errno, "cannot list the processes of the sandbox");
	table->list_offset = find_list_offset(watch);
	table->fds_max = getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur < 128 ? 0 : (size_t)(files.rlim_cur - 64) / 4;
	if (table->fds_max > TREE_MAX_FDS)
		table->fds_max = TREE_MAX_FDS;
	table->room = TREE_FIRST_ROOM;
	table->now = mem_resize(NULL, table->room, sizeof(*table->now));
	table->last = mem_resize(NULL, table->room, sizeof(*table->last));
	return 0;
}

static WHILE_IDLE void forget(struct watch_table *table, struct watch_process *process)
{
	if (process->stat_fd >= 0) {
		process->stat_fd = fd_close(process->stat_fd);
		table->fds--;
	}
}

static WHILE_IDLE bool read_stat(int fd, struct watch_process *process)
{
	char text[STAT_TEXT];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return false;
	text[n] = '\0';
	return watch_parse_stat(text, (size_t)n, process);
}

/* The stat of a process that may be known: *process keeps who it is. False: it has gone. */
static WHILE_IDLE bool look_at(struct watch *watch, struct watch_process *process)
{
	struct watch_table *table = &watch->table;
	bool good;
	int fd;

	if (process->stat_fd >= 0) {
		if (read_stat(process->stat_fd, process))
			return true;
		forget(table, process);
	}
	fd = watch_open(watch, process->pid, "stat", O_RDONLY);
	good = fd >= 0 && read_stat(fd, process);
	if (good && table->fds < table->fds_max) {
		process->stat_fd = fd;
		table->fds++;
	} else {
		(void)fd_close(fd);
	}
	return good;
}

/* The first thread has ended, others go on: what memory they have stands in their own files only. */
static void find_living_thread(struct watch *watch, struct watch_process *process)
{
	cleanup_close int tasks = watch_open(watch, process->pid, "task", O_RDONLY | O_DIRECTORY);
	char text[2048];
	long n;

	while (tasks >= 0 && (n = syscall(SYS_getdents64, tasks, text, sizeof(text))) > 0) {
		for (long at = 0; at < n;) {
			const struct entry *entry = (const struct entry *)(void *)(text + at);
			pid_t thread = pid_of(entry->name);
			struct watch_process found = {.pid = thread, .stat_fd = -1};
			cleanup_close int fd = thread > 0 && thread != process->pid ? watch_open(watch, thread, "stat", O_RDONLY) : -1;

			at += entry->size;
			if (fd < 0 || !read_stat(fd, &found) || found.state == 'Z' || found.state == 'X')
				continue;
			process->mm_pid = thread;
			process->state = found.state;
			process->resident = found.resident;
			process->virtual = found.virtual;
			process->layout = found.layout;
			return;
		}
	}
}

static WHILE_IDLE uint64_t ticks(const struct watch_process *process)
{
	return process->user_ticks + process->system_ticks;
}

static WHILE_IDLE uint64_t child_ticks(const struct watch_process *process)
{
	return process->child_user_ticks + process->child_system_ticks;
}

static WHILE_IDLE uint64_t rise(uint64_t from, uint64_t to)
{
	return to > from ? to - from : 0;
}

/* Page tables can be most of what a process uses (one page read in every 2 MB needs 4 kB of them each, and is itself no memory), swap too.
 * They cannot be more than the address space asks for, and only faults make them; where that could be much, the file that tells is read. */
static WHILE_IDLE uint64_t weigh(struct watch *watch, struct watch_process *process, struct watch_sums *sums)
{
	uint64_t most = process->virtual / 512, tables;
	bool read = process->status_faults != UINT64_MAX;

	if (most > TABLES_TO_READ && most > watch->memory.limit / 1024 && (!read || process->faults > process->status_faults + 256)) {
		watch_read_status(watch, process);
		read = true;
	}
	tables = read && process->tables < most ? process->tables + rise(process->status_faults, process->faults) * watch->page : most;
	sums->tables += tables;
	sums->swap += process->swap;
	most = process->faults * watch->page;
	sums->unsure += most < watch->unsure ? most : watch->unsure;
	return tables;
}

/* A process that was there at the last look (`before`), or was not (NULL). */
static WHILE_IDLE void add_up(struct watch *watch, struct watch_process *process, const struct watch_process *before, struct watch_sums *sums)
{
	uint64_t faults = rise(before ? before->faults : 0, process->faults);
	uint64_t gained = rise(before ? child_ticks(before) : 0, child_ticks(process)), tables;

	process->mm_pid = process->pid;
	process->resident *= watch->page;
	if (process->threads == 0)
		process->threads = 1;
	if (process->threads > 1 && (process->state == 'Z' || process->state == 'X')) {
		find_living_thread(watch, process);
		if (process->mm_pid != process->pid)
			process->resident *= watch->page;
	}
	sums->processes++;
	sums->tasks += process->threads;
	sums->running += process->state == 'R';
	sums->resident += process->resident;
	sums->cpu_ticks += rise(before ? ticks(before) : 0, ticks(process)) + gained;
	sums->user_ticks += process->user_ticks + process->child_user_ticks;
	sums->system_ticks += process->system_ticks + process->child_system_ticks;
	sums->children_gained += gained;
	sums->quiet &= before && faults == 0 && before->resident == process->resident;
	tables = weigh(watch, process, sums);
	sums->growth += rise(before ? before->resident : 0, process->resident) + (before ? faults * watch->page : tables);
}

static WHILE_IDLE void gone(struct watch_table *table, struct watch_process *process, struct watch_sums *sums)
{
	forget(table, process);
	sums->gone++;
	sums->gone_ticks += ticks(process) + child_ticks(process);
	sums->quiet = false;
}

/* Room for one more; false when the table is as large as it gets. */
static WHILE_IDLE bool make_room(struct watch_table *table)
{
	if (table->count < table->room)
		return true;
	if (table->room >= TREE_MAX_ROOM)
		return false;
	table->room *= 2;
	table->now = mem_resize(table->now, table->room, sizeof(*table->now));
	table->last = mem_resize(table->last, table->room, sizeof(*table->last));
	return true;
}

/* The next of the listing; `at` goes along the last table. */
static WHILE_IDLE void visit(struct watch *watch, pid_t pid, size_t *at, struct watch_sums *sums)
{
	struct watch_table *table = &watch->table;
	struct watch_process process = {.pid = pid, .stat_fd = -1, .status_faults = UINT64_MAX}, *before = NULL;

	while (*at < table->last_count && table->last[*at].pid < pid)
		gone(table, &table->last[(*at)++], sums);
	if (*at < table->last_count && table->last[*at].pid == pid)
		before = &table->last[(*at)++];
	if (before)
		process = *before;
	if (!look_at(watch, &process)) {
		if (before) {
			before->stat_fd = -1; /* look_at() closed it */
			gone(table, before, sums);
		}
		return;
	}
	if (before && process.start != before->start) { /* another one by now, under the same number */
		before->stat_fd = -1; /* `process` has what is open */
		gone(table, before, sums);
		before = NULL;
		process.status_faults = UINT64_MAX;
		process.tables = process.swap = process.alone = process.shared = 0;
	}
	add_up(watch, &process, before, sums);
	if (make_room(table))
		table->now[table->count++] = process;
	else
		forget(table, &process);
}

WHILE_IDLE bool watch_tree_look(struct watch *watch, uint64_t tasks_most)
{
	struct watch_table *table = &watch->table;
	struct watch_process *swap = table->last;
	struct watch_sums sums = {.quiet = true};
	size_t last = 0;
	long n = 0;

	table->last = table->now;
	table->now = swap;
	table->last_count = table->count;
	table->count = 0;
	if (lseek(watch->sources.procfs, table->list_offset, SEEK_SET) >= 0) {
		while (sums.tasks <= tasks_most && (n = syscall(SYS_getdents64, watch->sources.procfs, watch->listing, sizeof(watch->listing))) > 0) {
			for (long at = 0; at < n && sums.tasks <= tasks_most;) {
				const struct entry *entry = (const struct entry *)(void *)(watch->listing + at);
				pid_t pid = pid_of(entry->name);

				at += entry->size;
				if (pid > 0)
					visit(watch, pid, &last, &sums);
			}
			if (n < (long)sizeof(watch->listing) / 2)
				break; /* there was room for more */
		}
	}
	while (last < table->last_count)
		gone(table, &table->last[last++], &sums);
	table->last_count = 0;
	table->sums = sums;
	return sums.processes > 0;
}

void watch_tree_done(struct watch *watch)
{
	struct watch_table *table = &watch->table;

	for (size_t i = 0; i < table->count; i++)
		forget(table, &table->now[i]);
	free(table->now);
	free(table->last);
}
