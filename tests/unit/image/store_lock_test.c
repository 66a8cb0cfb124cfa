#include "image/store.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store_depot.h"
#include "util/fd.h"

TestSuite(store_lock, .init = depot_begin, .fini = depot_end, .timeout = 60);

static int counter = -1; /* a file that several count in */

static int count_up(int number)
{
	(void)number;
	for (int i = 0; i < 50; i++) {
		cleanup_close int lock = store_lock(&depot, "blob-x", NULL, NULL);
		int value = 0;

		if (lock < 0 || pread(counter, &value, sizeof(value), 0) < 0)
			return 1;
		value++;
		if (pwrite(counter, &value, sizeof(value), 0) != sizeof(value))
			return 1;
		/* A sweep at any moment must not let two in. */
		if (i % 10 == 0)
			store_sweep(&depot, NULL, 100);
	}
	return 0;
}

Test(store_lock, one_at_a_time_also_while_it_is_swept)
{
	pid_t pids[4];
	int value = 0;

	counter = openat(depot.dir, "counter", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	for (int i = 0; i < 4; i++)
		pids[i] = depot_fork(count_up, i);
	for (int i = 0; i < 4; i++)
		depot_wait("counter", pids[i], 0);
	cr_expect(pread(counter, &value, sizeof(value), 0) == sizeof(value) && value == 200, "%d", value);
	(void)fd_close(counter);
	store_sweep(&depot, NULL, 100);
	cr_expect_eq(depot_count("locks"), 0);
}

static int hold_shortly(int number)
{
	cleanup_close int lock = store_lock(&depot, "layer-y", NULL, NULL);

	(void)number;
	if (lock < 0 || fd_close(openat(depot.dir, "held", O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) == 0)
		return 1;
	(void)usleep(100000);
	return 0;
}

Test(store_lock, who_waited_is_told)
{
	bool waited = true;
	cleanup_close int free_one = store_lock(&depot, "free", &waited, NULL);
	pid_t pid = depot_fork(hold_shortly, 0);

	cr_expect(free_one >= 0 && !waited);
	while (!depot_has("held"))
		(void)usleep(1000);
	cleanup_close int lock = store_lock(&depot, "layer-y", &waited, NULL);
	cr_expect(lock >= 0 && waited);
	depot_wait("holder", pid, 0);
}

Test(store_lock, a_claim_lasts_as_long_as_its_descriptor)
{
	const struct digest a = depot_digest("a"), b = depot_digest("b");
	const struct digest *const both[] = {&a, &b};
	int claim;

	EXPECT_OK(store_claim(&depot, both, 2, &claim, WHY), "claim");
	store_sweep(&depot, NULL, 100);
	cr_expect_eq(depot_count("claims"), 1);
	claim = fd_close(claim);
	store_sweep(&depot, NULL, 100);
	cr_expect_eq(depot_count("claims"), 0);
}
