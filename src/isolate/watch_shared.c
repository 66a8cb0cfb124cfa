/* Memory that no process has as its own: tmpfs, System V segments, memfds.
 *
 * tmpfs and System V are two cheap calls. A memfd that is written to and never mapped stands nowhere but behind a descriptor, so that all of
 * /proc/PID/fd would have to be read. That is done when the machine's shared memory (sysinfo(2)) has risen by more than tmpfs and System V of this
 * sandbox explain, or resident memory has fallen, which could hide such a rise; and every few seconds while anything happens at all, since
 * others on the machine may give back shared memory just then.
 *
 * A memfd that waits in a socket, sent and not received (SCM_RIGHTS), is open nowhere. Nobody tells how large it is, but the socket's fdinfo how many
 * wait (5.6). While any do, the machine's shared memory that came since then and is found nowhere else is taken to be behind them. Should
 * it have been somebody else's, a sandbox with a limit is charged wrongly, but only one that lets descriptors lie in a socket.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "isolate/watch_files.h"
#include "isolate/watch_parts.h"
#include "util/fd.h"
#include "util/mem.h"

enum { SCAN_RISE = 16 * 1024 * 1024 };
enum { SCAN_ANYWAY_MS = 4000 };
enum { EMPTY_SCANS = 4 };         /* until nothing is taken to be in flight any more */
enum { SCAN_MAX_WAIT_MS = 250 };  /* but after a rise never later than this */

static WHILE_IDLE uint64_t tmpfs_used(int fd)
{
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0 || fs.f_blocks < fs.f_bfree)
		return 0;
	return (fs.f_blocks - fs.f_bfree) * (uint64_t)fs.f_bsize;
}

/* False: a line of words, the first one. */
static WHILE_IDLE bool read_numbers(const char *line, uint64_t *ret, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *end;

		ret[i] = strtoull(line, &end, 10);
		if (end == line)
			return false;
		line = end;
	}
	return true;
}

/* A line of /proc/sysvipc/shm: key shmid perms size cpid lpid nattch uid gid cuid cgid atime dtime ctime rss swap. */
static WHILE_IDLE uint64_t segment_used(const char *line)
{
	uint64_t values[16];

	return read_numbers(line, values, ARRAY_SIZE(values)) ? values[14] + values[15] : 0;
}

/* A line of /proc/sysvipc/msg: key msqid perms cbytes qnum … Each message has 48 bytes before its text, and 64 in all at least (ipc/msgutil.c). */
static WHILE_IDLE uint64_t queue_used(const char *line)
{
	uint64_t values[5];

	if (!read_numbers(line, values, ARRAY_SIZE(values)))
		return 0;
	return values[3] > values[4] * 16 ? values[3] + values[4] * 48 : values[4] * 64;
}

static WHILE_IDLE uint64_t sysvipc_used(struct watch *watch, int fd, uint64_t (*used_by)(const char *line))
{
	struct watch_lines lines = {.fd = fd, .text = watch->text, .size = sizeof(watch->text)};
	uint64_t used = 0;
	const char *line;

	if (lines.fd < 0 || lseek(lines.fd, 0, SEEK_SET) < 0)
		return 0;
	while ((line = watch_next_line(&lines)))
		used += used_by(line);
	return used;
}

static WHILE_IDLE uint64_t known_used(struct watch *watch)
{
	const struct watch_sources *sources = &watch->sources;
	uint64_t used = sysvipc_used(watch, sources->sysvipc_shm, segment_used) + sysvipc_used(watch, sources->sysvipc_msg, queue_used);

	for (size_t i = 0; i < sources->tmpfs_count; i++)
		used += tmpfs_used(sources->tmpfs[i]);
	if (!sources->scratch_on_disk)
		used += tmpfs_used(sources->scratch);
	return used;
}

static WHILE_IDLE uint64_t machine_shared(uint64_t *ret_swap)
{
	struct sysinfo info;

	if (sysinfo(&info) < 0)
		return 0;
	*ret_swap = (info.totalswap - info.freeswap) * (uint64_t)info.mem_unit;
	return info.sharedram * (uint64_t)info.mem_unit;
}

void watch_shared_init(struct watch *watch)
{
	struct watch_memory *memory = &watch->memory;
	cleanup_close int fd = memfd_create("carrel", MFD_CLOEXEC);
	struct stat st;

	memory->shmem_dev = fd >= 0 && fstat(fd, &st) == 0 ? st.st_dev : 0;
	memory->known = known_used(watch);
	memory->sharedram_ref = machine_shared(&memory->swap_ref) - memory->known;
	memory->empty_scans = EMPTY_SCANS;
}

/* Of a socket: how many descriptors wait in it. */
static void scan_socket(struct watch *watch, int dir, const char *name)
{
	char path[64], text[512];
	const char *found;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "../fdinfo/%.20s", name);
	cleanup_close int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	found = strstr(text, "scm_fds:");
	if (found)
		watch->memory.in_flight += strtoull(found + strlen("scm_fds:"), NULL, 10);
}

/* The link's text first, which asks no filesystem anything; then what the kernel has without asking (a memfd has no server that could let us wait,
 * but a file of that name on a FUSE filesystem has). */
static void scan_descriptor(void *context, int dir, const char *name)
{
	struct watch *watch = context;
	struct watch_object object;
	struct statx st;
	char link[64];
	ssize_t n = readlinkat(dir, name, link, sizeof(link));

	if (n > 8 && strncmp(link, "socket:[", 8) == 0)
		scan_socket(watch, dir, name);
	if (n < 8 || (strncmp(link, "/memfd:", 7) != 0 && strncmp(link, "/dev/zer", 8) != 0) || statx(dir, name, AT_STATX_DONT_SYNC, STATX_INO | STATX_BLOCKS, &st) < 0)
		return;
	object = (struct watch_object){makedev(st.stx_dev_major, st.stx_dev_minor), st.stx_ino, st.stx_blocks * 512};
	if (link[1] == 'm' || object.dev == watch->memory.shmem_dev)
		watch_objects_add(&watch->memory.objects, &object);
}

