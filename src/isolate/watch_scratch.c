/* Discarded layers on a disk: how large the folder is.
 *
 * Files there belong to ids of the sandbox and may have modes that keep us out. So a child of ours joins its user namespace, where its owner has
 * all rights over such files, adds up what there is and ends. From inside it can neither be seen nor signalled: it is in the host's pid namespace.
 * It holds one folder open and goes up again by "..", so that neither depth nor a folder that is moved meanwhile makes it fail; what has several
 * links counts for each link its part. Files that were removed and are still open count too.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "isolate/watch_files.h"
#include "isolate/watch_parts.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/sys.h"

enum { WALK_SHARE = 100 };           /* 1 % of a processor */
enum { WALK_MIN_MS = 250, WALK_MAX_MS = 10 * 1000 };
enum { WALK_MAX_DEPTH = 1024 * 1024 };

struct level {
	uint64_t dev, inode;
	long place; /* in its listing */
};

struct walk {
	struct level *levels;
	size_t depth, room;
	uint64_t used, limit;
	DIR *dir;
};

struct walk_result {
	uint64_t used, cost_ns;
};

static void count(struct walk *walk, const struct stat *st)
{
	uint64_t links = S_ISDIR(st->st_mode) || st->st_nlink < 1 ? 1 : (uint64_t)st->st_nlink;

	walk->used += (uint64_t)st->st_blocks * 512 / links;
}

static bool open_dir(struct walk *walk, const char *name)
{
	int fd = openat(dirfd(walk->dir), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		(void)fd_close(fd);
		return false;
	}
	(void)closedir(walk->dir);
	walk->dir = dir;
	return true;
}

static bool descend(struct walk *walk, const char *name)
{
	struct level level;
	struct stat st;

	if (walk->depth >= WALK_MAX_DEPTH || fstat(dirfd(walk->dir), &st) < 0)
		return false;
	level = (struct level){st.st_dev, st.st_ino, telldir(walk->dir)};
	if (!open_dir(walk, name))
		return false;
	if (walk->depth == walk->room) {
		walk->room = walk->room ? walk->room * 2 : 64;
		walk->levels = mem_resize(walk->levels, walk->room, sizeof(*walk->levels));
	}
	walk->levels[walk->depth++] = level;
	return true;
}

/* False: at the top, or the folder was moved away, so that the way up leads elsewhere. */
static bool ascend(struct walk *walk)
{
	struct level *level;
	struct stat st;

	if (walk->depth == 0)
		return false;
	level = &walk->levels[--walk->depth];
	if (!open_dir(walk, "..") || fstat(dirfd(walk->dir), &st) < 0 || st.st_dev != level->dev || st.st_ino != level->inode)
		return false;
	seekdir(walk->dir, level->place);
	return true;
}

