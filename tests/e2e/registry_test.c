/* The fixture itself: does the registry of the tests do what its users take for granted? */
#include "e2e/registry.h"

#include <string.h>

HARNESS_SUITE(registry_fixture);

/* (With TLS and passwords: registry_client_test.c.) */
Test(registry_fixture, an_image_goes_there_and_back)
{
	const char *image = registry_make_image("two", "mkdir etc; echo hello >etc/motd; layer; echo more >more; config --config.cmd=/bin/sh");
	struct registry_server server = registry_start(&(const struct registry_spec){.tls = false});
	const char *tags, *back;

	registry_push(&server, image, "team/two:1");
	tags = registry_get(&server, "team/two/tags/list");
	cr_expect(strstr(tags, "[\"1\"]"), "%s", tags);
	back = registry_fetch(&server, "team/two:1", "back");
	(void)harness_shell(harness_text("diff -r '%s/blobs' '%s/blobs'; test $(ls '%s/blobs/sha256' | wc -l) = 4", back, image, back));
	registry_stop(&server);
}
