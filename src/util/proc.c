#include "util/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/fd.h"
#include "util/mem.h"

enum { READ_PIECE = 4096 };

static char *const clean_environment[] = {
	(char[]){"PATH=" PROC_SYSTEM_PATH},
	(char[]){"LANG=C"},
	NULL,
};

/* dup2 of a descriptor onto itself keeps close-on-exec in POSIX; glibc (2.29 and newer) clears the flag there, as
 * the next edition of POSIX asks. */
static int add_output(posix_spawn_file_actions_t *actions, int from, int to)
{
	if (from < 0)
		return posix_spawn_file_actions_addopen(actions, to, "/dev/null", O_WRONLY, 0);
	return posix_spawn_file_actions_adddup2(actions, from, to);
}

/* A caller whose own streams were closed hands over descriptors below 3: each is copied before it is overwritten. (An `stdin_fd` is a file of ours, above.) */
static int add_streams(posix_spawn_file_actions_t *actions, int stdin_fd, int stdout_fd, int stderr_fd)
{
	bool stderr_first = stderr_fd == STDOUT_FILENO;
	int result = 0;

	if (stderr_first)
		result = add_output(actions, stderr_fd, STDERR_FILENO);
	if (!result)
		result = add_output(actions, stdout_fd, STDOUT_FILENO);
	if (!result && !stderr_first)
		result = add_output(actions, stderr_fd, STDERR_FILENO);
	if (!result)
		result = stdin_fd < 0 ? posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
				      : posix_spawn_file_actions_adddup2(actions, stdin_fd, STDIN_FILENO);
	return result;
}

static int set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t all, none;
	int result;

	(void)sigfillset(&all);
	(void)sigemptyset(&none);
	result = posix_spawnattr_setsigdefault(attributes, &all);
	if (!result)
		result = posix_spawnattr_setsigmask(attributes, &none);
	if (!result)
		result = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	return result;
}

/* glibc's posix_spawn is clone(CLONE_VM | CLONE_VFORK): no page table is copied, and a failing execve is reported. */
static pid_t spawn(char *const argv[], char *const environment[], int stdin_fd, int stdout_fd, int stderr_fd)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	pid_t pid = -1;
	int result;

	result = posix_spawn_file_actions_init(&actions);
	if (result)
		return -result;
	result = posix_spawnattr_init(&attributes);
	if (result)
		goto out_actions;
	result = set_attributes(&attributes);
	if (!result)
		result = add_streams(&actions, stdin_fd, stdout_fd, stderr_fd);
	if (!result)
		result = posix_spawn(&pid, argv[0], &actions, &attributes, argv, environment);
	(void)posix_spawnattr_destroy(&attributes);
out_actions:
	(void)posix_spawn_file_actions_destroy(&actions);
	return result ? -result : pid;
}

pid_t proc_spawn(char *const argv[], int stdout_fd, int stderr_fd)
{
	return spawn(argv, clean_environment, -1, stdout_fd, stderr_fd);
}

int proc_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return status;
}

int64_t proc_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Read to the end of the pipe. Beyond `limit` what comes is read and dropped: the program must not block on us. */
static int collect(int fd, size_t limit, int64_t deadline, struct buf *text)
{
	char piece[READ_PIECE];
	ssize_t got;

	for (;;) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		int64_t left = deadline - proc_now_ms();
		int ready = poll(&wait, 1, left > 0 ? (int)left : 0);

		if (ready == 0)
			return -ETIMEDOUT;
		if (ready < 0 && errno != EINTR)
			return -errno;
		if (ready < 0)
			continue;
		got = read(fd, piece, sizeof(piece));
		if (got == 0)
			return 0;
		if (got < 0 && errno != EINTR)
			return -errno;
		if (got > 0 && text->size < limit)
			buf_add(text, piece, (size_t)got < limit - text->size ? (size_t)got : limit - text->size);
	}
}

/* The output may end before the program does (it closed stdout): the time limit holds for the end too. */
static int wait_until(pid_t pid, int64_t deadline)
{
	static const struct timespec pause = {.tv_nsec = 1000000};
	int status;

	for (;;) {
		pid_t got = waitpid(pid, &status, WNOHANG);

		if (got == pid)
			return status;
		if (got < 0 && errno != EINTR)
			return -errno;
		if (proc_now_ms() >= deadline)
			return -ETIMEDOUT;
		(void)nanosleep(&pause, NULL); /* EINTR only shortens it */
	}
}

static int capture(char *const argv[], char *const environment[], int stdin_fd, int stderr_fd, size_t limit, int timeout_ms, char **ret_text)
{
	cleanup_close int read_end = -1, write_end = -1;
	cleanup_buf struct buf text = {0};
	int64_t deadline = proc_now_ms() + timeout_ms;
	int ends[2], result;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	read_end = ends[0];
	write_end = ends[1];
	pid = spawn(argv, environment, stdin_fd, write_end, stderr_fd);
	if (pid < 0)
		return pid;
	write_end = fd_close(write_end);
	buf_puts(&text, "");
	result = collect(read_end, limit, deadline, &text);
	if (result == 0)
		result = wait_until(pid, deadline);
	if (result < 0) {
		(void)kill(pid, SIGKILL); /* our unreaped child: the pid is its own */
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		return result;
	}
	*ret_text = take_ptr(text.text);
	return WIFSIGNALED(result) ? 128 + WTERMSIG(result) : WEXITSTATUS(result);
}

int proc_capture(char *const argv[], size_t limit, int timeout_ms, char **ret_text)
{
	return capture(argv, clean_environment, -1, -1, limit, timeout_ms, ret_text);
}

/* A file as stdin: whether and when the program reads it is no matter to us, and nothing blocks or is signalled. */
int proc_ask(char *const argv[], const void *input, size_t size, size_t limit, int timeout_ms, char **ret_text)
{
	cleanup_close int file = memfd_create("input", MFD_CLOEXEC);
	int result;

	if (file < 0)
		return -errno;
	result = fd_write_all(file, input, size);
	if (result < 0)
		return result;
	if (lseek(file, 0, SEEK_SET) < 0)
		return -errno;
	return capture(argv, environ, file, STDERR_FILENO, limit, timeout_ms, ret_text);
}

/* access(2) asks with the real ids, which is what execve would not; faccessat with AT_EACCESS asks right. */
static int check_program(const char *path)
{
	struct stat info;

	if (stat(path, &info) < 0)
		return errno == EACCES ? -EACCES : -ENOENT;
	if (!S_ISREG(info.st_mode) || faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
		return -EACCES;
	return 0;
}

char *proc_find_program(const char *name, const char *path_list)
{
	bool denied = false;
	const char *folder = path_list, *end;

	if (strchr(name, '/')) {
		int result = check_program(name);

		errno = -result;
		return result ? NULL : mem_strdup(name);
	}
	for (; *name && folder; folder = *end ? end + 1 : NULL) {
		cleanup_free char *path = NULL;
		int result;

		end = strchrnul(folder, ':');
		if (*folder != '/') /* an empty or relative folder would be the working directory's to fill */
			continue;
		path = mem_printf("%.*s/%s", (int)(end - folder), folder, name);
		result = check_program(path);
		if (result == 0)
			return take_ptr(path);
		denied = denied || result == -EACCES;
	}
	errno = denied ? EACCES : ENOENT;
	return NULL;
}
