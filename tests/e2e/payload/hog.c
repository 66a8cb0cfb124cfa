/* Uses up what a limit is on, in one way each. Only inside a sandbox: outside it would use up the machine.
 *
 *   hog anon MB | shared MB | memfd MB | sysv MB | hidden MB | beside-stopped MB     memory, and then stay
 *   hog tmpfs MB FILE                     fill a file, and stay
 *   hog many COUNT MB                     so many processes of that size
 *   hog forked MB COUNT                   one of that size, and children that share all of it; ends with 0
 *   hog tasks COUNT                       sleeping children; prints how many there are, ends with 1 where one was refused
 *   hog bomb                              fork(2) for ever, in every process
 *   hog busy COUNT MS                     so many busy processes for that time
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guard.h"

enum { MB = 1 << 20, STAY_S = 30 };

static void fail(const char *what)
{
	perror(what);
	_exit(2);
}

static void stay(void)
{
	(void)sleep(STAY_S);
	_exit(3); /* no limit ended it */
}

/* 64 MB at a time, a few milliseconds apart: about a gigabyte a second, as a program that reads data does. */
static void touch(char *memory, size_t mb)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	for (size_t i = 0; i < mb; i++) {
		memset(memory + i * MB, (int)i + 1, MB);
		(void)nanosleep(&pause, NULL);
	}
}

static void map(size_t mb, int flags)
{
	char *memory = mmap(NULL, mb * MB, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		fail("mmap");
	touch(memory, mb);
}

static void fill(int fd, size_t mb)
{
	static char block[MB];

	memset(block, 'x', sizeof(block));
	for (size_t i = 0; i < mb; i++) {
		if (write(fd, block, sizeof(block)) < 0)
			fail("write");
	}
}

static void use_sysv(size_t mb)
{
	int id = shmget(IPC_PRIVATE, mb * MB, 0600);
	char *memory = id < 0 ? (char *)-1 : shmat(id, NULL, 0);

	if (memory == (char *)-1)
		fail("shm");
	touch(memory, mb);
	(void)shmdt(memory); /* it stays where it is, mapped by nobody */
}

/* A grandchild in a session of its own, whose parent has gone. */
static void hide(size_t mb)
{
	if (fork() == 0) {
		(void)setsid();
		if (fork() == 0) {
			map(mb, MAP_PRIVATE);
			stay();
		}
		_exit(0);
	}
	(void)wait(NULL);
}

static void beside_stopped(size_t mb)
{
	if (fork() == 0) {
		map(mb / 2, MAP_PRIVATE);
		(void)raise(SIGSTOP);
		stay();
	}
	map(mb - mb / 2, MAP_PRIVATE);
}

static void many(int count, size_t mb)
{
	for (int i = 0; i < count; i++) {
		if (fork() == 0) {
			map(mb, MAP_PRIVATE);
			stay();
		}
	}
}

static void share(size_t mb, int count)
{
	map(mb, MAP_PRIVATE);
	for (int i = 0; i < count; i++) {
		if (fork() == 0) {
			(void)usleep(1500000);
			_exit(0);
		}
	}
	while (wait(NULL) > 0)
		;
	_exit(0);
}

static void make_tasks(int count)
{
	int made = 0, errnum = 0;

	for (; made < count; made++) {
		pid_t pid = fork();

		if (pid == 0)
			stay();
		if (pid < 0) {
			errnum = errno;
			break;
		}
	}
	(void)usleep(1000000); /* for whoever only looks now and then, on a slow machine */
	printf("%d children%s%s\n", made, errnum ? ", then " : "", errnum ? strerror(errnum) : "");
	(void)fflush(stdout);
	_exit(errnum != 0);
}

static void busy(int count, int ms)
{
	for (int i = 0; i < count; i++) {
		if (fork() == 0)
			for (;;)
				;
	}
	(void)usleep((useconds_t)ms * 1000);
	_exit(0);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int first = argc > 2 ? atoi(argv[2]) : 0, second = argc > 3 ? atoi(argv[3]) : 0;

	if (in_initial_namespace()) {
		(void)fprintf(stderr, "hog: this is for the inside of a sandbox\n");
		return 99;
	}
	if (!strcmp(what, "anon"))
		map((size_t)first, MAP_PRIVATE);
	else if (!strcmp(what, "shared"))
		map((size_t)first, MAP_SHARED);
	else if (!strcmp(what, "memfd"))
		fill(memfd_create("hog", 0), (size_t)first);
	else if (!strcmp(what, "sysv"))
		use_sysv((size_t)first);
	else if (!strcmp(what, "tmpfs") && argc > 3)
		fill(open(argv[3], O_WRONLY | O_CREAT | O_CLOEXEC, 0600), (size_t)first);
	else if (!strcmp(what, "hidden"))
		hide((size_t)first);
	else if (!strcmp(what, "beside-stopped"))
		beside_stopped((size_t)first);
	else if (!strcmp(what, "many"))
		many(first, (size_t)second);
	else if (!strcmp(what, "forked"))
		share((size_t)first, second);
	else if (!strcmp(what, "tasks"))
		make_tasks(first);
	else if (!strcmp(what, "busy"))
		busy(first, second);
	else if (!strcmp(what, "bomb"))
		for (;;)
			(void)fork();
	else
		return 98;
	stay();
}
