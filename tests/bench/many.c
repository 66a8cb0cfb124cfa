/* Start many sandboxes that stay, one after the other, and time each from the fork to the payload's first byte.
 *
 *	many COUNT COMMAND [ARG…]       the command prints something once it runs and ends when its stdin does
 *
 * Prints "FIRST LAST" in microseconds: the medians of the first and the last twentieth.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double start_one(char *const argv[], int stdin_fd, pid_t *ret_pid)
{
	posix_spawn_file_actions_t wires;
	double start = now_us();
	int out[2];
	char byte;

	if (pipe2(out, O_CLOEXEC) < 0 || posix_spawn_file_actions_init(&wires) != 0 || posix_spawn_file_actions_adddup2(&wires, stdin_fd, 0) != 0 ||
	    posix_spawn_file_actions_adddup2(&wires, out[1], 1) != 0 || posix_spawnp(ret_pid, argv[0], &wires, NULL, argv, environ) != 0)
		return -1;
	(void)close(out[1]);
	if (read(out[0], &byte, 1) != 1)
		start = -1;
	(void)close(out[0]);
	(void)posix_spawn_file_actions_destroy(&wires);
	return start < 0 ? -1 : now_us() - start;
}

int main(int argc, char *argv[])
{
	size_t count = argc > 2 ? strtoul(argv[1], NULL, 10) : 0, part = count / 20 + 1, started = 0;
	double *times = calloc(count + 1, sizeof(*times));
	pid_t *pids = calloc(count + 1, sizeof(*pids));
	int in[2], failed = 0;

	if (!count || !times || !pids || pipe2(in, O_CLOEXEC) < 0)
		return 2;
	while (started < count && (times[started] = start_one(argv + 2, in[0], &pids[started])) >= 0)
		started++;
	(void)close(in[1]);
	(void)close(in[0]);
	for (size_t i = 0; i < count && pids[i]; i++) {
		int status = 0;

		if (waitpid(pids[i], &status, 0) < 0 || status != 0)
			failed++;
	}
	if (started < count || failed) {
		(void)fprintf(stderr, "many: %zu of %zu started, %d failed\n", started, count, failed);
		return 1;
	}
	qsort(times, part, sizeof(*times), ascending);
	qsort(times + count - part, part, sizeof(*times), ascending);
	(void)printf("%.0f %.0f\n", times[part / 2], times[count - part + part / 2]);
	free(times);
	free(pids);
	return 0;
}
