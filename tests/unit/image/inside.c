#include "unit/image/inside.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "isolate/idmap.h"
#include "unit/ordinary.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/path.h"
#include "util/proc.h"
#include "util/sys.h"

struct job {
	bool range;
	void (*body)(const void *context, struct buf *complaints);
	const void *context;
	char folder[128];
	int go[2], report; /* the child's, but go[1] */
};

static void work(const struct job *job)
{
	struct buf complaints = {0};
	char byte;

	(void)close(job->go[1]);
	if (read(job->go[0], &byte, 1) != 1 || setgid(0) < 0 || setuid(0) < 0)
		_exit(1);
	if (chdir(job->folder) < 0)
		buf_printf(&complaints, "cannot enter %s: %s\n", job->folder, strerror(errno));
	else
		job->body(job->context, &complaints);
	/* From within, since outside nobody owns some of it. */
	int r = path_remove_tree(AT_FDCWD, job->folder);
	if (r < 0)
		buf_printf(&complaints, "cannot remove %s: %s\n", job->folder, strerror(-r));
	(void)!fd_write_all(job->report, complaints.text, complaints.size);
	_exit(0);
}

static int map(const struct job *job, pid_t pid, int pidfd, struct error *err)
{
	struct arena arena = {0};
	struct idmap_spec spec = {.mode = job->range ? IDMAP_SUBIDS : IDMAP_SINGLE};
	struct idmap_facts facts;
	struct idmap_plan plan;
	struct idmap_job running;
	int r = idmap_facts_load(&arena, &facts, err);

	if (r == 0)
		r = idmap_plan(&arena, &spec, &facts, &plan, err);
	if (r == 0)
		r = idmap_begin(&plan, pid, pidfd, &running, err);
	if (r == 0)
		r = idmap_finish(&plan, &running, err);
	arena_done(&arena);
	return r;
}

/* In a process of its own, which is the account. */
static void manage(struct job *job)
{
	struct clone_args args = {.flags = CLONE_NEWUSER | CLONE_PIDFD, .exit_signal = SIGCHLD};
	struct error err = {0};
	int pidfd = -1;
	const char *base = getenv("TMPDIR");

	if (ordinary_become())
		abort();
	(void)snprintf(job->folder, sizeof(job->folder), "%s/carrel-inside.XXXXXX", base && access(base, W_OK) == 0 ? base : "/var/tmp");
	if (!mkdtemp(job->folder))
		_exit(2);
	args.pidfd = (uintptr_t)&pidfd;
	pid_t pid = sys_clone3(&args);
	if (pid == 0)
		work(job);
	int r = pid < 0 ? -errno : map(job, pid, pidfd, &err);
	if (r == 0)
		r = fd_write_all(job->go[1], "x", 1);
	(void)close(job->go[1]);
	int status = pid > 0 ? proc_wait(pid) : 0;
	(void)rmdir(job->folder); /* where the child did not come to it */
	if (r < 0)
		_exit(3);
	_exit(WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 4);
}

bool inside_collect(bool range, void (*body)(const void *context, struct buf *complaints), const void *context, struct buf *ret_complaints)
{
	struct job job = {.range = range, .body = body, .context = context};
	int report[2], status;
	char text[4096];
	ssize_t n;

	cr_assert(pipe2(job.go, O_CLOEXEC) == 0 && pipe2(report, O_CLOEXEC) == 0);
	job.report = report[1];
	pid_t pid = fork();
	if (pid == 0) {
		(void)close(report[0]);
		manage(&job);
	}
	(void)close(job.go[0]);
	(void)close(job.go[1]);
	(void)close(report[1]);
	while ((n = read(report[0], text, sizeof(text))) > 0)
		buf_add(ret_complaints, text, (size_t)n);
	(void)close(report[0]);
	status = proc_wait(pid);
	status = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
	if (status == 3)
		return false;
	if (status)
		buf_printf(ret_complaints, "the child ended badly (%d)\n", status);
	return true;
}

void inside_test(bool range, void (*body)(const void *context, struct buf *complaints), const void *context)
{
	struct buf complaints = {0};

	if (!inside_collect(range, body, context, &complaints))
		cr_skip_test("no %s here", range ? "range of ids" : "user namespace");
	cr_expect(complaints.size == 0, "%s", complaints.text);
	buf_done(&complaints);
}
