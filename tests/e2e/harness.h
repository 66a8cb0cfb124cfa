/* End-to-end tests: run the program under test as the ordinary user who runs the tests, and look at what comes of it.
 *
 * The program's path is in $CARREL_UNDER_TEST (build/carrel otherwise). Every Criterion test is a process of its own; HARNESS_SUITE gives it a
 * temporary directory, makes it the subreaper of what it starts (prctl(2), PR_SET_CHILD_SUBREAPER) and, at the end, removes the directory even
 * where files in it belong to subordinate ids. After each run the harness looks for processes that outlived it: one is a failure of the test.
 *
 *	HARNESS_SUITE(status);
 *
 *	static const struct harness_case cases[] = {
 *		{"true", ARGV("run", "--", "true"), .status = 0},
 *		{"missing", ARGV("run", "--", "no-such-program"), .status = 127, .err = "no-such-program"},
 *	};
 *
 *	Test(status, is_the_payloads)
 *	{
 *		harness_table(cases, ARRAY_SIZE(cases));
 *	}
 *
 * A skip is never silent. harness_requires_*() ends the whole test as Criterion's skipped; harness_skip() passes over a row and prints
 * "SKIP: name: reason". The driver, tests/run, counts and prints both.
 */
#ifndef CARREL_TESTS_E2E_HARNESS_H
#define CARREL_TESTS_E2E_HARNESS_H

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "util/mem.h"

#define HARNESS_SUITE(suite) TestSuite(suite, .init = harness_begin, .fini = harness_end) /* (how long a test may take, its caller says: --timeout) */
#define ARGV(...) .argv = (const char *const[]){__VA_ARGS__, NULL}
#define ENVIRONMENT(...) .env = (const char *const[]){__VA_ARGS__, NULL}

struct harness_run {
	const char *const *argv; /* behind the program's own name; NULL at the end */
	const char *program;     /* NULL: the one under test; else that one (with a slash), for checks from outside */
	const char *input;       /* what it reads from stdin, below 64 kB; NULL: the end at once (/dev/null) */
	const char *const *env;  /* "NAME=value" sets, "NAME" takes away; NULL at the end */
	const char *cwd;         /* NULL: harness_tmp() */
	int timeout_ms;          /* 0: 60 s. Then everything that was started is killed, by pid. */
	bool terminal;           /* stdin, stdout and stderr are a new terminal, its controlling one; all output is in `out` */
	bool leaves_processes;   /* a detached sandbox is meant to stay: no failure, nothing killed */
};

struct harness_result {
	int status; /* as a shell says it: the exit status, 128+n for a signal */
	bool timed_out;
	int left_behind; /* processes that outlived the run (each was killed) */
	char *out, *err;
	long elapsed_ms;
};

/* Run to the end. The result is freed by harness_done. A failure to start is a failed assertion. */
struct harness_result harness_run(const struct harness_run *run);
void harness_done(struct harness_result *result);
#define HARNESS(...) harness_run(&(const struct harness_run){ARGV(__VA_ARGS__)})

/* In two steps, to do something meanwhile (signals, looking at /proc). `started.pid` is the program's, in a session of its own. */
struct harness_started {
	pid_t pid;
	int pidfd, out, err, terminal; /* -1: not there */
	long since_ms;
	struct harness_run run;
};
struct harness_started harness_start(const struct harness_run *run);
struct harness_result harness_finish(struct harness_started *started);

/* Wait until `path` exists, or the time is over (false). */
bool harness_wait_for(const char *path, int timeout_ms);
/* So many times as long everything may take here: $CARREL_TEST_PATIENCE, for processors that are emulated; 1. */
int harness_patience(void);

/* One row of a table; `out` and `err` must be contained, `not_out` and `not_err` must not. NULL: whatever. */
struct harness_case {
	const char *name;
	const char *const *argv;
	int status;
	const char *out, *err, *not_out, *not_err;
	const char *input, *cwd;
	const char *const *env;
	bool terminal;
};
void harness_table(const struct harness_case *cases, size_t count);

/* The words of `first` and then those of `second`, as argv for a run: options from one table before a command from another. */
const char *const *harness_words(const char *const *first, const char *const *second);
#define HARNESS_WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Prepare: run a shell script on the host, in harness_tmp(); it must succeed. What it printed, valid until the test ends. */
const char *harness_shell(const char *script);
/* All that is in a directory, for a comparison of before and after: a line with type, mode, owner, size and target for each name. */
const char *harness_snapshot(const char *dir);

/* Expectations: each failure prints the name, the value and what the program said on stderr. */
void harness_expect_status(const char *name, const struct harness_result *result, int status);
void harness_expect_out(const char *name, const struct harness_result *result, const char *contained);
void harness_expect_err(const char *name, const struct harness_result *result, const char *contained);

/* This test's directory, made new, absolute and its own; harness_file writes a file in it (with missing folders) and gives its path, harness_path
 * gives a path in it. Valid until the test ends. harness_slurp: a file's text, "" where it cannot be read. */
const char *harness_tmp(void);
const char *harness_path(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
const char *harness_text(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* as printf, valid as long */
const char *harness_file(const char *name, const char *text);
const char *harness_slurp(const char *path);
struct arena *harness_arena(void); /* for what is wanted until the test ends */

/* Absolute paths: the program under test; the source tree; a static program tests/SUITE/payload/NAME.c. */
const char *harness_program(void);
const char *harness_tree(void);
const char *harness_payload(const char *suite, const char *name);

/* The test root "busybox" or "bookworm" (tests/roots makes them); its test is skipped where it could not be made. */
const char *harness_root(const char *name);

void harness_requires_fuse(void);            /* /dev/fuse, and fuse-overlayfs */
void harness_requires_subids(void);          /* newuidmap and a range */
void harness_requires_kernel_overlay(void);  /* on the storage of harness_tmp() */
void harness_requires_program(const char *name);
void harness_skip(const char *name, const char *reason); /* one row of a table */

void harness_begin(void);
void harness_end(void);

#endif
