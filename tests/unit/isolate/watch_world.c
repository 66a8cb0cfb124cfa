#include "unit/isolate/watch_world.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "unit/ordinary.h"
#include "util/fd.h"
#include "util/sys.h"

const char *const world_tmpfs = "/tmp";

static int to_init[2], from_body[2];

void ready(void)
{
	(void)!write(from_body[1], "r", 1);
}

void wait_for_go(void)
{
	char byte;

	(void)!read(to_init[0], &byte, 1);
}

void touch(void *memory, size_t size)
{
	for (size_t at = 0; at < size; at += 4096)
		((volatile char *)memory)[at] = (char)(at >> 12) + 1;
}

static void serve(int channel)
{
	char command;

	(void)fcntl(channel, F_SETFL, O_NONBLOCK);
	for (;;) {
		struct timespec pause = {.tv_nsec = 1000000};

		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		(void)nanosleep(&pause, NULL);
		if (read(channel, &command, 1) != 1)
			continue;
		(void)kill(-1, command == 's' ? SIGSTOP : SIGCONT);
		(void)!write(channel, "d", 1);
	}
}

static _Noreturn void be_init(int channel, world_body *body, const char *scratch)
{
	int fds[3];
	char byte;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (read(channel, &byte, 1) != 1 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount("proc", "/proc", "proc", 0, NULL) < 0)
		_exit(1);
	(void)prctl(PR_SET_DUMPABLE, 0); /* as the real one; not before its ids are mapped */
	if (!scratch && mount("tmpfs", world_tmpfs, "tmpfs", 0, "size=512m") < 0)
		_exit(1);
	fds[0] = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fds[1] = open("/proc/sysvipc/shm", O_RDONLY | O_CLOEXEC);
	fds[2] = open(scratch ? scratch : world_tmpfs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd_send(channel, "f", 1, fds, 3) < 0)
		_exit(1);
	if (fork() == 0) {
		(void)prctl(PR_SET_DUMPABLE, 1); /* as after execve(2) */
		body();
		for (;;)
			(void)pause();
	}
	(void)close(from_body[1]);
	serve(channel);
	_exit(0);
}

static bool map_ids(pid_t pid)
{
	char path[64], text[64];

	snprintf(path, sizeof(path), "/proc/%d/setgroups", pid);
	if (fd_put_at(AT_FDCWD, path, "deny") < 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	snprintf(text, sizeof(text), "0 %u 1", geteuid());
	if (fd_put_at(AT_FDCWD, path, text) < 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	snprintf(text, sizeof(text), "0 %u 1", getegid());
	return fd_put_at(AT_FDCWD, path, text) == 0;
}

bool world_start(struct world *world, world_body *body, const struct limit_spec *spec, unsigned mask, const char *scratch)
{
	struct clone_args args = {.flags = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC, .exit_signal = SIGCHLD};
	struct watch_sources sources = {.sysvipc_msg = -1, .scratch = -1, .scratch_on_disk = scratch != NULL};
	int ends[2], fds[FD_PASS_MAX];
	struct error err = {0};
	char byte;
	const char *why = ordinary_become();

	if (why)
		cr_skip_test("%s", why);
	cr_assert(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0 && pipe(to_init) == 0 && pipe(from_body) == 0);
	*world = (struct world){.channel = ends[0], .now_ms = 1000};
	world->init = sys_clone3(&args);
	if (world->init == 0) {
		(void)close(ends[0]);
		be_init(ends[1], body, scratch);
	}
	(void)close(ends[1]);
	from_body[1] = fd_close(from_body[1]); /* so that the end of the body is noticed */
	if (world->init < 0)
		return false;
	if (!map_ids(world->init) || write(world->channel, "m", 1) != 1 || fd_receive(world->channel, &byte, 1, fds) != 1) {
		world_end(world);
		return false;
	}
	sources.procfs = fds[0];
	sources.sysvipc_shm = fds[1];
	if (scratch)
		sources.scratch = fds[2];
	else
		sources.tmpfs[sources.tmpfs_count++] = fds[2];
	cr_assert_eq(watch_new(&sources, spec, mask, &world->watch, &err), 0, "%s: %s", err.what, err.cause);
	cr_assert_eq(read(from_body[0], &byte, 1), 1);
	return true;
}

void world_wait(struct world *world, int count)
{
	char byte;

	(void)world;
	while (count-- > 0)
		cr_assert_eq(read(from_body[0], &byte, 1), 1);
}

void world_go(struct world *world)
{
	cr_assert_eq(write(to_init[1], "g", 1), 1);
	world_wait(world, 1);
}

void world_signal(struct world *world, char command)
{
	char byte;

	cr_assert(write(world->channel, &command, 1) == 1 && read(world->channel, &byte, 1) == 1);
}

void world_end(struct world *world)
{
	(void)kill(world->init, SIGKILL);
	(void)waitpid(world->init, NULL, 0);
	watch_free(world->watch);
	(void)close(world->channel);
	(void)close(to_init[0]);
	(void)close(to_init[1]);
	(void)close(from_body[0]);
}

void world_look(struct world *world, int count, struct limit_verdict *ret)
{
	do {
		world->now_ms += 1000;
		watch_tick(world->watch, world->now_ms, ret);
	} while (--count > 0 && ret->order == LIMIT_GO_ON);
}
