#include "run/output.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "isolate/tty.h"
#include "run/plan.h"
#include "util/fd.h"
#include "util/mem.h"

enum { OUT, ERR };

enum {
	BUFFER = 65536, /* as much as a pipe holds */
	PIPE_WRITE = 4096, /* one that poll(2) calls writable takes a page */
};

size_t output_admit(struct output_budget *budget, size_t size)
{
	if (!budget || !budget->is_limited)
		return size;
	if (size > budget->left) {
		size = (size_t)budget->left;
		budget->is_over = true;
	}
	budget->left -= size;
	return size;
}

void output_init(struct output *output)
{
	*output = (struct output){.streams = {{.read_end = -1, .write_end = -1, .target = -1}, {.read_end = -1, .write_end = -1, .target = -1}}};
}

/* One file description, or what makes no difference: two of one terminal or pipe. Two of a file each have an offset. */
static bool is_same(int a, int b)
{
	struct stat one, other;
	pid_t self = getpid();

	if (syscall(SYS_kcmp, self, self, KCMP_FILE, a, b) == 0)
		return true;
	if (fstat(a, &one) < 0 || fstat(b, &other) < 0 || one.st_dev != other.st_dev || one.st_ino != other.st_ino)
		return false;
	return S_ISFIFO(one.st_mode) || S_ISCHR(one.st_mode) || S_ISSOCK(one.st_mode);
}

static int open_stream(struct output_stream *stream, int target)
{
	int ends[2], copy;
	struct stat st;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	stream->read_end = ends[0];
	stream->write_end = ends[1];
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	stream->data = mem_alloc(BUFFER);
	stream->target = target;
	stream->most = BUFFER;
	copy = tty_open_copy(target, O_WRONLY);
	if (copy >= 0) {
		stream->target = copy;
		stream->own_target = true;
	} else if (isatty(target)) {
		stream->most = TTY_SHORT_WRITE;
	} else if (fstat(target, &st) == 0) {
		stream->is_socket = S_ISSOCK(st.st_mode);
		stream->most = S_ISFIFO(st.st_mode) ? PIPE_WRITE : BUFFER;
	}
	return 0;
}

int output_open(struct output *output, uint64_t max, int out, int err_fd, struct error *err)
{
	int r = 0;

	output->budget = (struct output_budget){.is_limited = true, .left = max};
	output->err_is_out = out >= 0 && err_fd >= 0 && is_same(out, err_fd);
	if (out >= 0)
		r = open_stream(&output->streams[OUT], out);
	if (r == 0 && err_fd >= 0 && !output->err_is_out)
		r = open_stream(&output->streams[ERR], err_fd);
	return r < 0 ? error_set(err, -r, "cannot make pipes for the output") : 0;
}

int output_begin(struct output *output, const struct plan_process *process, struct error *err)
{
	bool err_is_terminal = process->pty && isatty(STDERR_FILENO);
	int r;

	if (!process->has_output_max)
		return 0;
	r = output_open(output, process->output_max, process->pty ? -1 : STDOUT_FILENO, err_is_terminal ? -1 : STDERR_FILENO, err);
	return r < 0 ? error_at(err, &process->output_at, "resources.output") : 0;
}

int output_adopt(const struct output *output)
{
	int out = output->streams[OUT].write_end, err = output->err_is_out ? out : output->streams[ERR].write_end;

	if (out >= 0 && dup2(out, STDOUT_FILENO) < 0)
		return -errno;
	return err >= 0 && dup2(err, STDERR_FILENO) < 0 ? -errno : 0;
}

void output_close_write_ends(struct output *output)
{
	for (size_t i = 0; i < OUTPUT_STREAMS; i++)
		output->streams[i].write_end = fd_close(output->streams[i].write_end);
}

void output_leave(struct output *output)
{
	output_close_write_ends(output);
	for (size_t i = 0; i < OUTPUT_STREAMS; i++)
		output->streams[i].read_end = fd_close(output->streams[i].read_end);
}

