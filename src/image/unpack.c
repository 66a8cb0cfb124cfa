#include "image/unpack.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "image/unpack_decompress.h"
#include "image/unpack_write.h"
#include "util/fd.h"

struct first_half {
	int in, out;
	uint64_t bytes_max;
	struct unpack_result result;
	struct error err;
	int done;
};

static void *decompress(void *context)
{
	struct first_half *half = context;

	half->done = unpack_decompress(half->in, half->out, half->bytes_max, &half->result.diff_id, &half->result.stream_bytes, &half->err);
	half->out = fd_close(half->out); /* the end of the archive, for the other */
	return NULL;
}

/* A thread inherits the mask, and a SIGPIPE of its own ends with it. */
static int start(struct first_half *half, pthread_t *ret)
{
	sigset_t all, before;
	int r;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(ret, NULL, decompress, half);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

int unpack_stream(int fd, int target, const struct unpack_spec *spec, struct unpack_result *ret, struct error *err)
{
	struct unpack_result result = {.entries = 0};
	struct error write_err = {0};
	pthread_t thread;
	int ends[2], r = unpack_pipe(ends);

	if (r < 0)
		return error_set(err, -r, "cannot make a pipe to unpack the layer");
	struct first_half half = {.in = fd, .out = ends[1], .bytes_max = unpack_stream_max(spec)};
	r = start(&half, &thread);
	if (r < 0) {
		(void)fd_close(ends[0]);
		(void)fd_close(ends[1]);
		return error_set(err, -r, "cannot start a thread to unpack the layer");
	}
	r = unpack_write_tree(ends[0], target, spec, &result, &write_err);
	(void)fd_close(ends[0]);
	(void)pthread_join(thread, NULL);
	r = unpack_verdict(half.done, &half.err, r, &write_err, err);
	if (r < 0)
		return r;
	result.diff_id = half.result.diff_id;
	result.stream_bytes = half.result.stream_bytes;
	*ret = result;
	return 0;
}
