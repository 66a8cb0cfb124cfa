#include "image/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "util/fd.h"

enum {
	PIPE_SIZE = 1 << 20, /* the most that a user may ask for (pipe(7), pipe-max-size) */
	CHUNK = 1 << 20,
};

/* For a filesystem that cannot splice. */
static ssize_t copy(const struct feed *feed, uint64_t offset, size_t size)
{
	char data[16384];
	ssize_t r = pread(feed->from, data, size < sizeof(data) ? size : sizeof(data), (off_t)offset);

	if (r > 0) {
		int w = fd_write_all(feed->to, data, (size_t)r);

		if (w < 0) {
			errno = -w;
			return -1;
		}
	}
	return r;
}

/* The pages of the file themselves go into the pipe (splice(2)): nothing is copied. */
static ssize_t move(const struct feed *feed, uint64_t offset, size_t size)
{
	off_t from = (off_t)offset;
	ssize_t r;

	do
		r = splice(feed->from, &from, feed->to, NULL, size, SPLICE_F_MOVE);
	while (r < 0 && errno == EINTR);
	return r < 0 && errno == EINVAL ? copy(feed, offset, size) : r;
}

/* How much is there to move: waits for some. 0: the end. */
static uint64_t wait_for_more(struct feed *feed, uint64_t fed)
{
	uint64_t more;

	(void)pthread_mutex_lock(&feed->lock);
	while (feed->size <= fed && !feed->complete && !feed->given_up)
		(void)pthread_cond_wait(&feed->changed, &feed->lock);
	more = feed->given_up || feed->size <= fed ? 0 : feed->size - fed;
	(void)pthread_mutex_unlock(&feed->lock);
	return more;
}

static void *run(void *context)
{
	struct feed *feed = context;
	uint64_t fed = 0, more;

	while ((more = wait_for_more(feed, fed)) > 0) {
		ssize_t r = move(feed, fed, more < CHUNK ? (size_t)more : CHUNK);

		if (r <= 0) {
			atomic_store(&feed->broken, true);
			break;
		}
		fed += (uint64_t)r;
		if (feed->moved)
			feed->moved(feed->context, fed);
	}
	feed->to = fd_close(feed->to);
	return NULL;
}

/* No signal is for this thread: a handler's would be lost time, and SIGPIPE, which a reader that went away brings to the thread that writes, is an error
 * like others here. */
static int start_thread(struct feed *feed)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&feed->thread, NULL, run, feed);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

int feed_start(struct feed *feed, int from, int to, struct error *err)
{
	int r;

	feed->from = from;
	feed->to = to;
	feed->size = 0;
	feed->complete = feed->given_up = false;
	atomic_store(&feed->broken, false);
	(void)pthread_mutex_init(&feed->lock, NULL);
	(void)pthread_cond_init(&feed->changed, NULL);
	(void)fcntl(to, F_SETPIPE_SZ, PIPE_SIZE); /* a smaller one does it too, with more switches between the two */
	r = start_thread(feed);
	if (r == 0)
		return 0;
	(void)fd_close(from);
	(void)fd_close(to);
	(void)pthread_cond_destroy(&feed->changed);
	(void)pthread_mutex_destroy(&feed->lock);
	return error_set(err, r, "cannot start a thread");
}

void feed_grow(struct feed *feed, uint64_t size)
{
	(void)pthread_mutex_lock(&feed->lock);
	feed->size = size;
	(void)pthread_cond_signal(&feed->changed);
	(void)pthread_mutex_unlock(&feed->lock);
}

bool feed_is_broken(const struct feed *feed)
{
	return atomic_load(&feed->broken);
}

void feed_end(struct feed *feed, bool complete)
{
	(void)pthread_mutex_lock(&feed->lock);
	feed->complete = true;
	feed->given_up = !complete;
	(void)pthread_cond_signal(&feed->changed);
	(void)pthread_mutex_unlock(&feed->lock);
	(void)pthread_join(feed->thread, NULL);
	feed->from = fd_close(feed->from);
	(void)pthread_cond_destroy(&feed->changed);
	(void)pthread_mutex_destroy(&feed->lock);
}
