/* A thread that copies a file that still grows into a pipe: what a download writes goes to the unpacker as it comes, and the download never waits for it. */
#ifndef CARREL_IMAGE_FEED_H
#define CARREL_IMAGE_FEED_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

struct feed {
	/* Called by the thread now and then, with how much went into the pipe; may be NULL. */
	void (*moved)(void *context, uint64_t bytes);
	void *context;
	/* --- its own */
	int from, to;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t size;        /* so much stands in the file */
	bool complete, given_up;
	atomic_bool broken;   /* nobody reads the pipe any more, or the file cannot be read */
};

/* Both descriptors are the feed's from now on, also after a failure. */
int feed_start(struct feed *feed, int from, int to, struct error *err) MUST_CHECK;
/* The file has so many bytes now. */
void feed_grow(struct feed *feed, uint64_t size);
/* Is it of no use to go on? Why, the reader of the pipe knows. */
bool feed_is_broken(const struct feed *feed);
/* The file will not grow any more. With `complete` wait until all of it went into the pipe, else leave off at once; the pipe is closed in any case, and the
 * reader sees the end. */
void feed_end(struct feed *feed, bool complete);

#endif
