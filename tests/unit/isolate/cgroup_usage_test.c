/* What a tick makes of a cgroup's files: of made ones, since in a real cgroup the kernel chooses the moment (cgroup_host_test.c). */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "isolate/cgroup_parts.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/path.h"

enum { MIB = 1 << 20, LIMIT = 32 * MIB };

static void put(const struct cgroup *cgroup, const char *name, const char *text)
{
	cleanup_close int fd = openat(cgroup->outer, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	cr_assert(fd >= 0 && fd_write_all(fd, text, strlen(text)) == 0, "%s: %s", name, strerror(errno));
}

static void members(const struct cgroup *cgroup, pid_t first, pid_t second)
{
	cleanup_free char *text = mem_printf("%d\n%d\n", (int)first, (int)second);

	put(cgroup, "cgroup.procs", text);
}

static pid_t child(const char *name, size_t size)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		(void)prctl(PR_SET_NAME, name); /* last: who sees it sees the memory, too */
		for (;;)
			(void)pause();
	}
	return pid;
}

static bool is_called(pid_t pid, const char *name)
{
	cleanup_free char *path = mem_printf("/proc/%d/comm", (int)pid);
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	char comm[32] = "";

	return fd >= 0 && read(fd, comm, sizeof(comm) - 1) > 0 && !strncmp(comm, name, strlen(name));
}

Test(cgroup_usage, who_is_left_is_not_who_it_was)
{
	char folder[] = "/tmp/carrel-usage-XXXXXX";
	struct cgroup cgroup = {.memory_limit = LIMIT, .is_set = {[LIMIT_MEMORY] = true}};
	struct limit_verdict verdict = {0};
	const pid_t idle = child("idle", 4096), eater = child("eater", 16 * MIB);

	cr_assert_not_null(mkdtemp(folder));
	cgroup.outer = cgroup.box = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	put(&cgroup, "memory.events", "max 1\noom 0\noom_kill 0\n");
	put(&cgroup, "memory.current", "33554432\n");
	cgroup.events = openat(cgroup.outer, "memory.events", O_RDONLY | O_CLOEXEC);
	members(&cgroup, idle, eater);
	for (int tries = 0; tries < 1000 && !(is_called(eater, "eater") && is_called(idle, "idle")); tries++)
		(void)usleep(10000);

	cgroup_tick(&cgroup, 1000, &verdict);
	cr_expect_eq(verdict.order, LIMIT_GO_ON);
	cr_expect_str_eq(cgroup.last.largest_comm, "eater");

	put(&cgroup, "memory.events", "max 2\noom 1\noom_kill 1\n");
	members(&cgroup, idle, idle);
	cgroup_tick(&cgroup, 2000, &verdict);
	cr_expect(verdict.order == LIMIT_END_TREE && verdict.limit == LIMIT_MEMORY, "order %d", (int)verdict.order);
	cr_expect_str_eq(verdict.largest_comm, "eater");
	cr_expect(verdict.largest >= 16 * MIB, "%llu", (unsigned long long)verdict.largest);

	(void)kill(eater, SIGKILL);
	(void)kill(idle, SIGKILL);
	(void)waitpid(eater, NULL, 0);
	(void)waitpid(idle, NULL, 0);
	(void)fd_close(cgroup.events);
	(void)fd_close(cgroup.outer);
	cr_expect_eq(path_remove_tree(AT_FDCWD, folder), 0);
}
