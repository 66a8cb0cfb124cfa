/* One job: decompress → hash → write. This process is the one in the middle. It parses nothing: what it reads of the two others is a struct of fixed size. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/digest_hash.h"
#include "isolate/room.h"
#include "run/confine.h"
#include "run/unpacker_parts.h"
#include "util/fd.h"
#include "util/proc.h"

/* What a worker gets, and all that is open in it. */
enum { WORKER_IN = 3, WORKER_OUT, WORKER_ANSWER, WORKER_FDS };

struct worker {
	const char *what; /* for messages: it "decompresses" */
	pid_t pid;
	int answer; /* its struct unpacker_answer */
	struct unpacker_answer said;
};

struct job {
	const struct unpacker_server *server;
	const struct unpacker_order *order;
	struct worker decompress, write;
	int from, to; /* the pipes between the three */
};

/* --- in the workers --- */

/* Above the fixed numbers first, so that none is overwritten before it is moved. */
static int take_fds(int in, int out, int answer)
{
	int fds[] = {in, out, answer};

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, WORKER_FDS);
		if (fds[i] < 0)
			return -errno;
	}
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		if (dup3(fds[i], WORKER_IN + (int)i, O_CLOEXEC) < 0)
			return -errno;
	}
	fd_close_range(WORKER_FDS, ~0U);
	return 0;
}

static int limit_memory(const struct unpacker_server *server)
{
#ifdef __SANITIZE_ADDRESS__
	(void)server; /* its shadow memory is larger than any limit */
	return 0;
#else
	/* The first holds for all mappings; the second also for what a heap has reserved from the start on and not used. */
	const struct {
		__rlimit_resource_t which;
		rlim_t most;
	} limits[] = {{RLIMIT_AS, server->address_space + UNPACKER_MEMORY}, {RLIMIT_DATA, server->data + UNPACKER_MEMORY}, {RLIMIT_CORE, 0}};

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		const struct rlimit limit = {limits[i].most, limits[i].most};

		if (setrlimit(limits[i].which, &limit) < 0)
			return -errno;
	}
	return 0;
#endif
}

static int shut_in(const struct job *job, enum confine_role role, enum unpacker_filter filter, struct error *err)
{
	int r;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* fails for no signal there is */
	r = limit_memory(job->server);
	if (r < 0)
		return error_set(err, -r, "cannot limit the memory of the unpacker");
	return confine_apply(role, role == CONFINE_UNPACK ? "/" : NULL, NULL, &job->server->filters[filter], err);
}

static void decompress(const struct job *job, struct unpacker_answer *answer)
{
	answer->result = shut_in(job, CONFINE_PIPE, UNPACKER_DECOMPRESS, &answer->error);
	if (answer->result == 0)
		answer->result = job->server->work->decompress(WORKER_IN, WORKER_OUT, unpack_stream_max(&job->order->spec), NULL, &answer->done.stream_bytes, &answer->error);
}

static void write_tree(const struct job *job, struct unpacker_answer *answer)
{
	cleanup_close int target = -1;

	answer->result = room_enter(job->order->name, &answer->error);
	if (answer->result < 0)
		return;
	target = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	answer->result = target < 0 ? error_set(&answer->error, errno, "cannot open the layer's folder") : shut_in(job, CONFINE_UNPACK, UNPACKER_WRITE, &answer->error);
	if (answer->result == 0)
		answer->result = job->server->work->write(WORKER_IN, target, &job->order->spec, &answer->done, &answer->error);
}

/* --- starting them --- */

static int start(const struct job *job, struct worker *worker, int in, int out, void (*act)(const struct job *, struct unpacker_answer *))
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	worker->answer = ends[0];
	worker->pid = fork();
	if (worker->pid == 0) {
		struct unpacker_answer answer = {0};

		if (take_fds(in, out, ends[1]) < 0)
			_exit(1);
		act(job, &answer);
		_exit(fd_write_all(WORKER_ANSWER, &answer, sizeof(answer)) < 0);
	}
	(void)fd_close(ends[1]);
	return worker->pid < 0 ? -errno : 0;
}

static int start_both(struct job *job, int stream, struct error *err)
{
	int plain[2] = {-1, -1}, hashed[2] = {-1, -1};
	int r = unpack_pipe(plain);

	if (r == 0)
		r = unpack_pipe(hashed);
	if (r == 0)
		r = start(job, &job->decompress, stream, plain[1], decompress);
	if (r == 0)
		r = start(job, &job->write, hashed[0], STDOUT_FILENO /* unused */, write_tree);
	(void)fd_close(stream);
	(void)fd_close(plain[1]);
	(void)fd_close(hashed[0]);
	job->from = plain[0];
	job->to = hashed[1];
	return r < 0 ? error_set(err, -r, "cannot start the processes that unpack") : 0;
}

