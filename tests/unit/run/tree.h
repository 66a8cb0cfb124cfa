/* A small sandbox for the tests of init, supervise and relay: user and PID namespace, a shell script as the payload, and a launcher in a child
 * process of the test, so that the test can play the user, the shell and the terminal. */
#ifndef CARREL_TESTS_UNIT_RUN_TREE_H
#define CARREL_TESTS_UNIT_RUN_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "run/outcome.h"

struct tree {
	const char *script;
	void (*act)(void); /* instead of the script */
	bool pty;
	bool new_session; /* the launcher begins one, which makes its group an orphaned one */
	uint64_t timeout_ms, grace_ms;
	int input, output; /* the launcher's 0 and 1 */
	const int *ignored; /* signals ignored before the start, as by nohup; ends with 0 */
};

/* In the calling process: start and supervise. 0 or -errno as supervise_run. */
int tree_run(const struct tree *tree, struct outcome *ret, struct error *err);

/* Start only, for tests of init: the launcher's end of the channel and init's pid. */
pid_t tree_start(const struct tree *tree, int *ret_channel, int *ret_pidfd);

/* tree_run in a child that leads a process group. */
struct launcher {
	pid_t pid;
	int result; /* gets the struct outcome */
};
void launcher_start(struct launcher *launcher, const struct tree *tree);
/* False: it failed, or did not come to an end within `ms` and was killed. */
bool launcher_wait(struct launcher *launcher, int ms, struct outcome *ret);
/* Wait until the launcher has stopped, without taking its end. */
bool launcher_stopped(const struct launcher *launcher, int ms);

/* The calling process becomes the leader of a session on a new terminal: its screen and keyboard are the result. *ret_terminal is what
 * programs get as 0 and 1. */
int desk_open(int *ret_terminal);

/* Read from `fd` into a static text until `text` appears (anywhere in what came since the last match). */
bool expect(int fd, const char *text, int ms);
/* All that comes until the end or `ms` without anything. */
const char *read_rest(int fd, int ms);

uint64_t clock_ms(void);

#endif
