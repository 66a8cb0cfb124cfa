/* Allocates so many megabytes a second, up to so many; never more, also after it had to wait for a processor.
 *
 *   hog MB_A_SECOND MB
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { STEP = 1024 * 1024 };

static double now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	long rate = argc > 2 ? atol(argv[1]) : 0, most = argc > 2 ? atol(argv[2]) : 0;

	for (long done = 0; done < most; done++) {
		double start = now();
		char *step = mmap(NULL, STEP, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (step == MAP_FAILED)
			return 1;
		memset(step, 1, STEP);
		while (now() - start < 1 / (double)rate)
			;
	}
	return most > 0 ? 0 : 2;
}
