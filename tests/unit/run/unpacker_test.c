/* The workers' functions are ours here: ones that do the work, ones that break, and ones that attack, as a parser does that somebody has taken over. Each attack
 * is also tried by a process that nothing confines, where it must succeed. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "image/digest_hash.h"
#include "run/unpacker_parts.h"
#include "unit/isolate/child.h"
#include "util/fd.h"
#include "util/path.h"

extern char **environ;

static char folder[] = "/tmp/carrel-unpacker-XXXXXX"; /* of the store; secret lies beside its tmp/ */
static char secret[64];
static struct arena arena;
static struct host host;

static void put_file(int dir, const char *name, const void *data, size_t size)
{
	cleanup_close int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	cr_assert(fd >= 0 && fd_write_all(fd, data, size) == 0, "%s", name);
}

static void make_folder(const char *name)
{
	cleanup_free char *path = mem_printf("%s/%s", folder, name);

	cr_assert_eq(mkdir(path, 0755), 0, "%s", path);
}

static void begin_test(void)
{
	cr_assert_not_null(mkdtemp(folder));
	make_folder("tmp");
	make_folder("tmp/a");
	make_folder("tmp/a/tree");
	make_folder("tmp/b");
	(void)snprintf(secret, sizeof(secret), "%s/secret", folder);
	put_file(AT_FDCWD, secret, "text", 4);
	cr_assert_eq(host_read(&arena, environ, &host, NULL), 0);
}

static void end_test(void)
{
	(void)path_remove_tree(AT_FDCWD, folder);
	arena_done(&arena);
}

TestSuite(unpacker, .init = begin_test, .fini = end_test, .timeout = 60);

/* --- workers that work --- */

static int copy(int in, int out)
{
	char data[4096];
	ssize_t n;

	while ((n = read(in, data, sizeof(data))) > 0) {
		int r = fd_write_all(out, data, (size_t)n);

		if (r < 0)
			return r;
	}
	return n < 0 ? -errno : 0;
}

static int pass_on(int in, int out, uint64_t bytes_max, struct digest *ret_diff_id, uint64_t *ret_bytes, struct error *err)
{
	int r = copy(in, out);

	(void)bytes_max;
	(void)ret_bytes;
	cr_assert_null(ret_diff_id);
	return r < 0 ? error_set(err, -r, "cannot copy") : 0;
}