static void walk_all(struct walk *walk)
{
	struct stat st;

	do {
		const struct dirent *entry;

		while (walk->used <= walk->limit && (entry = readdir(walk->dir))) {
			if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 || fstatat(dirfd(walk->dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
				continue;
			count(walk, &st);
			if (S_ISDIR(st.st_mode))
				(void)descend(walk, entry->d_name);
		}
	} while (walk->used <= walk->limit && ascend(walk));
}

/* --- files that have been removed and are still open ------------------------------------------------------------------------------------- */

enum { MAX_OVERLAYS = 64 };
enum { CLOCK_SLACK_S = 2 };

struct deleted {
	struct watch *watch;
	uint64_t overlays[MAX_OVERLAYS]; /* mount ids (mountinfo, statx since 5.8) */
	size_t overlay_count;
	struct watch_objects objects;
};

/* 36 35 0:31 / /mnt rw - overlay overlay rw: only the kernel's overlay. fuse-overlayfs moves such files to its work folder, where the walk
 * finds them, and a server of the payload's own could let us wait for ever. */
static void find_overlays(struct deleted *deleted, pid_t pid)
{
	cleanup_close int fd = watch_open(deleted->watch, pid, "mountinfo", O_RDONLY);
	struct watch_lines lines = {.fd = fd, .text = deleted->watch->text, .size = sizeof(deleted->watch->text)};
	const char *line;

	while (fd >= 0 && deleted->overlay_count < MAX_OVERLAYS && (line = watch_next_line(&lines))) {
		const char *type = strstr(line, " - ");

		if (type && strncmp(type, " - overlay ", 11) == 0)
			deleted->overlays[deleted->overlay_count++] = strtoull(line, NULL, 10);
	}
}

/* What was changed since the start is in the upper layer: removing a file of a lower one leaves its time of change as it was. */
static void add_deleted(void *context, int dir, const char *name)
{
	static const char suffix[] = " (deleted)";
	struct deleted *deleted = context;
	char link[4096 + sizeof(suffix)];
	ssize_t n = readlinkat(dir, name, link, sizeof(link) - 1);
	struct watch_object object;
	struct statx st;

	if (n < (ssize_t)sizeof(suffix) || memcmp(link + n - (sizeof(suffix) - 1), suffix, sizeof(suffix) - 1) != 0 ||
	    statx(dir, name, AT_STATX_DONT_SYNC, STATX_BASIC_STATS | STATX_MNT_ID, &st) < 0 || st.stx_ctime.tv_sec + CLOCK_SLACK_S < deleted->watch->scratch.started)
		return;
	for (size_t i = 0; i < deleted->overlay_count; i++) {
		if (deleted->overlays[i] == st.stx_mnt_id) {
			object = (struct watch_object){makedev(st.stx_dev_major, st.stx_dev_minor), st.stx_ino, st.stx_blocks * 512};
			watch_objects_add(&deleted->objects, &object);
			return;
		}
	}
}

static uint64_t sum_deleted(struct watch *watch)
{
	struct deleted deleted = {.watch = watch};
	uint64_t last = 0;

	for (size_t i = 0; i < watch->table.count; i++) {
		char path[48];
		struct stat st;

		(void)snprintf(path, sizeof(path), "%d/ns/mnt", watch->table.now[i].pid);
		if (fstatat(watch->sources.procfs, path, &st, 0) < 0 || st.st_ino == last)
			continue;
		last = st.st_ino;
		find_overlays(&deleted, watch->table.now[i].pid);
	}
	if (deleted.overlay_count > 0)
		watch_each_descriptor(watch, add_deleted, &deleted);
	return watch_objects_sum(&deleted.objects);
}

/* --- the child -------------------------------------------------------------------------------------------------------------------------- */

static bool same_file(int a, int b)
{
	struct stat first, second;

	return fstat(a, &first) == 0 && fstat(b, &second) == 0 && first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

/* The user namespace of the sandbox: of all that its processes are in, the one whose parent is ours. Init itself does not show its own, since it has
 * executed nothing since the clone. */
static int find_user_ns(const struct watch *watch)
{
	cleanup_close int own = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);

	for (size_t i = 0; own >= 0 && i < watch->table.count; i++) {
		char path[48];
		int fd;

		(void)snprintf(path, sizeof(path), "%d/ns/user", watch->table.now[i].pid);
		fd = openat(watch->sources.procfs, path, O_RDONLY | O_CLOEXEC);
		while (fd >= 0 && !same_file(fd, own)) {
			cleanup_close int inner = fd;

			fd = ioctl(inner, NS_GET_PARENT); /* 4.9 */
			if (fd >= 0 && same_file(fd, own))
				return take_fd(inner);
		}
		(void)fd_close(fd);
	}
	return -1;
}

static _Noreturn void walk_in_child(struct watch *watch, int out)
{
	struct walk walk = {.limit = watch->scratch.limit};
	struct walk_result result = {0};
	int user_ns = find_user_ns(watch);
	uint64_t deleted = sum_deleted(watch); /* before we are in the other namespace, where /proc may show us less */
	int fd = openat(watch->sources.scratch, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (user_ns >= 0)
		(void)setns(user_ns, CLONE_NEWUSER); /* else as who we are: most files are readable */
	walk.dir = fd < 0 ? NULL : fdopendir(fd);
	if (!walk.dir)
		_exit(1);
	walk_all(&walk);
	result.used = walk.used + deleted;
	result.cost_ns = watch_cost_ns();
	_exit(fd_write_all(out, &result, sizeof(result)) < 0);
}

static void begin_walk(struct watch *watch)
{
	struct watch_scratch *scratch = &watch->scratch;
	struct clone_args args = {.flags = CLONE_PIDFD, .pidfd = (uintptr_t)&scratch->pidfd}; /* its end sends no signal: nobody waits for just any child */
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return;
	pid = sys_clone3(&args);
	if (pid == 0)
		walk_in_child(watch, ends[1]);
	(void)close(ends[1]);
	if (pid < 0)
		(void)close(ends[0]);
	else
		scratch->pipe = ends[0];
}

static void reap(struct watch_scratch *scratch)
{
	siginfo_t info;

	while (sys_waitid_pidfd(scratch->pidfd, &info, WEXITED | __WALL, NULL) < 0 && errno == EINTR)
		;
	scratch->pidfd = fd_close(scratch->pidfd);
	scratch->pipe = fd_close(scratch->pipe);
}

static void end_walk(struct watch_scratch *scratch, uint64_t now_ms)
{
	struct walk_result result;
	ssize_t n = read(scratch->pipe, &result, sizeof(result));
	uint64_t wait = WALK_MIN_MS;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	reap(scratch);
	if (n == (ssize_t)sizeof(result)) {
		scratch->used = result.used;
		wait = result.cost_ns * WALK_SHARE / 1000000;
	}
	wait = wait < WALK_MIN_MS ? WALK_MIN_MS : wait > WALK_MAX_MS ? WALK_MAX_MS : wait;
	scratch->next_ms = now_ms + wait;
}

static void look_at_tmpfs(struct watch *watch)
{
	struct watch_scratch *scratch = &watch->scratch;
	struct statfs fs;

	if (watch->sources.scratch >= 0 && fstatfs(watch->sources.scratch, &fs) == 0 && fs.f_blocks >= fs.f_bfree)
		scratch->used = (fs.f_blocks - fs.f_bfree) * (uint64_t)fs.f_bsize;
}

WHILE_IDLE uint64_t watch_scratch_look(struct watch *watch, uint64_t now_ms, struct limit_verdict *ret)
{
	struct watch_scratch *scratch = &watch->scratch;

	if (!watch->sources.scratch_on_disk)
		look_at_tmpfs(watch);
	else if (scratch->pipe >= 0)
		end_walk(scratch, now_ms);
	else if (watch->sources.scratch >= 0 && scratch->limit != UINT64_MAX && now_ms >= scratch->next_ms && (watch->memory.stirred || scratch->next_ms == 0))
		begin_walk(watch);
	if (scratch->used > scratch->peak)
		scratch->peak = scratch->used;
	if (scratch->used > scratch->limit && ret->order != LIMIT_END_TREE) {
		ret->order = LIMIT_END_TREE;
		ret->limit = LIMIT_SCRATCH;
		ret->used = scratch->used;
	}
	return scratch->pipe >= 0 ? WATCH_PERIOD_MS / 2 : UINT64_MAX;
}

void watch_scratch_done(struct watch *watch)
{
	struct watch_scratch *scratch = &watch->scratch;

	if (scratch->pidfd < 0)
		return;
	(void)sys_pidfd_send_signal(scratch->pidfd, SIGKILL);
	reap(scratch);
}
