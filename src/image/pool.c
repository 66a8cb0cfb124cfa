#include "image/pool.h"

#include <errno.h>

enum { THREADS_MAX = 16 };

static bool take(struct pool *pool, size_t *ret)
{
	bool got;

	(void)pthread_mutex_lock(&pool->lock);
	got = !atomic_load(&pool->failed) && pool->next < pool->count;
	if (got)
		*ret = pool->next++;
	(void)pthread_mutex_unlock(&pool->lock);
	return got;
}

static void fail(struct pool *pool, int r, const struct error *err)
{
	(void)pthread_mutex_lock(&pool->lock);
	if (!atomic_load(&pool->failed) || (pool->error.code == ECANCELED && r != -ECANCELED)) {
		pool->error = *err;
		pool->error.code = -r;
		atomic_store(&pool->failed, true);
	}
	(void)pthread_mutex_unlock(&pool->lock);
}

static void *work(void *context)
{
	struct pool *pool = context;
	size_t index;

	while (take(pool, &index)) {
		struct error err = {0};
		int r = pool->one(pool->context, index, &err);

		if (r < 0)
			fail(pool, r, &err);
	}
	return NULL;
}

/* The calling thread is one of them. */
int pool_run(struct pool *pool, unsigned threads, struct error *err)
{
	pthread_t others[THREADS_MAX];
	unsigned made = 0, wanted = threads < THREADS_MAX ? threads : THREADS_MAX;

	pool->next = 0;
	atomic_store(&pool->failed, false);
	(void)pthread_mutex_init(&pool->lock, NULL);
	while (made + 1 < wanted && made + 1 < pool->count && pthread_create(&others[made], NULL, work, pool) == 0)
		made++;
	(void)work(pool);
	while (made > 0)
		(void)pthread_join(others[--made], NULL);
	(void)pthread_mutex_destroy(&pool->lock);
	if (!atomic_load(&pool->failed))
		return 0;
	if (err)
		*err = pool->error;
	return -pool->error.code;
}

bool pool_has_failed(const struct pool *pool)
{
	return atomic_load(&pool->failed);
}
