/* What went wrong, as a value: object, cause, hint and the profile line that asked for it.
 *
 * Every function that can fail returns 0 or -errno and fills a `struct error` exactly when the result is
 * negative. The struct has fixed buffers and no pointers, so a child hands it to its parent in one write
 * (it stays below PIPE_BUF, pipe(7)). Only cli/report.c prints one.
 */
#ifndef CARREL_UTIL_ERROR_H
#define CARREL_UTIL_ERROR_H

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))

/* Where a value came from. `file` is a path, or the words "command line", "built in"; it is owned by the
 * arena of the tree that the value belongs to. line 0: no line is known. */
struct origin {
	const char *file;
	unsigned line, column;
};

/* The exit statuses that carrel itself gives, as Docker and env(1) do. */
enum {
	EXIT_CARREL = 125,     /* carrel could not do it */
	EXIT_NOT_EXEC = 126,   /* the command was found and could not be executed */
	EXIT_NOT_FOUND = 127,  /* the command was not found */
};

struct error {
	int code;        /* a positive errno value; 0: no error */
	int exit_status; /* EXIT_CARREL unless somebody knows better */
	char what[384];  /* "cannot map ids for 'ada'": the act and its object */
	char cause[384]; /* "/etc/subuid has no range for this user" */
	char hint[512];  /* the next step; "" when there is none */
	char file[192];  /* of the origin; "" when there is none */
	unsigned line, column;
	char key[96];    /* the profile key, "identity.map"; "" when there is none */
};

/* Begin an error: `errnum` is a positive errno value, the format says what could not be done with which
 * object; the cause is strerror(errnum) until error_cause() knows better. All four return -errnum, so that
 * a failure is one statement: `return error_hint(err, …)`. A NULL `err` is allowed and only returns. */
int error_set(struct error *err, int errnum, const char *fmt, ...) PRINTF_LIKE(3, 4);
int error_cause(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
int error_hint(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
int error_at(struct error *err, const struct origin *at, const char *key);

/* Put "CONTEXT: " before `what`. A caller adds at most one such line. */
int error_prefix(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* One that came as bytes from a process that reads what strangers have written: its texts end where their buffers do, its code is one (EPROTO in the place of what is none),
 * and the exit status is carrel's. */
void error_mend(struct error *err);

#endif
