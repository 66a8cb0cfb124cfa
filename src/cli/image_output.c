#include "cli/image_output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/interrupt.h"
#include "util/mem.h"

struct output {
	const char *path;
	char *temporary; /* beside it; NULL: the file has no name yet (O_TMPFILE), or is written to as it is */
	int fd;
	bool in_place;
};

static int open_stdout(struct output *output, struct error *err)
{
	output->in_place = true;
	output->fd = dup(STDOUT_FILENO);
	if (!isatty(STDOUT_FILENO))
		return output->fd < 0 ? error_set(err, errno, "cannot write to stdout") : 0;
	(void)error_set(err, EINVAL, "cannot write an archive to a terminal");
	(void)error_cause(err, "it is no text");
	return error_hint(err, "name a file with -o FILE, or redirect the output");
}

/* Without a name nothing is left of it, however we end. Not every filesystem can. */
static int open_unnamed(const char *path)
{
	cleanup_free char *folder = mem_strdup(path);
	char *slash = strrchr(folder, '/');

	if (slash)
		slash[slash == folder] = 0;
	return open(slash ? folder : ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
}

/* What is there and no regular file, as it is. (A FIFO waits for its reader: a signal may end that.) */
static int open_in_place(struct output *output, struct error *err)
{
	struct stat st;

	if (!output->path || !strcmp(output->path, "-"))
		return open_stdout(output, err);
	output->in_place = stat(output->path, &st) == 0 && !S_ISREG(st.st_mode);
	if (!output->in_place)
		return 0;
	output->fd = open(output->path, O_WRONLY | O_CLOEXEC);
	return output->fd < 0 ? error_set(err, errno, "cannot write '%s'", output->path) : 0;
}

static int open_new(struct output *output, struct error *err)
{
	output->fd = open_unnamed(output->path);
	if (output->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
		mode_t mask = umask(0);

		(void)umask(mask);
		output->temporary = mem_printf("%s.XXXXXX", output->path);
		output->fd = mkostemp(output->temporary, O_CLOEXEC);
		if (output->fd >= 0)
			(void)fchmod(output->fd, 0666 & ~mask); /* it stays private otherwise */
	}
	return output->fd < 0 ? error_set(err, errno, "cannot write '%s'", output->path) : 0;
}

static int give_name(struct output *output, struct error *err)
{
	char self[40];

	if (output->in_place)
		return 0;
	if (!output->temporary) {
		output->temporary = mem_printf("%s.%d~", output->path, (int)getpid());
		(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", output->fd);
		if (linkat(AT_FDCWD, self, AT_FDCWD, output->temporary, AT_SYMLINK_FOLLOW) < 0)
			return error_set(err, errno, "cannot make '%s'", output->path);
	}
	if (rename(output->temporary, output->path) == 0)
		return 0;
	int r = error_set(err, errno, "cannot make '%s'", output->path);
	(void)unlink(output->temporary);
	return r;
}

static _Noreturn void run_child(int report, int (*write)(void *context, int fd, struct error *err), void *context, int fd)
{
	struct error err = {0};
	int r;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* what it writes has no name, so nobody wants it after our end */
	r = write(context, fd, &err);
	if (r < 0)
		(void)!fd_write_all(report, &err, sizeof(err)); /* without a parent nobody is left who could hear */
	_exit(r < 0);
}

/* (What it reports is small enough to wait in the pipe.) */
static int wait_for(pid_t child, const struct interrupt *held, int report, struct error *err)
{
	int status = interrupt_wait(held, child, NULL);
	struct error why;

	if (fd_read_all(report, &why, sizeof(why)) == 0) {
		*err = why;
		error_mend(err);
		return -err->code;
	}
	if (status > 0 && WIFSIGNALED(status) && interrupt_is(WTERMSIG(status))) {
		interrupt_note(WTERMSIG(status));
		return error_set(err, EINTR, "nothing was written: a signal ended it");
	}
	return status == 0 ? 0 : error_set(err, EIO, "the process that writes ended by itself (status %#x)", (unsigned)status);
}

static int run_writer(struct output *output, const struct interrupt *held, int (*write)(void *context, int fd, struct error *err), void *context, struct error *err)
{
	int report[2], r;
	pid_t child;

	if (pipe2(report, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot make a pipe");
	child = fork();
	if (child == 0) {
		interrupt_let_go(held);
		(void)fd_close(report[0]);
		run_child(report[1], write, context, output->fd);
	}
	(void)fd_close(report[1]);
	r = child < 0 ? error_set(err, errno, "cannot fork") : wait_for(child, held, report[0], err);
	(void)fd_close(report[0]);
	return r;
}

int image_output(const char *path, int (*write)(void *context, int fd, struct error *err), void *context, struct error *err)
{
	struct output output = {.path = path, .fd = -1};
	struct interrupt held;
	int r = open_in_place(&output, err);

	interrupt_hold(&held); /* from before there is a temporary file until it is gone */
	if (r == 0 && !output.in_place)
		r = open_new(&output, err);
	if (r == 0)
		r = run_writer(&output, &held, write, context, err);
	if (r == 0)
		r = give_name(&output, err);
	else if (output.temporary)
		(void)unlink(output.temporary);
	interrupt_let_go(&held);
	(void)fd_close(output.fd);
	free(output.temporary);
	return r;
}
