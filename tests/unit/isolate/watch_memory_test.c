/* Memory in every form in which a tree can have it, against a limit of 64 MB: what is more ends it, what only looks like more does not. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "unit/isolate/watch_world.h"
#include "unit/sanitized.h"
#include "util/mem.h"

TestSuite(watch_memory, .timeout = 120);

static char *map(size_t size, int flags)
{
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);

	if (memory == MAP_FAILED)
		_exit(1);
	return memory;
}

static void take(size_t size)
{
	touch(map(size, MAP_PRIVATE), size);
}

static void children(int count, void (*act)(void *), void *context)
{
	for (int i = 0; i < count; i++) {
		if (fork() == 0) {
			act(context);
			ready();
			for (;;)
				(void)pause();
		}
	}
}

/* Each says ready() once for one go: with children, the last of them. */
static void anonymous_below(void)
{
	take(40 * MB);
	ready();
}

static void anonymous_above(void)
{
	(void)prctl(PR_SET_NAME, "a) R 1 (b");
	take(100 * MB);
	ready();
}

static void shared_above(void)
{
	touch(map(100 * MB, MAP_SHARED), 100 * MB);
	ready();
}

static void read_all(void *memory)
{
	for (size_t at = 0; at < 40 * MB; at += 4096)
		(void)((volatile char *)memory)[at];
}

static void shared_by_ten(void)
{
	char *memory = map(40 * MB, MAP_SHARED);

	touch(memory, 40 * MB);
	children(10, read_all, memory);
}

static void forked_ten_times(void)
{
	char *memory = map(40 * MB, MAP_PRIVATE);

	touch(memory, 40 * MB);
	children(10, read_all, memory);
}

static void touch_forty(void *memory)
{
	touch(memory, 40 * MB);
}

static void forked_and_written(void)
{
	char *memory = map(40 * MB, MAP_PRIVATE);

	touch(memory, 40 * MB);
	if (fork() == 0) {
		ready();
		wait_for_go();
		touch_forty(memory);
		ready();
	}
}

static void sixteen_small(void)
{
	children(16, touch_forty, map(40 * MB, MAP_PRIVATE));
}

static int fill(int fd, size_t size)
{
	static char block[MB];

	memset(block, 1, sizeof(block));
	for (size_t at = 0; at < size; at += sizeof(block))
		if (write(fd, block, sizeof(block)) != sizeof(block))
			_exit(1);
	return fd;
}

static void tmpfs_above(void)
{
	(void)close(fill(open("/tmp/a", O_CREAT | O_RDWR, 0600), 100 * MB));
	ready();
}

static void tmpfs_deleted(void)
{
	(void)fill(open("/tmp/a", O_CREAT | O_RDWR, 0600), 100 * MB);
	(void)unlink("/tmp/a");
	ready();
}

static void map_file(void *fd)
{
	read_all(mmap(NULL, 40 * MB, PROT_READ, MAP_SHARED, *(int *)fd, 0));
}

static void tmpfs_mapped(void)
{
	static int fd;

	fd = fill(open("/tmp/a", O_CREAT | O_RDWR, 0600), 40 * MB);
	children(2, map_file, &fd);
}

static void memfd_above(void)
{
	(void)fill(memfd_create("x", 0), 100 * MB);
	ready();
}

static void memfd_mapped(void)
{
	static int fd;

	fd = fill(memfd_create("x", 0), 40 * MB);
	children(2, map_file, &fd);
}

