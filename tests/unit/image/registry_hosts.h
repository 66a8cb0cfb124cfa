/* What the suites of the registry client stand on: two hosts that mean no good, and no configuration of the user who runs the tests. For one file's own use, so all is static. */
#ifndef CARREL_TESTS_UNIT_IMAGE_REGISTRY_HOSTS_H
#define CARREL_TESTS_UNIT_IMAGE_REGISTRY_HOSTS_H

#include <stdlib.h>

#include "e2e/hostile.h"
#include "util/mem.h"

static struct arena arena;
static struct hostile *hostile, *elsewhere; /* two hosts */

static void begin(void)
{
	(void)setenv("HOME", "/nonexistent", 1);
	(void)unsetenv("SSL_CERT_FILE");
	hostile = hostile_start();
	elsewhere = hostile_start();
}

static void end(void)
{
	hostile_stop(hostile);
	hostile_stop(elsewhere);
	arena_done(&arena);
}

#endif
