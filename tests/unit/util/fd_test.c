#include "util/fd.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/mem.h"
#include "util/path.h"

static char folder[] = "/tmp/carrel-fd-XXXXXX";
static int dir = -1;

static void make_folder(void)
{
	cr_assert_not_null(mkdtemp(folder));
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void remove_folder(void)
{
	(void)close(dir);
	(void)path_remove_tree(AT_FDCWD, folder);
}

TestSuite(fd, .init = make_folder, .fini = remove_folder, .timeout = 30);

static void put(const char *name, size_t size)
{
	cleanup_free char *text = mem_alloc(size + 1);
	cleanup_close int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	memset(text, 'x', size);
	cr_assert_eq(fd_write_all(fd, text, size), 0);
}

Test(fd, close_keeps_errno)
{
	errno = EXDEV;
	cr_expect_eq(fd_close(-1), -1);
	cr_expect_eq(fd_close(AT_FDCWD), -1);
	cr_expect_eq(fd_close(open("/dev/null", O_RDONLY | O_CLOEXEC)), -1);
	cr_expect_eq(errno, EXDEV);
}

Test(fd, take_fd_forgets)
{
	int mine = 5, theirs = take_fd(mine);

	cr_expect(mine == -1 && theirs == 5);
}

/* A pipe gives what it has; the reader waits for the rest. */
Test(fd, whole_reads_and_writes)
{
	enum { SIZE = 1 << 20 };
	cleanup_free char *text = mem_alloc(SIZE);
	int ends[2], status;
	pid_t pid;

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		memset(text, 'y', SIZE);
		_exit(fd_write_all(ends[1], text, SIZE) < 0);
	}
	(void)close(ends[1]);
	cr_expect_eq(fd_read_all(ends[0], text, SIZE), 0);
	cr_expect(text[0] == 'y' && text[SIZE - 1] == 'y');
	cr_expect_eq(fd_read_all(ends[0], text, 1), -ENODATA);
	(void)close(ends[0]);
	cr_expect(waitpid(pid, &status, 0) == pid && status == 0);
}

Test(fd, an_end_in_the_middle)
{
	char text[8];
	int ends[2];

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	cr_assert_eq(fd_write_all(ends[1], "abc", 3), 0);
	(void)close(ends[1]);
	cr_expect_eq(fd_read_all(ends[0], text, sizeof(text)), -EPIPE);
	(void)signal(SIGPIPE, SIG_IGN);
	cr_expect_eq(fd_write_all(ends[0], "x", 1), -EBADF);
	(void)close(ends[0]);
}

static const struct {
	const char *name;
	size_t size, limit;
	int result;
} slurps[] = {
	{"empty", 0, 100, 0}, {"small", 5, 100, 0}, {"as much as allowed", 100, 100, 0}, {"one more", 101, 100, -EFBIG},
	{"around the first room", 4095, 1 << 20, 0}, {"the first room", 4096, 1 << 20, 0}, {"over it", 4097, 1 << 20, 0}, {"large", 1 << 20, 1 << 20, 0},
	{"empty, nothing allowed", 0, 0, 0},
};

Test(fd, slurp)
{
	for (size_t i = 0; i < ARRAY_SIZE(slurps); i++) {
		cleanup_free char *text = NULL;
		size_t size = 77;
		int result;

		put("file", slurps[i].size);
		result = fd_slurp_at(dir, "file", slurps[i].limit, &text, &size);
		cr_expect_eq(result, slurps[i].result, "%s: %d", slurps[i].name, result);
		cr_expect_eq(size, result < 0 ? 77 : slurps[i].size, "%s: %zu bytes", slurps[i].name, size);
		cr_expect_eq(text != NULL, result == 0, "%s", slurps[i].name);
		if (text)
			cr_expect(text[slurps[i].size] == 0 && strlen(text) == slurps[i].size, "%s: not a text", slurps[i].name);
	}
}

Test(fd, slurp_of_proc)
{
	cleanup_free char *text = NULL;

	cr_expect_eq(fd_slurp_at(AT_FDCWD, "/proc/self/status", 1 << 16, &text, NULL), 0);
	cr_expect(text && !strncmp(text, "Name:", 5));
}

Test(fd, slurp_refuses_what_is_no_file)
{
	char *text = NULL;

	cr_assert_eq(mkfifoat(dir, "fifo", 0644), 0);
	cr_assert_eq(symlinkat("fifo", dir, "link"), 0);
	cr_expect_eq(fd_slurp_at(dir, "fifo", 100, &text, NULL), -EINVAL);
	cr_expect_eq(fd_slurp_at(dir, "link", 100, &text, NULL), -EINVAL);
	cr_expect_eq(fd_slurp_at(dir, ".", 100, &text, NULL), -EINVAL);
	cr_expect_eq(fd_slurp_at(AT_FDCWD, "/dev/zero", 100, &text, NULL), -EINVAL);
	cr_expect_eq(fd_slurp_at(dir, "nothing", 100, &text, NULL), -ENOENT);
	cr_expect_null(text);
}

Test(fd, put)
{
	cleanup_free char *text = NULL;

	put("file", 0);
	cr_expect_eq(fd_put_at(dir, "file", "deny"), 0);
	cr_expect_eq(fd_slurp_at(dir, "file", 100, &text, NULL), 0);
	cr_expect_str_eq(text, "deny");
	cr_expect_eq(fd_put_at(dir, "nothing", "x"), -ENOENT);
	cr_expect_eq(fd_put_at(AT_FDCWD, "/dev/full", "x"), -ENOSPC);
}

Test(fd, passing)
{
	int pair[2], sent[FD_PASS_MAX + 1], got[FD_PASS_MAX];
	char text[16];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	for (size_t i = 0; i < ARRAY_SIZE(sent); i++)
		sent[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	cr_expect_eq(fd_send(pair[0], "abc", 3, sent, FD_PASS_MAX), 0);
	cr_expect_eq(fd_receive(pair[1], text, sizeof(text), got), 3);
	for (size_t i = 0; i < FD_PASS_MAX; i++) {
		cr_expect_geq(got[i], 0, "descriptor %zu", i);
		cr_expect_eq(fcntl(got[i], F_GETFD), FD_CLOEXEC, "descriptor %zu", i);
		(void)fd_close(got[i]);
	}
	cr_expect_eq(fd_send(pair[0], "abc", 3, sent, FD_PASS_MAX + 1), -EINVAL);
	cr_expect_eq(fd_send(pair[0], "d", 1, NULL, 0), 0);
	cr_expect_eq(fd_receive(pair[1], text, sizeof(text), got), 1);
	cr_expect_eq(got[0], -1);
	(void)close(pair[0]);
	cr_expect_eq(fd_receive(pair[1], text, sizeof(text), got), 0);
	cr_expect_eq(fd_send(pair[1], "x", 1, NULL, 0), -EPIPE); /* and no signal */
	(void)close(pair[1]);
	for (size_t i = 0; i < ARRAY_SIZE(sent); i++)
		(void)fd_close(sent[i]);
}
