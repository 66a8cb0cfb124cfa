/* Other programs: start one, feed and read it, wait for it, with a time limit. */
#ifndef CARREL_UTIL_PROC_H
#define CARREL_UTIL_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/error.h"

/* Start argv[0] (an absolute path) by vfork-like posix_spawn(3): stdin from /dev/null, stdout to `stdout_fd` (-1:
 * /dev/null), stderr to `stderr_fd` (-1: /dev/null), default signal dispositions, empty signal mask, environment
 * PATH, LANG=C and nothing else. Returns the pid or -errno; the caller waits. */
pid_t proc_spawn(char *const argv[], int stdout_fd, int stderr_fd) MUST_CHECK;

/* waitpid(2) across EINTR: the wait status (>= 0), or -errno. */
int proc_wait(pid_t pid) MUST_CHECK;

/* CLOCK_MONOTONIC, for limits of time. */
int64_t proc_now_ms(void);

/* Run to the end and give what it printed (stdout, at most `limit` bytes, the caller frees), within `timeout_ms`;
 * on the timeout it is killed and -ETIMEDOUT returned. The result is the exit status, 128+n for a signal, or -errno. */
int proc_capture(char *const argv[], size_t limit, int timeout_ms, char **ret_text) MUST_CHECK;

/* The same for a program that belongs to the user's session: `input` is its stdin, and it gets our environment and our stderr. */
int proc_ask(char *const argv[], const void *input, size_t size, size_t limit, int timeout_ms, char **ret_text) MUST_CHECK;

/* The absolute path of a program: each folder of `path_list` (colon-separated) in turn; a name with a slash is
 * only checked. Malloced, or NULL with errno ENOENT (no such file) or EACCES (there, not executable). */
char *proc_find_program(const char *name, const char *path_list);

/* Where setuid helpers and tools are looked for: never the user's $PATH alone. */
#define PROC_SYSTEM_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#endif
