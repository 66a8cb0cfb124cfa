/* One row, two runs: with the defence the attack must fail for the right reason; without it, it must get through, so that the check is known to
 * bite. A defence is switched off by options of the program as it is shipped, or, where no option can, in the weak build: the same objects linked
 * with tests/escape/weak/weak.c, without the defences that $CARREL_WEAK names.
 */
#ifndef CARREL_TESTS_ESCAPE_CASES_H
#define CARREL_TESTS_ESCAPE_CASES_H

#include "e2e/harness.h"

#define WORDS(...) (const char *const[]){__VA_ARGS__, NULL}
#define UNCONFINED "--security-opt", "seccomp=unconfined"
/* Root of its own ids with all that a profile can give away. */
#define PRIVILEGED UNCONFINED, "-u", "root", "--cap-add", "ALL", "--set", "process.new_namespaces=true"

struct escape_case {
	const char *name;
	const char *const *attack; /* program and arguments: "calls", "tiocsti" */
	const char *const *on;     /* options of the run with the defence; NULL: none */
	const char *blocked;       /* the line that it must print then */
	const char *const *off;    /* options without; NULL with `weak` NULL: only the kernel defends, there is nothing to switch off */
	const char *open;          /* the line then */
	const char *weak;          /* run the weak build, without these defences */
	unsigned lacking_before;   /* and that only before this major version of Linux; 0: on any */
	const char *lacking;       /* what a kernel without this feature says without the defence: the row is skipped */
	bool terminal;
};

/* The fields of a row, in the order in which they read well:
 *	{"a key", TRY("calls", "add-key"), BLOCKED("EPERM"), OFF(UNCONFINED), OPEN("done")} */
#define TRY(...) .attack = WORDS(__VA_ARGS__)
#define ON(...) .on = WORDS(__VA_ARGS__)
#define BLOCKED(line) .blocked = (line)
#define OFF(...) .off = WORDS(__VA_ARGS__)
#define WEAK(defences) .weak = (defences)
#define OPEN(line) .open = (line)
#define LACKING(line) .lacking = (line)
#define LACKING_BEFORE(major, line) .lacking_before = (major), .lacking = (line)

void escape_table(const struct escape_case *cases, size_t count);

/* What an attack printed, without the end of the line; `status` may be NULL. The text is valid until the test ends. */
struct escape_run {
	const char *const *options, *const *attack;
	const char *weak, *cwd;
	const char *const *env;
	bool terminal;
};
const char *escape_try(const struct escape_run *run, int *ret_status);
#define ESCAPE_TRY(opts, ...) escape_try(&(const struct escape_run){.options = (opts), .attack = WORDS(__VA_ARGS__)}, NULL)

/* A text that is valid until the test ends. */
const char *escape_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The argument vector of such a run, for harness_start. */
const char *const *escape_argv(const struct escape_run *run);
/* The weak build. */
const char *escape_weak_program(void);

#endif