void output_prepare(const struct output *output, struct pollfd fds[OUTPUT_FDS])
{
	for (size_t i = 0; i < OUTPUT_STREAMS; i++) {
		const struct output_stream *stream = &output->streams[i];
		bool is_open = stream->read_end >= 0;

		fds[2 * i] = (struct pollfd){.fd = stream->size ? -1 : stream->read_end, .events = POLLIN};
		/* Without anything to write it is there for POLLERR: a reader that is gone is told to the payload before it writes. */
		fds[2 * i + 1] = (struct pollfd){.fd = is_open || stream->size ? stream->target : -1, .events = stream->size ? POLLOUT : 0};
	}
}

/* The payload's next write gets SIGPIPE. */
static void end_stream(struct output_stream *stream)
{
	stream->read_end = fd_close(stream->read_end);
	stream->size = 0;
}

static ssize_t write_some(const struct output_stream *stream)
{
	size_t size = stream->size < stream->most ? stream->size : stream->most;
	const char *data = stream->data + stream->start;

	return stream->is_socket ? send(stream->target, data, size, MSG_DONTWAIT | MSG_NOSIGNAL) : write(stream->target, data, size);
}

/* What one poll(2) allows. */
static void drain(struct output_stream *stream)
{
	ssize_t n = write_some(stream);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		end_stream(stream);
	if (n <= 0)
		return;
	stream->start += (size_t)n;
	stream->size -= (size_t)n;
}

/* What one read gives. False: nothing for now, or never again. */
static bool fill(struct output_stream *stream, struct output_budget *budget)
{
	ssize_t n = read(stream->read_end, stream->data, BUFFER);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		stream->read_end = fd_close(stream->read_end);
	if (n <= 0)
		return false;
	stream->start = 0;
	stream->size = output_admit(budget, (size_t)n);
	return true;
}

static void step_stream(struct output_stream *stream, struct output_budget *budget, short readable, short writable)
{
	if (writable & (POLLERR | POLLNVAL) || (writable & POLLHUP && !(writable & POLLOUT))) {
		end_stream(stream);
		return;
	}
	if (stream->size && writable & POLLOUT) {
		drain(stream);
	} else if (!stream->size && readable && fill(stream, budget)) {
		/* Most often there is room; what may block has to be asked first. */
		if (stream->size && (stream->own_target || stream->most == BUFFER))
			drain(stream);
	}
}

static void end_when_over(struct output *output)
{
	for (size_t i = 0; i < OUTPUT_STREAMS && output->budget.is_over; i++)
		output->streams[i].read_end = fd_close(output->streams[i].read_end); /* what was let through is written still */
}

void output_step(struct output *output, const struct pollfd fds[OUTPUT_FDS])
{
	for (size_t i = 0; i < OUTPUT_STREAMS; i++)
		step_stream(&output->streams[i], &output->budget, fds[2 * i].revents, fds[2 * i + 1].revents);
	end_when_over(output);
}

static bool has_more(struct output *output)
{
	bool more = false;

	for (size_t i = 0; i < OUTPUT_STREAMS; i++) {
		struct output_stream *stream = &output->streams[i];

		if (!stream->size && stream->read_end >= 0 && !fill(stream, &output->budget))
			stream->read_end = fd_close(stream->read_end); /* nobody is left who could write */
	}
	end_when_over(output);
	for (size_t i = 0; i < OUTPUT_STREAMS; i++)
		more = more || output->streams[i].size || output->streams[i].read_end >= 0;
	return more;
}

void output_finish(struct output *output, int stop_fd)
{
	while (has_more(output)) {
		struct pollfd fds[OUTPUT_FDS + 1];

		output_prepare(output, fds);
		fds[OUTPUT_FDS] = (struct pollfd){.fd = stop_fd, .events = POLLIN};
		if (poll(fds, OUTPUT_FDS + 1, -1) < 0 && errno != EINTR)
			return;
		if (fds[OUTPUT_FDS].revents)
			return;
		output_step(output, fds);
	}
}

void output_close(struct output *output)
{
	output_close_write_ends(output);
	for (size_t i = 0; i < OUTPUT_STREAMS; i++) {
		struct output_stream *stream = &output->streams[i];

		end_stream(stream);
		if (stream->own_target)
			(void)fd_close(stream->target);
		stream->own_target = false;
		stream->target = -1;
		free(stream->data);
		stream->data = NULL;
	}
}
