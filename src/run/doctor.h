/* What this host lets an ordinary user's sandbox have: one row for each mechanism, with the consequence of what is missing and the one command
 * that mends it.
 *
 * Things are tried, not guessed: a user namespace is made, ids are mapped, an overlay is mounted. Each check runs in a process of its own, all at
 * once, under one time limit, so that a network filesystem that does not answer, or a filter that kills, costs its row only.
 */
#ifndef CARREL_RUN_DOCTOR_H
#define CARREL_RUN_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

enum doctor_state { DOCTOR_WORKS, DOCTOR_DEGRADED, DOCTOR_MISSING, DOCTOR_STATE_MAX };

/* Fixed buffers and no pointers: a check hands its row over in one write, which stays below PIPE_BUF. */
struct doctor_row {
	char name[32];         /* "kernel overlay: store" */
	enum doctor_state state;
	bool essential;        /* without it `carrel run` cannot work at all */
	char what[512];        /* what was found: "Linux 6.1.0" */
	char consequence[384]; /* of what is degraded or missing, else "" */
	char command[768];     /* that mends it, else "" */
};

/* Do all checks. The rows are in the table's order; the caller frees. */
struct doctor_row *doctor_examine(size_t *ret_count) __attribute__((returns_nonnull));

/* Does `carrel run` work at all on the basic rung? */
bool doctor_works(const struct doctor_row *rows, size_t count);

/* "works", "degraded", "missing" */
const char *doctor_state_name(enum doctor_state state);

/* --- for the checks (doctor_*.c) --- */

void doctor_say(struct doctor_row *row, enum doctor_state state, const char *fmt, ...) PRINTF_LIKE(3, 4);
void doctor_consequence(struct doctor_row *row, const char *fmt, ...) PRINTF_LIKE(2, 3);
void doctor_command(struct doctor_row *row, const char *fmt, ...) PRINTF_LIKE(2, 3);

typedef void doctor_check(struct doctor_row *row);
doctor_check doctor_kernel, doctor_userns, doctor_network_namespace, doctor_apparmor, doctor_account, doctor_ids, doctor_landlock, doctor_seccomp;
doctor_check doctor_fuse_device, doctor_fuse_overlayfs, doctor_overlay_store, doctor_overlay_tmp, doctor_overlay_memory, doctor_store, doctor_home;
doctor_check doctor_runtime_directory, doctor_cgroup, doctor_nat, doctor_policy;

#endif
