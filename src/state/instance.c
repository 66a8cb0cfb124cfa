/* Where records live and die.
 *
 * The lock is taken on the empty file, right after it was made: a sweeper that saw it unlocked for that moment may have removed it, which the
 * link count tells, and then another id is tried. A reader that comes before the text is there finds no record, and a moment later it does.
 */
#include "state/instance.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/procstat.h"

enum {
	TRIES = 4,
	SWEEP_MAX = 16, /* records looked at on the way of a start */
};

static const char folder[] = "running";

static uint64_t now_ms(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool is_id(const char *name)
{
	return strlen(name) == INSTANCE_ID && strspn(name, "0123456789abcdef") == INSTANCE_ID;
}

/* A directory of our own that nobody else may write to, or the records in it are not ours either. */
static int open_folder(const char *runtime_dir, bool make)
{
	struct stat st;
	cleanup_close int parent = open(runtime_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (parent < 0)
		return -errno;
	if (make && mkdirat(parent, folder, 0700) < 0 && errno != EEXIST)
		return -errno;
	cleanup_close int dir = openat(parent, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dir < 0 || fstat(dir, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid() || st.st_mode & (S_IWGRP | S_IWOTH))
		return -EPERM;
	return take_fd(dir);
}

/* --- one record of the folder --- */

/* The open file if its launcher lives; else -errno, and what was left behind is removed. */
static int open_live(int dir, const char *id)
{
	struct stat st;
	cleanup_close int file = openat(dir, id, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (file < 0 || fstat(file, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink != 1)
		return -EPERM;
	if (flock(file, LOCK_SH | LOCK_NB) == 0) {
		(void)unlinkat(dir, id, 0); /* somebody else may have been faster */
		return -ENOENT;
	}
	return errno == EWOULDBLOCK ? take_fd(file) : -errno;
}

static bool is_same(const struct instance_process *process, int proc, struct procstat *ret)
{
	return procstat_read(proc, process->pid, ret) == 0 && ret->start_ticks == process->start_ticks && ret->state != 'Z' && ret->state != 'X';
}

/* The real user; the owner of /proc/PID is root for what is not dumpable. */
static bool is_ours(int proc, pid_t pid)
{
	cleanup_free char *text = NULL;
	char path[32];
	size_t size;
	unsigned uid;

	(void)snprintf(path, sizeof(path), "%d/status", (int)pid);
	if (fd_slurp_at(proc, path, INSTANCE_SIZE_MAX, &text, &size) < 0)
		return false;
	const char *line = strstr(text, "\nUid:");
	return line && sscanf(line, "\nUid: %u", &uid) == 1 && uid == getuid();
}

static bool is_believable(const struct instance *instance, const char *id, int proc)
{
	struct procstat launcher, init;

	return !strcmp(instance->id, id) && is_same(&instance->launcher, proc, &launcher) && is_same(&instance->init, proc, &init) &&
	       init.parent == launcher.pid && is_ours(proc, launcher.pid);
}

static bool read_record(struct arena *arena, int dir, const char *id, int proc, struct instance *ret)
{
	cleanup_close int file = open_live(dir, id);
	cleanup_free char *text = NULL;
	size_t size;

	if (file < 0 || fd_slurp(file, INSTANCE_SIZE_MAX, &text, &size) < 0)
		return false;
	return instance_parse(arena, text, size, ret) == 0 && is_believable(ret, id, proc);
}

/* --- all of them --- */

static DIR *open_entries(int dir)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = copy < 0 ? NULL : fdopendir(copy);

	if (!entries)
		(void)fd_close(copy);
	return entries;
}

static void sweep(int dir)
{
	DIR *entries = open_entries(dir);
	struct dirent *entry;

	for (int looked = 0; entries && looked < SWEEP_MAX && (entry = readdir(entries));) {
		if (!is_id(entry->d_name))
			continue;
		(void)fd_close(open_live(dir, entry->d_name));
		looked++;
	}
	if (entries)
		(void)closedir(entries);
}

static int by_age(const void *a, const void *b)
{
	const struct instance *x = a, *y = b;

	if (x->started_boot_ms != y->started_boot_ms)
		return x->started_boot_ms < y->started_boot_ms ? -1 : 1;
	return strcmp(x->id, y->id);
}

int instance_list(struct arena *arena, const char *runtime_dir, struct instance **ret, size_t *ret_count)
{
	cleanup_close int dir = open_folder(runtime_dir, false);
	cleanup_close int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct instance *list = NULL;
	struct dirent *entry;
	size_t count = 0;

	if (dir < 0 && dir != -ENOENT)
		return dir;
	if (proc < 0)
		return -errno;
	DIR *entries = dir < 0 ? NULL : open_entries(dir);
	while (entries && (entry = readdir(entries))) {
		struct instance found;

		if (!is_id(entry->d_name) || !read_record(arena, dir, entry->d_name, proc, &found))
			continue;
		list = arena_grow(arena, list, count, sizeof(*list));
		list[count++] = found;
	}
	if (entries)
		(void)closedir(entries);
	if (count)
		qsort(list, count, sizeof(*list), by_age);
	*ret = list;
	*ret_count = count;
	return 0;
}

const struct instance_limit *instance_limit(const struct instance *instance, const char *name)
{
	for (size_t i = 0; i < instance->limit_count; i++)
		if (!strcmp(instance->limits[i].name, name) && strcmp(instance->limits[i].rung, "none") != 0)
			return &instance->limits[i];
	return NULL;
}

/* --- our own --- */

static int find_facts(struct instance *instance)
{
	struct procstat launcher, init;
	cleanup_close int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = proc < 0 ? -errno : procstat_read(proc, getpid(), &launcher);

	if (r == 0)
		r = procstat_read(proc, instance->init.pid, &init);
	if (r < 0)
		return r;
	instance->launcher = (struct instance_process){launcher.pid, launcher.start_ticks};
	instance->init.start_ticks = init.start_ticks;
	instance->started_boot_ms = now_ms(CLOCK_BOOTTIME);
	instance->started_wall_ms = now_ms(CLOCK_REALTIME);
	return 0;
}

static int make_locked(int dir, char id[INSTANCE_ID + 1])
{
	for (int i = 0; i < TRIES; i++) {
		uint64_t random;
		struct stat st;

		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return -EIO;
		(void)snprintf(id, INSTANCE_ID + 1, "%012" PRIx64, random >> 16);
		cleanup_close int file = openat(dir, id, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (file < 0 && errno != EEXIST)
			return -errno;
		if (file >= 0 && flock(file, LOCK_EX | LOCK_NB) == 0 && fstat(file, &st) == 0 && st.st_nlink == 1)
			return take_fd(file);
		if (file >= 0)
			(void)unlinkat(dir, id, 0); /* a sweep may have done it */
	}
	return -EAGAIN;
}

int instance_publish(const char *runtime_dir, const struct instance *instance, struct instance_lock *ret)
{
	struct instance full = *instance;
	struct instance_lock lock = INSTANCE_LOCK_NONE;
	cleanup_buf struct buf text = {0};
	int r = find_facts(&full);

	if (r < 0)
		return r;
	lock.dir = open_folder(runtime_dir, true);
	if (lock.dir < 0)
		return lock.dir;
	sweep(lock.dir);
	lock.file = make_locked(lock.dir, full.id);
	if (lock.file < 0) {
		(void)fd_close(lock.dir);
		return lock.file;
	}
	memcpy(lock.id, full.id, sizeof(lock.id));
	instance_format(&full, &text);
	r = fd_write_all(lock.file, text.text, text.size);
	if (r < 0)
		instance_withdraw(&lock);
	else
		*ret = lock;
	return r;
}

void instance_withdraw(struct instance_lock *lock)
{
	if (lock->file < 0)
		return;
	(void)unlinkat(lock->dir, lock->id, 0); /* else the next who looks removes it */
	lock->file = fd_close(lock->file);
	lock->dir = fd_close(lock->dir);
}
