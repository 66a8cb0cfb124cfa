/* The process that works dies by a signal as it comes, at any moment and in any of its threads: the store is made for that (store.h). What it had begun has no owner then, and the one
 * that started it does at once what the next command would do, the sweep. That one has read nothing of strangers' and is not confined, so that it can also remove what belongs to
 * subordinate ids. */
#include "cli/image_tidy.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/image_context.h"
#include "util/interrupt.h"
#include "util/proc.h"

enum {
	ORPHANS_MS = 5000, /* longer lives what the user's credential helpers have started, and that is no business of ours */
	LOOK_MS = 50,
};

/* What unpacks ends with the child, but takes its time, and must be gone before the folder that it fills. */
static void wait_for_orphans(void)
{
	const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
	int64_t until = proc_now_ms() + ORPHANS_MS;
	sigset_t child;

	(void)sigemptyset(&child);
	(void)sigaddset(&child, SIGCHLD);
	for (;;) {
		pid_t ended = waitpid(-1, NULL, WNOHANG);

		if ((ended < 0 && errno == ECHILD) || proc_now_ms() > until)
			return;
		if (ended == 0)
			(void)sigtimedwait(&child, NULL, &pause);
	}
}

static void sweep(void)
{
	const struct image_use use = {.quiet = true};
	struct image_context context;

	/* (A folder that only looks like a store is left alone, and where there is none yet there is nothing to do.) */
	if (image_context_init(&context, &use, NULL) == 0 && image_context_read(&context, true, NULL) == 0 && context.store.dir >= 0 && store_check_place(&context.store, NULL) == 0)
		store_sweep(&context.store, &context.gc, UINT_MAX);
	image_context_done(&context);
}

bool image_tidy_fork(int *ret_status)
{
	struct interrupt held;
	pid_t parent = getpid(), child;
	int status;

	interrupt_hold(&held);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1); /* what the child leaves behind comes to us */
	child = fork();
	if (child == 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent))
		_exit(EXIT_CARREL);
	if (child <= 0) { /* where no process can be had the command does without */
		interrupt_let_go(&held);
		return true;
	}
	status = interrupt_wait(&held, child, NULL);
	if (status >= 0 && WIFSIGNALED(status)) {
		wait_for_orphans();
		sweep();
		interrupt_note(WTERMSIG(status));
	}
	interrupt_let_go(&held);
	*ret_status = status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_CARREL;
	return false;
}
