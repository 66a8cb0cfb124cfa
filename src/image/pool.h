/* A few threads that work through a list; the first failure ends them all. For transfers: waiting for a network is not work for one thread. */
#ifndef CARREL_IMAGE_POOL_H
#define CARREL_IMAGE_POOL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

struct pool {
	/* Item `index`, in any thread, in the order of the list. What takes long asks pool_has_failed now and then and gives up (-ECANCELED). */
	int (*one)(void *context, size_t index, struct error *err);
	void *context;
	size_t count;
	/* --- its own */
	pthread_mutex_t lock;
	size_t next;
	atomic_bool failed;
	struct error error; /* the first; what gave up because of another (-ECANCELED) is none where there is a better one */
};

/* Comes back when no thread is at work any more: 0, or the first failure. Fewer threads than asked for, where no more can be made, do it too. */
int pool_run(struct pool *pool, unsigned threads, struct error *err) MUST_CHECK;
bool pool_has_failed(const struct pool *pool);

#endif
