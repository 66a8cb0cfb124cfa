/* The fixture itself: does the registry of the tests do what its users take for granted? */
#include "e2e/registry.h"

#include <string.h>

HARNESS_SUITE(registry_fixture);

static const struct {
	const char *name;
	struct registry_spec spec;
} variants[] = {
	{"plain", {.tls = false}},
	{"TLS and a password", {.tls = true, .user = "ada", .password = "secret"}},
};

Test(registry_fixture, an_image_goes_there_and_back)
{
	const char *image = registry_make_image("two", "mkdir etc; echo hello >etc/motd; layer; echo more >more; config --config.cmd=/bin/sh");

	for (size_t i = 0; i < ARRAY_SIZE(variants); i++) {
		struct registry_server server = registry_start(&variants[i].spec);
		const char *tags, *back;

		registry_push(&server, image, "team/two:1");
		tags = registry_get(&server, "team/two/tags/list");
		cr_expect(strstr(tags, "[\"1\"]"), "%s: %s", variants[i].name, tags);
		back = registry_fetch(&server, "team/two:1", harness_text("back-%zu", i));
		/* (A layout gives the reference's name to its index only.) */
		(void)harness_shell(harness_text("cd '%s/blobs/sha256'; for b in *; do cmp \"$b\" '%s/blobs/sha256/'\"$b\"; done; test $(ls | wc -l) = 4", back, image));
		registry_stop(&server);
	}
}