static void memfd_mapped_and_closed(void)
{
	int fd = fill(memfd_create("x", 0), 100 * MB);
	char *memory = mmap(NULL, 100 * MB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	(void)close(fd);
	touch(memory, 100 * MB);
	ready();
}

static _Noreturn void *memfd_of_thread(void *unused)
{
	(void)unused;
	(void)unshare(CLONE_FILES);
	(void)fill(memfd_create("x", 0), 100 * MB);
	ready();
	for (;;)
		(void)pause();
}

static void memfd_in_thread(void)
{
	pthread_t thread;

	(void)pthread_create(&thread, NULL, memfd_of_thread, NULL);
}

static void sysv_above(void)
{
	int id = shmget(IPC_PRIVATE, 100 * MB, 0600);
	void *memory = shmat(id, NULL, 0);

	touch(memory, 100 * MB);
	(void)shmdt(memory);
	ready();
}

static void attach(void *id)
{
	read_all(shmat(*(int *)id, NULL, 0));
}

static void sysv_attached(void)
{
	static int id;
	void *memory;

	id = shmget(IPC_PRIVATE, 40 * MB, 0600);
	memory = shmat(id, NULL, 0);
	touch(memory, 40 * MB);
	children(2, attach, &id);
}

static _Noreturn void *hog_in_thread(void *unused)
{
	struct timespec pause_for = {.tv_nsec = 100000000};

	(void)unused;
	(void)nanosleep(&pause_for, NULL); /* until the first has ended */
	take(100 * MB);
	ready();
	for (;;)
		(void)pause();
}

static void first_thread_ended(void)
{
	pthread_t thread;

	(void)pthread_create(&thread, NULL, hog_in_thread, NULL);
	syscall(SYS_exit, 0);
}

static void page_tables(void)
{
	size_t size = (size_t)40 << 30;
	volatile char *memory = mmap(NULL, size, PROT_READ, MAP_ANONYMOUS | MAP_PRIVATE | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		_exit(1);
	(void)madvise((void *)memory, size, MADV_NOHUGEPAGE);
	for (size_t at = 0; at < size; at += 2 * MB)
		(void)memory[at];
	ready();
}

static void vforked(void)
{
	take(40 * MB);
	if (vfork() == 0) {
		ready();
		for (;;)
			(void)pause();
	}
}

static void hidden_from_parent(void)
{
	if (fork() == 0) {
		(void)setsid();
		if (fork() != 0)
			_exit(0);
		take(100 * MB);
		ready();
		(void)raise(SIGSTOP);
	}
}

static const struct {
	const char *name;
	world_body *body;
	int ready;      /* how many say so */
	bool ends;
	unsigned least; /* MB, of the peak or what ended it */
	unsigned most;
	const char *comm;
} cases[] = {
	{"anonymous, below", anonymous_below, 1, false, 40, 50, NULL},
	{"anonymous, above, with a hostile name", anonymous_above, 1, true, 100, 110, "a) R 1 (b"},
	{"shared, above", shared_above, 1, true, 100, 110, NULL},
	{"shared by ten", shared_by_ten, 10, false, 40, 60, NULL},
	{"one memory forked ten times", forked_ten_times, 10, false, 40, 60, NULL},
	{"sixteen processes", sixteen_small, 16, true, 640, 680, NULL},
	{"tmpfs, above", tmpfs_above, 1, true, 100, 110, NULL},
	{"tmpfs, a deleted file", tmpfs_deleted, 1, true, 100, 110, NULL},
	{"tmpfs, mapped by two", tmpfs_mapped, 2, false, 40, 60, NULL},
	{"memfd, never mapped", memfd_above, 1, true, 100, 110, NULL},
	{"memfd, mapped by two", memfd_mapped, 2, false, 40, 60, NULL},
	{"memfd, mapped and closed", memfd_mapped_and_closed, 1, true, 100, 110, NULL},
	{"memfd in a thread's own descriptors", memfd_in_thread, 1, true, 100, 110, NULL},
	{"System V, detached", sysv_above, 1, true, 100, 110, NULL},
	{"System V, attached by two", sysv_attached, 2, false, 40, 60, NULL},
	{"the first thread has ended", first_thread_ended, 1, true, 100, 110, NULL},
	{"page tables", page_tables, 1, true, 75, 110, NULL},
	{"vforked", vforked, 1, false, 40, 55, NULL},
	{"forked twice, session of its own, stopped", hidden_from_parent, 1, true, 100, 110, NULL},
};

static const struct limit_spec spec = {.values = {[LIMIT_MEMORY] = {.is_set = true, .value = 64 * MB}}};

static void check(size_t i)
{
	struct limit_verdict verdict;
	struct limit_usage usage;
	struct world world;
	uint64_t got;

	if (!world_start(&world, cases[i].body, &spec, 1U << LIMIT_MEMORY, NULL))
		cr_skip_test("no namespaces here");
	world_wait(&world, cases[i].ready - 1);
	world_look(&world, 8, &verdict);
	watch_usage(world.watch, &usage);
	got = (cases[i].ends ? verdict.used : usage.memory_peak) / MB;
	cr_expect_eq(verdict.order, cases[i].ends ? LIMIT_END_TREE : LIMIT_GO_ON, "%s: order %d", cases[i].name, verdict.order);
	cr_expect(got >= cases[i].least && got <= cases[i].most, "%s: %u MB", cases[i].name, (unsigned)got);
	if (cases[i].comm)
		cr_expect_str_eq(verdict.largest_comm, cases[i].comm, "%s: %s", cases[i].name, verdict.largest_comm);
	world_end(&world);
}

Test(watch_memory, forms)
{
	SKIP_WHERE_SANITIZED();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check(i);
}

/* The sums of resident pages do not change when a child writes to what it shared with its parent. */
Test(watch_memory, copy_on_write)
{
	struct limit_verdict verdict;
	struct world world;

	SKIP_WHERE_SANITIZED();
	if (!world_start(&world, forked_and_written, &spec, 1U << LIMIT_MEMORY, NULL))
		cr_skip_test("no namespaces here");
	world_look(&world, 8, &verdict);
	cr_expect_eq(verdict.order, LIMIT_GO_ON, "shared: %u MB", (unsigned)(verdict.used / MB));
	world_go(&world);
	world_look(&world, 8, &verdict);
	cr_expect_eq(verdict.order, LIMIT_END_TREE);
	cr_expect_gt(verdict.used, 75 * MB);
	world_end(&world);
}

static void many_idle(void)
{
	ready();
}

/* Where nothing happens, looks become rare; where much of the limit is used, they do not. */
Test(watch_memory, cadence)
{
	struct limit_spec large = {.values = {[LIMIT_MEMORY] = {.is_set = true, .value = 8ULL << 30}}};
	struct limit_verdict verdict;
	struct world world;

	if (!world_start(&world, many_idle, &large, 1U << LIMIT_MEMORY, NULL))
		cr_skip_test("no namespaces here");
	watch_tick(world.watch, 1000, &verdict);
	cr_expect(verdict.next_ms > 1000 && verdict.next_ms <= 1000 + WATCH_SLOWEST_MS, "%u", (unsigned)verdict.next_ms);
	world_end(&world);
	if (!world_start(&world, anonymous_below, &spec, 1U << LIMIT_MEMORY, NULL))
		cr_skip_test("no namespaces here");
	watch_tick(world.watch, 1000, &verdict);
	cr_expect(verdict.next_ms >= 1000 + WATCH_FLOOR_MS && verdict.next_ms <= 1000 + WATCH_STRETCHED_MS, "%u", (unsigned)verdict.next_ms);
	world_end(&world);
}
