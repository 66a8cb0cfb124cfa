/* Tasks, processor time and the size of a folder; and that what ends, ends quietly. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "unit/isolate/watch_world.h"
#include "util/mem.h"
#include "util/proc.h"

TestSuite(watch, .timeout = 120);

static _Noreturn void *sleep_in_thread(void *unused)
{
	(void)unused;
	for (;;)
		(void)pause();
}

static void twenty_threads(void)
{
	pthread_t thread;

	for (int i = 0; i < 20; i++)
		(void)pthread_create(&thread, NULL, sleep_in_thread, NULL);
	ready();
}

static void twenty_processes(void)
{
	for (int i = 0; i < 20; i++) {
		if (fork() == 0) {
			for (;;)
				(void)pause();
		}
	}
	ready();
}

static void twenty_zombies(void)
{
	siginfo_t info;

	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		(void)waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	}
	ready();
}

static const struct {
	const char *name;
	world_body *body;
} crowds[] = {
	{"threads", twenty_threads},
	{"processes", twenty_processes},
	{"zombies", twenty_zombies},
};

Test(watch, tasks)
{
	for (size_t i = 0; i < ARRAY_SIZE(crowds); i++) {
		for (uint64_t limit = 21; limit <= 22; limit++) {
			struct limit_spec spec = {.values = {[LIMIT_TASKS] = {.is_set = true, .value = limit}}};
			struct limit_verdict verdict;
			struct limit_usage usage;
			struct world world;

			if (!world_start(&world, crowds[i].body, &spec, 1U << LIMIT_TASKS, NULL))
				cr_skip_test("no namespaces here");
			world_look(&world, 2, &verdict);
			watch_usage(world.watch, &usage);
			if (limit == 21) {
				cr_expect(verdict.order == LIMIT_END_TREE && verdict.limit == LIMIT_TASKS && verdict.used == 22, "%s: %u", crowds[i].name, (unsigned)verdict.used);
			} else {
				cr_expect_eq(verdict.order, LIMIT_GO_ON, "%s", crowds[i].name);
				cr_expect_eq(usage.tasks_peak, 22, "%s: %u", crowds[i].name, (unsigned)usage.tasks_peak);
			}
			world_end(&world);
		}
	}
}

static void burn(void)
{
	ready();
	for (;;)
		;
}

static void burn_in_two(void)
{
	(void)fork();
	burn();
}

static uint64_t now_us(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static volatile uint64_t *burnt; /* what the children below used, by their own clock */

/* Children that nobody waits for, each shorter than the time between two looks. */
static void burn_in_orphans(void)
{
	(void)signal(SIGCHLD, SIG_IGN);
	ready();
	for (;;) {
		if (fork() == 0) {
			while (now_us(CLOCK_PROCESS_CPUTIME_ID) < 25000)
				;
			*burnt += now_us(CLOCK_PROCESS_CPUTIME_ID);
			_exit(0);
		}
		(void)waitpid(-1, NULL, 0);
	}
}

/* In real time, doing what is asked for. */
static void run_for(struct world *world, int64_t ms)
{
	struct limit_verdict verdict;
	int64_t start = proc_now_ms(), now = start;

	while (now < start + ms) {
		watch_tick(world->watch, (uint64_t)now, &verdict);
		cr_assert_neq(verdict.order, LIMIT_END_TREE);
		if (verdict.order == LIMIT_STOP_TREE || verdict.order == LIMIT_CONTINUE_TREE)
			world_signal(world, verdict.order == LIMIT_STOP_TREE ? 's' : 'c');
		while ((now = proc_now_ms()) < (int64_t)verdict.next_ms)
			(void)usleep(1000);
	}
}

static const struct {
	const char *name;
	world_body *body;
	uint64_t quota;
} loads[] = {
	{"one loop, half a processor", burn, 500},
	{"two loops, 0.6 of one", burn_in_two, 600},
	{"children that nobody waits for", burn_in_orphans, 400},
};