/* One scan may miss them, while they are passed around; several do not. */
static void find_hidden(struct watch_memory *memory)
{
	uint64_t elsewhere = memory->sharedram_ref > memory->memfd ? memory->sharedram_ref - memory->memfd : 0;

	memory->empty_scans = memory->in_flight > 0 ? 0 : memory->empty_scans + 1;
	if (memory->empty_scans >= EMPTY_SCANS || elsewhere < memory->hidden_ref)
		memory->hidden_ref = elsewhere;
	memory->hidden = elsewhere - memory->hidden_ref;
}

void watch_shared_scan(struct watch *watch, uint64_t now_ms)
{
	struct watch_memory *memory = &watch->memory;
	uint64_t start = watch_cost_ns(), swap;

	memory->objects.count = 0;
	memory->in_flight = 0;
	watch_each_descriptor(watch, scan_descriptor, watch);
	memory->memfd = watch_objects_sum(&memory->objects);
	memory->known = known_used(watch);
	memory->sharedram_ref = machine_shared(&swap) - memory->known;
	find_hidden(memory);
	memory->resident_ref = watch->table.sums.resident;
	memory->stirred = false;
	memory->scan_at_ms = now_ms;
	memory->scan_ns = watch_cost_ns() - start;
}

/* tmpfs and System V are asked when somebody did something, or the machine's shared memory is another than before; and now and then. */
static WHILE_IDLE void update_known(struct watch *watch, uint64_t now_ms, uint64_t machine)
{
	struct watch_memory *memory = &watch->memory;
	uint64_t start;

	if (watch->table.sums.quiet && machine == memory->machine && now_ms - memory->known_at_ms < WATCH_SLOWEST_MS)
		return;
	start = watch_cost_ns();
	memory->machine = machine;
	memory->known_at_ms = now_ms;
	memory->known = known_used(watch);
	memory->known_ns = watch_cost_ns() - start;
}

static WHILE_IDLE void look_at_swap(struct watch *watch, uint64_t swap)
{
	struct watch_memory *memory = &watch->memory;

	if (swap <= memory->swap_ref + SCAN_RISE && swap >= memory->swap_ref / 2)
		return;
	for (size_t i = 0; i < watch->table.count; i++)
		watch_read_status(watch, &watch->table.now[i]); /* the next look has it in its sum */
	memory->swap_ref = swap;
}

WHILE_IDLE void watch_shared_look(struct watch *watch, uint64_t now_ms)
{
	struct watch_memory *memory = &watch->memory;
	uint64_t resident = watch->table.sums.resident, swap = memory->swap_ref, machine = machine_shared(&swap);
	uint64_t waited = now_ms - memory->scan_at_ms, wait = memory->scan_ns * WATCH_SHARE / 1000000;
	int64_t risen;

	update_known(watch, now_ms, machine);
	look_at_swap(watch, swap);
	risen = (int64_t)(machine - memory->known - memory->sharedram_ref);
	memory->stirred |= !watch->table.sums.quiet || watch->table.sums.cpu_ticks > 0;
	if (resident > memory->resident_ref)
		memory->resident_ref = resident;
	if (risen < 0) {
		memory->sharedram_ref += (uint64_t)risen; /* others gave some back */
		risen = 0;
	}
	risen += (int64_t)(memory->resident_ref - resident);
	if ((risen > SCAN_RISE && waited >= (wait < SCAN_MAX_WAIT_MS ? wait : SCAN_MAX_WAIT_MS)) || (memory->stirred && waited >= SCAN_ANYWAY_MS && waited >= wait))
		watch_shared_scan(watch, now_ms);
}

/* The first line of a mapping (proc_pid_smaps(5)): whether what it maps is counted nowhere else. On the kernel's own tmpfs are System V segments,
 * memfds and what is shared without a name; files of other filesystems are in their statfs(2), or the host's. */
static bool mapping_is_alone(const struct watch_memory *memory, const char *line)
{
	unsigned major = 0, minor = 0;
	unsigned long long inode = 0;
	int name = 0;

	if (sscanf(line, "%*x-%*x %*s %*x %x:%x %llu %n", &major, &minor, &inode, &name) != 3 || inode == 0)
		return false;
	return makedev(major, minor) == memory->shmem_dev && strncmp(line + name, "/SYSV", 5) != 0 && !watch_objects_have(&memory->objects, makedev(major, minor), inode);
}

uint64_t watch_shared_alone(struct watch *watch, pid_t pid)
{
	cleanup_close int fd = watch_open(watch, pid, "smaps", O_RDONLY);
	struct watch_lines lines = {.fd = fd, .text = watch->text, .size = sizeof(watch->text)};
	uint64_t total = 0, share = 0, anonymous = 0;
	bool alone = false;
	const char *line;

	while (fd >= 0 && (line = watch_next_line(&lines))) {
		if ((*line >= '0' && *line <= '9') || (*line >= 'a' && *line <= 'f'))
			alone = mapping_is_alone(&watch->memory, line);
		else if (alone && !watch_line_kilobytes(line, "Pss:", &share) && watch_line_kilobytes(line, "Anonymous:", &anonymous))
			total += share > anonymous ? share - anonymous : 0;
	}
	return total;
}
