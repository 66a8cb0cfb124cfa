/* Acts that change the process for good (filters, ids, rulesets) happen in a child. */
#ifndef CARREL_TESTS_ISOLATE_CHILD_H
#define CARREL_TESTS_ISOLATE_CHILD_H

#include <sys/wait.h>
#include <unistd.h>

#include "util/proc.h"

/* What the body returns (0 to 127: an errno as a rule), or 128 + the signal that ended the child. */
static inline int in_child(int (*body)(const void *), const void *context)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(body(context));
	status = proc_wait(pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

#endif
