/* Limits as the files of a cgroup: one write(2) for each. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "isolate/cgroup_parts.h"
#include "util/buf.h"
#include "util/fd.h"

struct target {
	int dir;
	const char *path;
	const char *block;
	const struct limit_spec *spec;
	unsigned mask;
	struct error *err;
};

unsigned cgroup_controller_of(enum limit limit)
{
	static const unsigned needed[LIMIT_MAX] = {
	    [LIMIT_MEMORY] = CGROUP_MEMORY,
	    [LIMIT_MEMORY_HIGH] = CGROUP_MEMORY,
	    [LIMIT_SWAP] = CGROUP_MEMORY,
	    [LIMIT_TASKS] = CGROUP_PIDS,
	    [LIMIT_CPUS] = CGROUP_CPU,
	    [LIMIT_CPU_WEIGHT] = CGROUP_CPU,
	    [LIMIT_CPUSET] = CGROUP_CPUSET,
	    [LIMIT_IO_READ] = CGROUP_IO,
	    [LIMIT_IO_WRITE] = CGROUP_IO,
	    [LIMIT_IO_WEIGHT] = CGROUP_IO,
	};

	return limit < LIMIT_MAX ? needed[limit] : 0;
}

static bool is_asked(const struct target *target, enum limit limit)
{
	return (target->mask & (1u << limit)) && target->spec->values[limit].is_set;
}

/* --- texts ------------------------------------------------------------------------------------------------------------------------------- */

void cgroup_format_cpus(uint64_t thousandths, char buffer[CGROUP_VALUE])
{
	/* The kernel takes no quota below a millisecond, nor a period above a second (kernel/sched/core.c, tg_set_cfs_bandwidth). */
	uint64_t period = thousandths < 10 ? 1000000 : 100000;

	(void)snprintf(buffer, CGROUP_VALUE, "%" PRIu64 " %" PRIu64, thousandths * (period / 1000), period);
}

/* What the BFQ scheduler has instead of io.weight ends at 1000; 100 is usual for both. */
static uint64_t bfq_weight(uint64_t weight)
{
	return weight <= 100 ? weight : 100 + (weight - 100) * (1000 - 100) / (10000 - 100);
}

static bool is_in_memory(const char *disk)
{
	return !strncmp(disk, "loop", 4) || !strncmp(disk, "ram", 3) || !strncmp(disk, "zram", 4);
}

