#include <criterion/criterion.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "image/pool.h"
#include "util/mem.h"

enum { ITEMS = 100 };

struct work {
	struct pool pool;
	atomic_int done[ITEMS], at_work, most;
	size_t fails; /* this item; ITEMS: none */
};

static int one(void *context, size_t index, struct error *err)
{
	const struct timespec pause = {.tv_nsec = 100000};
	struct work *work = context;
	int now = atomic_fetch_add(&work->at_work, 1) + 1, most = atomic_load(&work->most);

	while (now > most && !atomic_compare_exchange_weak(&work->most, &most, now))
		;
	atomic_fetch_add(&work->done[index], 1);
	/* Behind the one that fails, each thread gets to one more item at most, however slowly the failing one is scheduled. */
	do
		(void)nanosleep(&pause, NULL);
	while (index > work->fails && !pool_has_failed(&work->pool));
	atomic_fetch_sub(&work->at_work, 1);
	if (index == work->fails)
		return error_set(err, EBADMSG, "item %zu is bad", index);
	/* What fails because another did is not the failure. */
	if (pool_has_failed(&work->pool))
		return error_set(err, ECANCELED, "item %zu was given up", index);
	return 0;
}

/* The first to end is not the first to fail: it gave up because the other one did. */
static int one_of_two(void *context, size_t index, struct error *err)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	atomic_int *begun = context;

	atomic_fetch_add(begun, 1);
	while (atomic_load(begun) < 2)
		(void)nanosleep(&pause, NULL);
	if (index == 0)
		return error_set(err, ECANCELED, "was given up");
	for (int i = 0; i < 20; i++)
		(void)nanosleep(&pause, NULL);
	return error_set(err, EBADMSG, "is bad");
}

Test(pool, a_better_error_than_giving_up)
{
	atomic_int begun = 0;
	struct pool pool = {.one = one_of_two, .context = &begun, .count = 2};
	struct error err = {0};

	cr_expect_eq(pool_run(&pool, 2, &err), -EBADMSG, "%s", err.what);
	cr_expect_str_eq(err.what, "is bad");
}

static const struct {
	const char *name;
	unsigned threads;
	size_t count, fails;
	int most;
} cases[] = {
	{"one thread", 1, ITEMS, ITEMS, 1},
	{"three", 3, ITEMS, ITEMS, 3},
	{"no number", 0, 5, ITEMS, 1},
	{"more than items", 8, 2, ITEMS, 2},
	{"no items", 3, 0, ITEMS, 0},
	{"the first fails", 3, ITEMS, 0, 3},
	{"one in the middle fails", 4, ITEMS, 50, 4},
	{"the last fails", 2, ITEMS, ITEMS - 1, 2},
};

Test(pool, works_through_the_list)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct work *work = mem_alloc(sizeof(*work));
		struct error err = {0};
		size_t sum = 0;
		int r;

		work->fails = cases[i].fails;
		work->pool = (struct pool){.one = one, .context = work, .count = cases[i].count};
		r = pool_run(&work->pool, cases[i].threads, &err);
		cr_expect(atomic_load(&work->most) <= cases[i].most, "%s: %d at once", cases[i].name, atomic_load(&work->most));
		cr_expect_eq(atomic_load(&work->at_work), 0, "%s", cases[i].name);
		for (size_t j = 0; j < ITEMS; j++) {
			cr_expect(atomic_load(&work->done[j]) <= 1, "%s: item %zu was done twice", cases[i].name, j);
			sum += (size_t)atomic_load(&work->done[j]);
		}
		if (cases[i].fails == ITEMS) {
			cr_expect_eq(r, 0, "%s: %s", cases[i].name, err.what);
			cr_expect_eq(sum, cases[i].count, "%s: %zu done", cases[i].name, sum);
		} else {
			cr_expect_eq(r, -EBADMSG, "%s: %d", cases[i].name, r);
			cr_expect_eq(err.code, EBADMSG, "%s", cases[i].name);
			cr_expect_not_null(strstr(err.what, "is bad"), "%s: %s", cases[i].name, err.what);
			cr_expect(sum <= cases[i].fails + cases[i].threads, "%s: %zu done", cases[i].name, sum);
		}
		free(work);
	}
}
