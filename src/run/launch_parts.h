/* A launch under way, and its steps that have files of their own. */
#ifndef CARREL_RUN_LAUNCH_PARTS_H
#define CARREL_RUN_LAUNCH_PARTS_H

#include <signal.h>
#include <sys/types.h>

#include "run/launch.h"
#include "run/output.h"
#include "run/plan_image.h"
#include "run/record.h"
#include "run/scratch.h"
#include "run/server.h"

enum { LAUNCH_SERVERS = 16 };

struct launch {
	struct plan plan;
	struct seccomp_program filter;
	struct server servers[LAUNCH_SERVERS]; /* one for each layered mount */
	size_t server_count;
	sigset_t signals; /* the caller's mask */
	int channel;      /* our end */
	int guard;
	pid_t guard_pid;
	pid_t init;       /* 0: not cloned, or gone already */
	int pidfd;
	int master;       /* of the pty */
	int instance;     /* the lock of a named sandbox */
	int image_hold;   /* keeps the image in the store */
	struct run_image image; /* that the plan's points to */
	int scratch;      /* the lock of the scratch folder on disk */
	int interrupts;   /* a signalfd, until the payload runs */
	struct output output;  /* of the payload, where it is limited */
	struct scratch room;   /* where resources.scratch is a tmpfs */
	struct limits limits;
	struct seccomp_notify notify;
	struct instance_lock record;
	struct watch_sources sources; /* that the stage sent, until limits_start takes them */
};

/* launch_start.c: from here until the payload runs. What is open after a failure is the caller's to clean up. */
int launch_start(struct launch *launch, struct error *err) MUST_CHECK;

/* launch_describe.c: the plan's part of the outcome. */
void launch_describe(struct launch *launch, struct outcome *outcome);

#endif
