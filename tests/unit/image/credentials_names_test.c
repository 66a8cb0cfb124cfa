#include <criterion/criterion.h>
#include <string.h>

#include "image/credentials_parts.h"
#include "util/mem.h"

TestSuite(credentials_names);

static const struct {
	const char *name, *registry, *space;
	bool is;
} cases[] = {
	{"quay.io", "quay.io", "", true},
	{"quay.io/", "quay.io", "", true},
	{"https://quay.io", "quay.io", "", true},
	{"http://quay.io/", "quay.io", "", true},
	{"https://quay.io/v2/", "quay.io", "", true},
	{"quay.io/v1", "quay.io", "", true},
	{"quay.io", "quay.io:443", "", false},
	{"quay.io:443", "quay.io:443", "", true},
	{"quay.io.evil.example", "quay.io", "", false},
	{"evil.example/quay.io", "quay.io", "", false},
	{"quay.i", "quay.io", "", false},
	{"quay.io/team", "quay.io", "", false},
	{"quay.io/team", "quay.io", "team", true},
	{"quay.io/team", "quay.io", "tea", false},
	{"quay.io/team", "quay.io", "team/app", false},
	{"quay.io/team/app", "quay.io", "team/app", true},
	{"quay.io", "quay.io", "team", false},
	{"https://quay.io/team", "quay.io", "team", false},
	{"localhost:5000", "localhost:5000", "", true},
	{"https://index.docker.io/v1/", "docker.io", "", true},
	{"index.docker.io", "docker.io", "", true},
	{"docker.io", "docker.io", "", true},
	{"registry-1.docker.io", "docker.io", "", true},
	{"docker.io/library", "docker.io", "library", true},
	{"hub.docker.io", "docker.io", "", false},
	{"", "quay.io", "", false},
	{"://quay.io", "quay.io", "", true},
};

Test(credentials_names, auth_key_is)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(auth_key_is(cases[i].name, cases[i].registry, cases[i].space, strlen(cases[i].space)), cases[i].is, "'%s' for %s/%s", cases[i].name, cases[i].registry, cases[i].space);
}

Test(credentials_names, auth_docker_name)
{
	cr_expect_str_eq(auth_docker_name("docker.io"), "https://index.docker.io/v1/");
	cr_expect_str_eq(auth_docker_name("quay.io"), "quay.io");
}
