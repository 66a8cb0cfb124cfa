/* What the suites of the registry client stand on: two hosts that mean no good, and no configuration of the user who runs the tests. For one file's own use, so all is static. */
#ifndef CARREL_TESTS_UNIT_IMAGE_REGISTRY_HOSTS_H
#define CARREL_TESTS_UNIT_IMAGE_REGISTRY_HOSTS_H

#include <criterion/criterion.h>
#include <stdlib.h>

#include "e2e/hostile.h"
#include "image/registry_parts.h"
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

/* The repository "a" of `host`; who tries again waits 1 ms. */
static inline struct registry *open_at(const char *host, const struct registry_options *options)
{
	const struct reference reference = {.registry = host, .repository = "a"};
	struct registry *registry;
	struct error err = {0};

	cr_assert_eq(registry_open(&reference, options, &registry, &err), 0, "%s: %s", err.what, err.cause);
	registry->first_pause_ms = 1;
	return registry;
}

static inline struct registry *open_with(const struct credentials *credentials)
{
	return open_at(hostile_host(hostile), &(struct registry_options){.tls_verify = true, .credentials = credentials});
}

#endif
