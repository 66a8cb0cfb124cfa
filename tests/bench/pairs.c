/* Time two commands in turn, A B A B …, so that what else the machine does meets both alike.
 *
 *	pairs ROUNDS A [ARG…] ::: B [ARG…]
 *
 * Prints "MEDIAN-A MEDIAN-B" in microseconds, from the start to the end of each process. One tenth more rounds go before, unmeasured.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double time_once(char *const argv[], const posix_spawn_file_actions_t *quiet)
{
	double start = now_us();
	int status = 0;
	pid_t pid;

	if (posix_spawnp(&pid, argv[0], quiet, NULL, argv, environ) != 0 || waitpid(pid, &status, 0) != pid || status != 0) {
		(void)fprintf(stderr, "pairs: %s ended with status %d\n", argv[0], WEXITSTATUS(status));
		exit(1);
	}
	return now_us() - start;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *times, size_t count)
{
	qsort(times, count, sizeof(*times), ascending);
	return count % 2 ? times[count / 2] : (times[count / 2 - 1] + times[count / 2]) / 2;
}

int main(int argc, char *argv[])
{
	size_t rounds = argc > 3 ? strtoul(argv[1], NULL, 10) : 0, warmup = rounds / 10 + 1;
	posix_spawn_file_actions_t quiet;
	double *a, *b;
	int split = 2;

	while (split < argc && strcmp(argv[split], ":::") != 0)
		split++;
	if (!rounds || split >= argc - 1) {
		(void)fprintf(stderr, "usage: pairs ROUNDS A [ARG…] ::: B [ARG…]\n");
		return 2;
	}
	argv[split] = NULL;
	a = calloc(rounds, sizeof(*a));
	b = calloc(rounds, sizeof(*b));
	if (!a || !b || posix_spawn_file_actions_init(&quiet) != 0 || posix_spawn_file_actions_addopen(&quiet, 0, "/dev/null", O_RDONLY, 0) != 0 ||
	    posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0) != 0)
		return 1;
	for (size_t i = 0; i < rounds + warmup; i++) {
		double time_a = time_once(argv + 2, &quiet), time_b = time_once(argv + split + 1, &quiet);

		if (i >= warmup) {
			a[i - warmup] = time_a;
			b[i - warmup] = time_b;
		}
	}
	(void)printf("%.0f %.0f\n", median(a, rounds), median(b, rounds));
	free(a);
	free(b);
	return 0;
}