static int write_file(int tar_fd, int target, const struct unpack_spec *spec, struct unpack_result *ret, struct error *err)
{
	int fd = openat(target, "out", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : copy(tar_fd, fd);

	ret->entries = spec->entries_max;
	return r < 0 ? error_set(err, -r, "cannot write") : 0;
}

static const struct unpacker_work good = {pass_on, write_file};

static struct unpacker *start(const struct unpacker_work *work, enum idmap_mode mode)
{
	struct unpacker *unpacker = NULL;
	struct error err = {0};

	cr_assert_eq(unpacker_start_with(work, &host, folder, mode, &unpacker, &err), 0, "%s: %s", err.what, err.cause);
	return unpacker;
}

static int stream_of(const char *text)
{
	int ends[2];

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	cr_assert_eq(fd_write_all(ends[1], text, strlen(text)), 0);
	(void)close(ends[1]);
	return ends[0];
}

static int run_job(struct unpacker *unpacker, const char *text, const char *name, struct unpack_result *ret, struct error *err)
{
	const struct unpack_host *unpack = unpacker_host(unpacker);
	const struct unpack_spec spec = {.owner = unpack->owner, .entries_max = 7};
	cleanup_close int stream = stream_of(text);
	int job = unpack->begin(unpack->context, stream, name, &spec, err);

	return job < 0 ? job : unpack->finish(unpack->context, job, ret, err);
}

static void expect_owner(const char *name, bool own)
{
	cleanup_free char *path = mem_printf("%s/tmp/a/tree/out", folder);
	struct stat st;

	cr_expect_eq(stat(path, &st), 0, "%s", name);
	cr_expect(!own || st.st_uid == getuid(), "%s: it belongs to %u", name, st.st_uid);
	cr_expect_eq(unlink(path), 0, "%s", name);
}

Test(unpacker, works_with_a_range_and_with_a_single_id)
{
	static const struct {
		const char *name;
		enum idmap_mode mode;
		enum layer_owner owner;
	} cases[] = {{"single", IDMAP_SINGLE, LAYER_SINGLE}, {"range", IDMAP_SUBIDS, LAYER_RANGE}};
	struct idmap_facts facts;

	cr_assert_eq(host_id_facts(&host, &facts, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct unpack_result done = {0};
		struct error err = {0};
		struct digest digest;

		if (cases[i].mode == IDMAP_SUBIDS && !host_has_ranges(&facts))
			continue;
		struct unpacker *unpacker = start(&good, cases[i].mode);
		int r = run_job(unpacker, "some text", "a/tree", &done, &err);

		cr_expect_eq(r, 0, "%s: %s: %s", cases[i].name, err.what, err.cause);
		digest_of("some text", 9, &digest);
		cr_expect(digest_equal(&done.diff_id, &digest), "%s: %s", cases[i].name, done.diff_id.text);
		cr_expect_eq(done.stream_bytes, 9, "%s", cases[i].name);
		cr_expect_eq(done.entries, 7, "%s", cases[i].name);
		cr_expect_eq(unpacker_host(unpacker)->owner, cases[i].owner, "%s", cases[i].name);
		unpacker_end(unpacker);
		expect_owner(cases[i].name, true);
	}
}

/* --- several at once --- */

enum { THREADS = 4, ROUNDS = 4 };

static void *work_in_thread(void *argument)
{
	struct unpacker *unpacker = argument;
	intptr_t failed = 0;

	for (int i = 0; i < ROUNDS; i++) {
		struct unpack_result done = {0};
		struct error err = {0};

		failed += run_job(unpacker, "text", "b", &done, &err) < 0 || done.stream_bytes != 4;
	}
	return (void *)failed;
}

Test(unpacker, takes_jobs_from_several_threads)
{
	struct unpacker *unpacker = start(&good, IDMAP_SINGLE);
	pthread_t threads[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, work_in_thread, unpacker), 0);
	for (size_t i = 0; i < THREADS; i++) {
		void *failed;

		cr_assert_eq(pthread_join(threads[i], &failed), 0);
		cr_expect_null(failed, "thread %zu", i);
	}
	unpacker_end(unpacker);
}

/* --- workers that break --- */

static int decompress_crashes(int in, int out, uint64_t bytes_max, struct digest *ret_diff_id, uint64_t *ret_bytes, struct error *err)
{
	(void)in, (void)out, (void)bytes_max, (void)ret_diff_id, (void)ret_bytes, (void)err;
	__builtin_trap();
}

static int decompress_fails(int in, int out, uint64_t bytes_max, struct digest *ret_diff_id, uint64_t *ret_bytes, struct error *err)
{
	(void)in, (void)bytes_max, (void)ret_diff_id, (void)ret_bytes;
	(void)!fd_write_all(out, "begun", 5);
	return error_set(err, EBADMSG, "the stream is broken");
}

static int decompress_endlessly(int in, int out, uint64_t bytes_max, struct digest *ret_diff_id, uint64_t *ret_bytes, struct error *err)
{
	static char data[65536];
	int r;

	(void)in, (void)bytes_max, (void)ret_diff_id, (void)ret_bytes;
	while ((r = fd_write_all(out, data, sizeof(data))) == 0)
		;
	return error_set(err, -r, "nobody reads");
}

static int write_crashes(int tar_fd, int target, const struct unpack_spec *spec, struct unpack_result *ret, struct error *err)
{
	(void)tar_fd, (void)target, (void)spec, (void)ret, (void)err;
	__builtin_trap();
}

static int write_fails(int tar_fd, int target, const struct unpack_spec *spec, struct unpack_result *ret, struct error *err)
{
	(void)tar_fd, (void)target, (void)spec, (void)ret;
	return error_set(err, ENOSPC, "the disk is full");
}

static int write_leaves(int tar_fd, int target, const struct unpack_spec *spec, struct unpack_result *ret, struct error *err)
{
	(void)tar_fd, (void)target, (void)spec, (void)ret, (void)err;
	_exit(0);
}

static int write_lies(int tar_fd, int target, const struct unpack_spec *spec, struct unpack_result *ret, struct error *err)
{
	int r = write_file(tar_fd, target, spec, ret, err);

	memset(err, 'x', sizeof(*err)); /* no text has an end */
	return r < 0 ? r : 1 << 20;
}

__attribute__((unused)) static int write_wants_memory(int tar_fd, int target, const struct unpack_spec *spec, struct unpack_result *ret, struct error *err)
{
	(void)tar_fd, (void)target, (void)spec, (void)err;
	/* More than the limit: a test program has a heap with much that is free. */
	for (size_t i = 0; i < 16; i++)
		ret->entries += ((const unsigned char *)mem_alloc(UNPACKER_MEMORY))[i];
	return 0;
}

static int write_is_modest(int tar_fd, int target, const struct unpack_spec *spec, struct unpack_result *ret, struct error *err)
{
	cleanup_free char *memory = mem_alloc(UNPACKER_MEMORY / 2);

	memory[UNPACKER_MEMORY / 4] = 1;
	return write_file(tar_fd, target, spec, ret, err);
}

Test(unpacker, a_worker_that_breaks_is_an_error_of_its_job)
{
	static const struct {
		const char *name;
		struct unpacker_work work;
		int result;
		const char *says;
	} cases[] = {
		{"the decompressor crashes", {decompress_crashes, write_file}, -ECHILD, "decompresses crashed"},
		{"the decompressor fails", {decompress_fails, write_file}, -EBADMSG, "the stream is broken"},
		{"the writer crashes", {pass_on, write_crashes}, -ECHILD, "writes the files crashed"},
		{"the writer fails", {decompress_endlessly, write_fails}, -ENOSPC, "the disk is full"},
		{"the writer crashes amid", {decompress_endlessly, write_crashes}, -ECHILD, "writes the files crashed"},
		{"the writer just ends", {pass_on, write_leaves}, -ECHILD, "ended without a result"},
		{"the writer lies", {pass_on, write_lies}, -EPROTO, "cannot unpack"},
#ifndef __SANITIZE_ADDRESS__ /* which needs more than any limit */
		{"too much memory", {pass_on, write_wants_memory}, -ENOMEM, "wants more than"},
#endif
		{"some memory", {pass_on, write_is_modest}, 0, ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct unpacker *unpacker = start(&cases[i].work, IDMAP_SINGLE);
		struct unpack_result done = {0};
		struct error err = {0};
		int r = run_job(unpacker, "text", "b", &done, &err);
		cleanup_free char *text = mem_printf("%s: %s", err.what, err.cause);

		cr_expect_eq(r, cases[i].result, "%s: %d, %s", cases[i].name, r, text);
		cr_expect(strstr(text, cases[i].says), "%s: %s", cases[i].name, text);
		unpacker_end(unpacker);
	}
}

Test(unpacker, only_folders_below_tmp)
{
	static const char *const names[] = {"", "..", "../tmp/b", "a/../b", "/a", "./a", "a//tree", "no-such-folder", "file"};
	struct unpacker *unpacker = start(&good, IDMAP_SINGLE);
	cleanup_free char *file = mem_printf("%s/tmp/file", folder);

	put_file(AT_FDCWD, file, "", 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct unpack_result done;
		struct error err = {0};

		cr_expect_lt(run_job(unpacker, "text", names[i], &done, &err), 0, "'%s'", names[i]);
		cr_expect_neq(err.code, 0, "'%s'", names[i]);
	}
	unpacker_end(unpacker);
}

/* --- nothing stays --- */

static int wait_forever(int in, int out, uint64_t bytes_max, struct digest *ret_diff_id, uint64_t *ret_bytes, struct error *err)
{
	(void)in, (void)out, (void)bytes_max, (void)ret_diff_id, (void)ret_bytes, (void)err;
	return poll(NULL, 0, -1);
}

/* A client with a job under way; it tells by a byte when that is so. */
static _Noreturn void client(int told)
{
	static const struct unpacker_work work = {wait_forever, write_file};
	struct unpacker *unpacker = start(&work, IDMAP_SINGLE);
	const struct unpack_host *unpack = unpacker_host(unpacker);
	const struct unpack_spec spec = {.owner = unpack->owner};
	int stream = stream_of("text"), job = unpack->begin(unpack->context, stream, "b", &spec, NULL);

	(void)!fd_write_all(told, "", job >= 0);
	for (;;)
		(void)pause();
}

Test(unpacker, ends_with_a_client_that_is_killed)
{
	int ends[2];
	char byte;

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	cr_assert_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	pid_t pid = fork();
	if (pid == 0)
		client(ends[1]);
	(void)close(ends[1]);
	cr_assert_eq(fd_read_all(ends[0], &byte, 1), 0);
	cr_assert_eq(kill(pid, SIGKILL), 0);
	/* All that was the client's becomes ours: when there is no child any more, nothing is left. (The suite's time ends a wait for ever.) */
	int count = 0;
	while (wait(NULL) > 0)
		count++;
	cr_expect_geq(count, 2, "%d processes", count);
	(void)close(ends[0]);
}

Test(unpacker, ends_at_once_with_a_job_under_way)
{
	static const struct unpacker_work work = {wait_forever, write_file};
	struct unpacker *unpacker = start(&work, IDMAP_SINGLE);
	const struct unpack_host *unpack = unpacker_host(unpacker);
	const struct unpack_spec spec = {.owner = unpack->owner};
	cleanup_close int stream = stream_of("text");
	struct error err = {0};
	cleanup_close int job = unpack->begin(unpack->context, stream, "b", &spec, &err);
	char byte;

	cr_assert_geq(job, 0);
	unpacker_end(unpacker);
	cr_expect_eq(wait(NULL), -1);
	cr_expect_eq(read(job, &byte, 1), 0, "the job's end of the pipe is open");
}