/* --- in the middle --- */

/* What is in the first pipe goes to the second one without being copied (tee(2)), and is read for the hash alone. The end comes with the decompressor's, or when
 * nobody reads any more. */
static int hash_stream(struct job *job, struct unpack_result *ret, struct error *err)
{
	enum { CHUNK = 256 << 10 };
	cleanup_digest_hash struct digest_hash *hash = digest_hash_new();
	cleanup_free char *chunk = mem_alloc(CHUNK);
	uint64_t bytes = 0;
	ssize_t n;

	while ((n = tee(job->from, job->to, CHUNK, 0)) > 0 || (n < 0 && errno == EINTR)) {
		if (n < 0)
			continue;
		int r = fd_read_all(job->from, chunk, (size_t)n);
		if (r < 0)
			return error_set(err, -r, "cannot read what was decompressed");
		digest_hash_add(hash, chunk, (size_t)n);
		bytes += (uint64_t)n;
	}
	digest_hash_value(hash, &ret->diff_id);
	ret->stream_bytes = bytes;
	return n < 0 && errno != EPIPE ? error_set(err, errno, "cannot pass on what was decompressed") : 0;
}

static void explain_death(struct worker *worker, int status)
{
	struct error *err = &worker->said.error;

	worker->said.result = error_set(err, ECHILD, "cannot unpack the layer");
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
		(void)error_cause(err, "the process that %s was killed", worker->what);
		(void)error_hint(err, "the kernel does that when memory runs out");
	} else if (WIFSIGNALED(status)) {
		(void)error_cause(err, "the process that %s crashed (%s); nothing of the layer is kept", worker->what, strsignal(WTERMSIG(status)));
	} else if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_CARREL) {
		worker->said.result = error_set(err, ENOMEM, "cannot unpack the layer");
		(void)error_cause(err, "the process that %s wants more than its %d MB of memory", worker->what, UNPACKER_MEMORY >> 20);
	} else {
		(void)error_cause(err, "the process that %s ended without a result", worker->what);
	}
}

/* Whatever a worker says is made well-formed: a result that is an error has a text, one that is none has none. */
static void take_back(struct worker *worker)
{
	struct unpacker_answer *said = &worker->said;
	int r = fd_read_all(worker->answer, said, sizeof(*said));
	int status = proc_wait(worker->pid);

	(void)fd_close(worker->answer);
	if (r < 0 || status != 0) {
		explain_death(worker, status);
		return;
	}
	if (said->result > 0 || said->result < -4095)
		said->result = -EPROTO;
	if (said->result < 0 && said->error.code != -said->result)
		(void)error_set(&said->error, -said->result, "cannot unpack the layer");
	error_mend(&said->error);
}

static int judge(struct job *job, struct unpacker_answer *answer)
{
	const struct worker *decompress_worker = &job->decompress, *write_worker = &job->write;
	struct unpack_result done = write_worker->said.done;
	int r = unpack_verdict(decompress_worker->said.result, &decompress_worker->said.error, write_worker->said.result, &write_worker->said.error, &answer->error);

	done.diff_id = answer->done.diff_id;
	done.stream_bytes = answer->done.stream_bytes;
	if (r == 0)
		answer->done = done;
	return r;
}

static int run(struct job *job, int stream, struct unpacker_answer *answer)
{
	int r = start_both(job, stream, &answer->error);

	if (r < 0)
		return r; /* a worker that has started ends with us */
	r = confine_apply(CONFINE_HASH, NULL, NULL, &job->server->filters[UNPACKER_HASH], &answer->error);
	if (r == 0)
		r = hash_stream(job, &answer->done, &answer->error);
	(void)fd_close(job->from);
	(void)fd_close(job->to);
	if (r < 0)
		return r;
	take_back(&job->decompress);
	take_back(&job->write);
	return judge(job, answer);
}

void unpacker_job(const struct unpacker_server *server, const struct unpacker_order *order, int stream, int result)
{
	struct job job = {.server = server, .order = order, .decompress = {.what = "decompresses", .pid = -1}, .write = {.what = "writes the files", .pid = -1}, .from = -1, .to = -1};
	struct unpacker_answer answer = {0};

	(void)signal(SIGCHLD, SIG_DFL); /* fails for no signal there is */
	(void)fd_close(server->socket);
	answer.result = run(&job, stream, &answer);
	_exit(fd_write_all(result, &answer, sizeof(answer)) < 0);
}
