/* A small sandbox for the watcher's tests: namespaces of its own, an init that reaps, stops and continues, and one body of the test below it. */
#ifndef CARREL_TESTS_ISOLATE_WATCH_WORLD_H
#define CARREL_TESTS_ISOLATE_WATCH_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "isolate/watch.h"

enum { MB = 1024 * 1024 };

struct world {
	pid_t init;
	int channel; /* to the init: 's' stops, 'c' continues, 'g' lets the body go on */
	uint64_t now_ms;
	struct watch *watch;
};

/* What runs inside: `ready()` says that all is in place, `wait_for_go()` waits for world_go(). It does not return. */
typedef void world_body(void);
void ready(void);
void wait_for_go(void);
void touch(void *memory, size_t size);
extern const char *const world_tmpfs; /* where a tmpfs is mounted */

/* `scratch`: a folder on a disk; NULL: a tmpfs. Becomes an ordinary user first. False: no namespaces or no procfs here. The body has said that it is ready. */
bool world_start(struct world *world, world_body *body, const struct limit_spec *spec, unsigned mask, const char *scratch);
void world_go(struct world *world); /* and wait until it is ready again */
void world_wait(struct world *world, int count); /* until so many more have said ready() */
void world_signal(struct world *world, char command);
void world_end(struct world *world);

/* Look `count` times, a second of pretended time apart, until something is to be done. */
void world_look(struct world *world, int count, struct limit_verdict *ret);

#endif