/* Less than the quota is the machine's affair, which may be busy; more is ours. */
Test(watch, cpus)
{
	burnt = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < ARRAY_SIZE(loads); i++) {
		struct limit_spec spec = {.values = {[LIMIT_CPUS] = {.is_set = true, .value = loads[i].quota}}};
		struct limit_usage usage;
		struct world world;
		uint64_t start, used;

		if (!world_start(&world, loads[i].body, &spec, 1U << LIMIT_CPUS, NULL))
			cr_skip_test("no namespaces here");
		*burnt = 0;
		start = now_us(CLOCK_MONOTONIC);
		run_for(&world, 3000);
		watch_usage(world.watch, &usage);
		used = loads[i].body == burn_in_orphans ? *burnt : usage.cpu_user_us + usage.cpu_system_us;
		used = used * 1000 / (now_us(CLOCK_MONOTONIC) - start);
		cr_expect_leq(used, loads[i].quota * 12 / 10, "%s: %u", loads[i].name, (unsigned)used);
		cr_log_info("%s: %u, throttled %u ms", loads[i].name, (unsigned)used, (unsigned)(usage.throttled_us / 1000));
		cr_expect(usage.throttled_us > 0 || used < loads[i].quota, "%s", loads[i].name);
		world_end(&world);
	}
}

static char folder[64];

static void write_file(const char *path, size_t size)
{
	static char block[1 << 20];
	int fd = open(path, O_CREAT | O_WRONLY | O_EXCL, 0600);

	memset(block, 1, sizeof(block));
	for (size_t at = 0; at < size; at += sizeof(block))
		if (write(fd, block, sizeof(block)) < 0)
			_exit(1);
	(void)fsync(fd); /* some filesystems count blocks late */
	(void)close(fd);
}

static void fill_deep(void)
{
	if (chdir(folder) < 0)
		_exit(1);
	for (int i = 0; i < 200; i++)
		if (mkdir("d", 0700) < 0 || chdir("d") < 0)
			_exit(1);
	write_file("large", 12 * MB);
	if (link("large", "again") < 0 || chmod(".", 0) < 0)
		_exit(1);
	ready();
}

static const struct {
	const char *name;
	uint64_t limit;
	bool ends;
	uint64_t least; /* it counts no further than to the limit */
} disks[] = {
	{"below", 20 * MB, false, 12 * MB},
	{"above", 5 * MB, true, 5 * MB},
};

Test(watch, scratch)
{
	for (size_t i = 0; i < ARRAY_SIZE(disks); i++) {
		struct limit_spec spec = {.values = {[LIMIT_SCRATCH] = {.is_set = true, .value = disks[i].limit}}};
		struct limit_verdict verdict = {.order = LIMIT_GO_ON};
		struct limit_usage usage = {0};
		struct world world;
		char remove[96];
		bool started;

		strcpy(folder, "/tmp/carrel-watch.XXXXXX");
		cr_assert(mkdtemp(folder) && chmod(folder, 0777) == 0);
		started = world_start(&world, fill_deep, &spec, 1U << LIMIT_SCRATCH, folder);
		for (int tries = 0; started && tries < 500 && verdict.order == LIMIT_GO_ON && usage.scratch_peak < 12 * MB; tries++) {
			world_look(&world, 1, &verdict);
			watch_usage(world.watch, &usage);
			(void)usleep(10000);
		}
		if (started) {
			cr_expect_eq(verdict.order, disks[i].ends ? LIMIT_END_TREE : LIMIT_GO_ON, "%s", disks[i].name);
			cr_expect(usage.scratch_peak >= disks[i].least && usage.scratch_peak < 15 * MB, "%s: %u MB", disks[i].name, (unsigned)(usage.scratch_peak / MB));
			world_end(&world);
		}
		snprintf(remove, sizeof(remove), "chmod -R u+rwx %s; rm -rf %s", folder, folder);
		cr_expect_eq(system(remove), 0);
		if (!started)
			cr_skip_test("no namespaces here");
	}
}

static void nothing(void)
{
	ready();
}

Test(watch, ended)
{
	struct limit_spec spec = {0};
	struct limit_verdict verdict;
	struct world world;

	if (!world_start(&world, nothing, &spec, 0, NULL))
		cr_skip_test("no namespaces here");
	world_look(&world, 2, &verdict);
	(void)kill(world.init, SIGKILL);
	(void)waitpid(world.init, NULL, 0);
	for (int i = 0; i < 3; i++) {
		world_look(&world, 1, &verdict);
		cr_expect_eq(verdict.order, LIMIT_GO_ON);
	}
	watch_skip(world.watch, world.now_ms);
	world_end(&world);
}