char *cgroup_list_disks(int block)
{
	int copy = openat(block, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	struct buf list = {0};

	while (dir && (entry = readdir(dir))) {
		cleanup_free char *file = mem_printf("%s/dev", entry->d_name);
		char number[CGROUP_TEXT];
		cleanup_close int fd = entry->d_name[0] == '.' || is_in_memory(entry->d_name) ? -1 : openat(block, file, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? 0 : read(fd, number, sizeof(number) - 1);

		number[n > 0 ? n : 0] = 0;
		number[strspn(number, "0123456789:")] = 0;
		if (number[0])
			buf_printf(&list, "%s ", number);
	}
	if (dir)
		(void)closedir(dir);
	else
		(void)fd_close(copy);
	buf_puts(&list, "");
	return list.text ? list.text : mem_strdup("");
}

/* --- writes ------------------------------------------------------------------------------------------------------------------------------ */

static int refused(const struct target *target, enum limit limit, const char *file, const char *text, int errnum)
{
	const struct limit_value *value = &target->spec->values[limit];

	error_set(target->err, errnum, "cannot set %s to '%s' in '%s'", file, text, target->path);
	if (errnum == ENOENT)
		error_cause(target->err, "the kernel announces the controller here, but has no such file");
	else if (errnum == EINVAL || errnum == ERANGE)
		error_cause(target->err, "the kernel takes no such value: %s", strerror(errnum));
	return error_at(target->err, &value->at, limit_key(limit));
}

static int put(const struct target *target, enum limit limit, const char *file, const char *text)
{
	int r = fd_put_at(target->dir, file, text);

	return r < 0 ? refused(target, limit, file, text, -r) : 0;
}

static int put_number(const struct target *target, enum limit limit, const char *file)
{
	char text[CGROUP_VALUE];

	if (!is_asked(target, limit))
		return 0;
	(void)snprintf(text, sizeof(text), "%" PRIu64, target->spec->values[limit].value);
	return put(target, limit, file, text);
}

static int put_swap(const struct target *target)
{
	const struct limit_value *memory = &target->spec->values[LIMIT_MEMORY];
	char text[CGROUP_VALUE];
	int r;

	if (is_asked(target, LIMIT_SWAP)) {
		r = put_number(target, LIMIT_SWAP, "memory.swap.max");
		if (r == -ENOENT)
			(void)error_hint(target->err, "a kernel without swap accounting (swapaccount=0) has no memory.swap.max: leave out %s", limit_key(LIMIT_SWAP));
		return r;
	}
	if (!is_asked(target, LIMIT_MEMORY))
		return 0;
	/* As docker run --memory does: as much swap again. Without swap accounting there is no such file. */
	(void)snprintf(text, sizeof(text), "%" PRIu64, memory->value);
	r = fd_put_at(target->dir, "memory.swap.max", text);
	return r < 0 && r != -ENOENT ? refused(target, LIMIT_MEMORY, "memory.swap.max", text, -r) : 0;
}

static int put_memory(const struct target *target)
{
	int r = put_number(target, LIMIT_MEMORY, "memory.max");

	if (r == 0)
		r = put_number(target, LIMIT_MEMORY_HIGH, "memory.high");
	if (r == 0)
		r = put_swap(target);
	/* A tree that lost one process to the limit is in no known state: it goes as a whole (4.19). */
	if (r == 0 && is_asked(target, LIMIT_MEMORY))
		r = put(target, LIMIT_MEMORY, "memory.oom.group", "1");
	return r;
}

static int put_cpu(const struct target *target)
{
	char text[CGROUP_VALUE];
	int r = 0;

	if (is_asked(target, LIMIT_CPUS)) {
		cgroup_format_cpus(target->spec->values[LIMIT_CPUS].value, text);
		r = put(target, LIMIT_CPUS, "cpu.max", text);
	}
	if (r == 0)
		r = put_number(target, LIMIT_CPU_WEIGHT, "cpu.weight");
	if (r == 0 && is_asked(target, LIMIT_CPUSET))
		r = put(target, LIMIT_CPUSET, "cpuset.cpus", target->spec->cpuset ? target->spec->cpuset : "");
	return r;
}

static int put_bandwidth(const struct target *target)
{
	cleanup_close int block = open(target->block, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_free char *disks = cgroup_list_disks(block);
	enum limit limit = is_asked(target, LIMIT_IO_WRITE) ? LIMIT_IO_WRITE : LIMIT_IO_READ;
	char *save = NULL;
	bool any = false;

	for (const char *disk = strtok_r(disks, " ", &save); disk; disk = strtok_r(NULL, " ", &save)) {
		cleanup_buf struct buf line = {0};
		int r;

		buf_puts(&line, disk);
		if (is_asked(target, LIMIT_IO_READ))
			buf_printf(&line, " rbps=%" PRIu64, target->spec->values[LIMIT_IO_READ].value);
		if (is_asked(target, LIMIT_IO_WRITE))
			buf_printf(&line, " wbps=%" PRIu64, target->spec->values[LIMIT_IO_WRITE].value);
		r = fd_put_at(target->dir, "io.max", line.text);
		if (r == -ENODEV || r == -ENXIO) /* gone meanwhile */
			continue;
		if (r < 0)
			return refused(target, limit, "io.max", line.text, -r);
		any = true;
	}
	if (any)
		return 0;
	error_set(target->err, ENODEV, "cannot limit the bandwidth of disks");
	error_cause(target->err, "'%s' shows none", target->block);
	return error_at(target->err, &target->spec->values[limit].at, limit_key(limit));
}

static int put_io(const struct target *target)
{
	char text[CGROUP_VALUE];
	uint64_t weight = target->spec->values[LIMIT_IO_WEIGHT].value;
	int r = is_asked(target, LIMIT_IO_READ) || is_asked(target, LIMIT_IO_WRITE) ? put_bandwidth(target) : 0;

	if (r < 0 || !is_asked(target, LIMIT_IO_WEIGHT))
		return r;
	(void)snprintf(text, sizeof(text), "default %" PRIu64, weight);
	r = fd_put_at(target->dir, "io.weight", text);
	if (r != -ENOENT)
		return r < 0 ? refused(target, LIMIT_IO_WEIGHT, "io.weight", text, -r) : 0;
	(void)snprintf(text, sizeof(text), "default %" PRIu64, bfq_weight(weight));
	r = put(target, LIMIT_IO_WEIGHT, "io.bfq.weight", text);
	if (r == -ENOENT)
		(void)error_hint(target->err, "weights need a kernel with CONFIG_BLK_CGROUP_IOCOST, or disks with the scheduler bfq (modprobe bfq)");
	return r;
}

int cgroup_set_values(int dir, const char *path, const char *block, const struct limit_spec *spec, unsigned mask, unsigned controllers, struct error *err)
{
	struct target target = {.dir = dir, .path = path, .block = block, .spec = spec, .mask = mask, .err = err};
	int r = 0;

	for (enum limit limit = 0; limit < LIMIT_MAX; limit++) {
		if (!is_asked(&target, limit) || (cgroup_controller_of(limit) & controllers))
			continue;
		error_set(err, EOPNOTSUPP, "cannot set the limit '%s' in '%s'", limit_name(limit), path);
		error_cause(err, "the cgroup has not the controller for it");
		return error_at(err, &spec->values[limit].at, limit_key(limit));
	}
	r = put_memory(&target);
	if (r == 0)
		r = put_number(&target, LIMIT_TASKS, "pids.max");
	if (r == 0)
		r = put_cpu(&target);
	if (r == 0)
		r = put_io(&target);
	return r;
}
