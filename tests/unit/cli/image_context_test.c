#include "cli/image_context.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static const char text[] = "images: [\"registry.example.org/*\", \"docker.io/library/debian:*\"]\nmessage: write to ops@example.org\n";

static const struct {
	const char *name;
	bool is_allowed;
} images[] = {
	{"registry.example.org/team/app:1", true},
	{"debian:12", true},
	{"docker.io/library/debian:latest", true},
	{"alpine", false},
	{"registry.example.com/team/app:1", false},
	{"evil.example/registry.example.org/app", false},
};

Test(image_context, the_policy_says_where_images_come_from)
{
	struct image_context context = {.policy = NULL};
	struct error err = {0};

	cr_assert_eq(policy_parse(text, sizeof(text) - 1, "/etc/carrel/policy.yaml", &context.policy, &err), 0, "%s: %s", err.what, err.cause);
	for (size_t i = 0; i < ARRAY_SIZE(images); i++) {
		struct reference reference;

		err = (struct error){0};
		cr_assert_eq(reference_parse(&context.arena, images[i].name, &reference, &err), 0);
		int r = image_context_allows(&context, &reference, &err);
		cr_expect_eq(r, images[i].is_allowed ? 0 : -EPERM, "%s: %d", images[i].name, r);
		if (r < 0) {
			cr_expect_str_eq(err.file, "/etc/carrel/policy.yaml");
			cr_expect_eq(err.line, 1);
			cr_expect_str_eq(err.key, "images");
			cr_expect(strstr(err.hint, "ops@example.org"), "%s", err.hint);
		}
	}
	policy_free(context.policy);
	context.policy = NULL;
	struct reference any;
	cr_assert_eq(reference_parse(&context.arena, "alpine", &any, &err), 0);
	cr_expect_eq(image_context_allows(&context, &any, &err), 0, "without a policy everything is allowed");
	arena_done(&context.arena);
}
