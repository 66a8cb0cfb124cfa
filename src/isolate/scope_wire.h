/* The talk with systemd that makes a scope, as a machine over bytes: what is to be sent, and what the received bytes say. No socket here (scope.c), so that
 * foreign bytes can be tried without one.
 *
 * All of ours is written at once. systemd answers with the job's object path, and with the signal JobRemoved when the job is done, which its
 * private socket sends to everybody and the bus to who asked for it (AddMatch; Subscribe is not needed by the one whose call made the job).
 */
#ifndef CARREL_ISOLATE_SCOPE_WIRE_H
#define CARREL_ISOLATE_SCOPE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/buf.h"
#include "util/error.h"

/* Zeroed, it is ready for scope_wire_ask. */
struct scope_wire {
	struct buf out;
	size_t sent;    /* of out */
	struct buf in;  /* not parsed yet: at most one message and a piece */
	bool is_logged_in, has_reply;
	uint32_t serial; /* of the last call: StartTransientUnit */
	char unit[64];
	char job[128];   /* from the reply */
	char removed[128], result[32]; /* the job of our unit that JobRemoved named; "" */
};

struct scope_request {
	const char *unit, *description;
	pid_t pid;
	uid_t uid;   /* as which we log in */
	bool is_bus;
};

/* Bytes of the description that are not printable ASCII become '?': systemd hangs up on what is not UTF-8. */
void scope_wire_ask(struct scope_wire *wire, const struct scope_request *request);

/* Take what was received. 1: the scope is there; 0: more is needed; -errno with the cause: systemd's own words, or that this is not D-Bus. */
int scope_wire_take(struct scope_wire *wire, const void *data, size_t size, struct error *err) MUST_CHECK;

void scope_wire_free(struct scope_wire *wire);

/* The beginning of every error of a scope. */
int scope_error(struct error *err, int errnum);

#endif
