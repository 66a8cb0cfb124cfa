#include "image/reference.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

TestSuite(reference);

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct {
	const char *name, *full, *familiar, *host;
} good[] = {
	{"debian", "docker.io/library/debian:latest", "debian:latest", "registry-1.docker.io"},
	{"debian:12", "docker.io/library/debian:12", "debian:12", "registry-1.docker.io"},
	{"debian@" DIGEST, "docker.io/library/debian@" DIGEST, "debian@" DIGEST, "registry-1.docker.io"},
	{"debian:12@" DIGEST, "docker.io/library/debian:12@" DIGEST, "debian:12@" DIGEST, "registry-1.docker.io"},
	{"ada/tools", "docker.io/ada/tools:latest", "ada/tools:latest", "registry-1.docker.io"},
	{"docker.io/debian", "docker.io/library/debian:latest", "debian:latest", "registry-1.docker.io"},
	{"docker.io/library/debian", "docker.io/library/debian:latest", "debian:latest", "registry-1.docker.io"},
	{"index.docker.io/debian", "docker.io/library/debian:latest", "debian:latest", "registry-1.docker.io"},
	{"library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest", "registry-1.docker.io"},
	{"docker.io/localhost/x", "docker.io/localhost/x:latest", "docker.io/localhost/x:latest", "registry-1.docker.io"},
	{"docker.io/a.b/x", "docker.io/a.b/x:latest", "docker.io/a.b/x:latest", "registry-1.docker.io"},
	{"a.b", "docker.io/library/a.b:latest", "a.b:latest", "registry-1.docker.io"},
	{"quay.io/debian", "quay.io/debian:latest", "quay.io/debian:latest", "quay.io"},
	{"localhost/x", "localhost/x:latest", "localhost/x:latest", "localhost"},
	{"localhost", "docker.io/library/localhost:latest", "localhost:latest", "registry-1.docker.io"},
	{"localhost:5000", "docker.io/library/localhost:5000", "localhost:5000", "registry-1.docker.io"},
	{"localhost:5000/x", "localhost:5000/x:latest", "localhost:5000/x:latest", "localhost:5000"},
	{"localhost:5000/x:y", "localhost:5000/x:y", "localhost:5000/x:y", "localhost:5000"},
	{"host:5000/a/b/c:1.2-3_4", "host:5000/a/b/c:1.2-3_4", "host:5000/a/b/c:1.2-3_4", "host:5000"},
	{"127.0.0.1:5000/x", "127.0.0.1:5000/x:latest", "127.0.0.1:5000/x:latest", "127.0.0.1:5000"},
	{"[::1]:5000/x:1", "[::1]:5000/x:1", "[::1]:5000/x:1", "[::1]:5000"},
	{"[fe80::1]/x", "[fe80::1]/x:latest", "[fe80::1]/x:latest", "[fe80::1]"},
	{"my-reg.Example/x", "my-reg.Example/x:latest", "my-reg.Example/x:latest", "my-reg.Example"},
	{"a__b--c---d.e_f", "docker.io/library/a__b--c---d.e_f:latest", "a__b--c---d.e_f:latest", "registry-1.docker.io"},
	{"docker://debian", "docker.io/library/debian:latest", "debian:latest", "registry-1.docker.io"},
	{"docker://quay.io/a/b:1", "quay.io/a/b:1", "quay.io/a/b:1", "quay.io"},
	{"x:_tag", "docker.io/library/x:_tag", "x:_tag", "registry-1.docker.io"},
	{"x:Latest", "docker.io/library/x:Latest", "x:Latest", "registry-1.docker.io"},
};

Test(reference, good)
{
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct arena arena = {0};
		struct reference reference, again;
		struct error err = {0};

		cr_assert_eq(reference_parse(&arena, good[i].name, &reference, &err), 0, "'%s': %s", good[i].name, err.cause);
		cr_expect_str_eq(reference_format(&arena, &reference), good[i].full, "'%s'", good[i].name);
		cr_expect_str_eq(reference_familiar(&arena, &reference), good[i].familiar, "'%s'", good[i].name);
		cr_expect_str_eq(reference_host(&reference), good[i].host, "'%s'", good[i].name);
		cr_assert_eq(reference_parse(&arena, good[i].familiar, &again, &err), 0, "'%s': %s", good[i].familiar, err.cause);
		cr_expect_str_eq(reference_format(&arena, &again), good[i].full, "'%s'", good[i].familiar);
		arena_done(&arena);
	}
}

static const struct {
	const char *name, *cause, *hint; /* parts */
} bad[] = {
	{"", "it is empty", "like debian:12"},
	{"https://quay.io/x", "an address with 'https://'", "'quay.io/x'"},
	{"https://hub.docker.com/_/debian", "an address with 'https://'", "leave that out: 'debian'"},
	{"https://hub.docker.com/r/ada/tools", "an address with 'https://'", "leave that out: 'ada/tools'"},
	{"docker://docker://debian", "an address with 'docker://'", "'debian'"},
	{"docker://", "it is empty", "like debian:12"},
	{"DOCKER://debian", "an address with 'DOCKER://'", "'debian'"},
	{"de bian", "a blank", ""},
	{"debian\n", "a blank", ""},
	{"debian\x01", "not ASCII", ""},
	{"d\xc3\xa9" "bian", "not ASCII", ""},
	{"Debian", "capital letters", "'debian'"},
	{"quay.io/Team/X:1", "capital letters", "'quay.io/team/x:1'"},
	{"Team/x", "capital letters", "'team/x'"},
	{"debian:", "its tag is empty", ""},
	{"debian:.x", "begins with one of", ""},
	{"debian:-x", "begins with one of", ""},
	{"debian:a/b", "'debian:a' is no registry", ""},
	{"debian:1:2", "its tag has other characters", ""},
	{"debian:a+b", "its tag has other characters", ""},
	{":12", "an empty part", ""},
	{"/debian", "an empty part", ""},
	{"a//b", "an empty part", ""},
	{"debian/", "an empty part", ""},
	{"quay.io/", "an empty part", ""},
	{"../etc", "'..' is no registry", ""},
	{"a/../b", "the part '..'", ""},
	{"a/.b", "the part '.b'", ""},
	{"-a", "the part '-a'", ""},
	{"a-", "the part 'a-'", ""},
	{"a..b", "the part 'a..b'", ""},
	{"a___b", "the part 'a___b'", ""},
	{"a._b", "the part 'a._b'", ""},
	{"a%b", "the part 'a%b'", ""},
	{"-h.x/a", "'-h.x' is no registry", ""},
	{"h-.x/a", "'h-.x' is no registry", ""},
	{"h..x/a", "'h..x' is no registry", ""},
	{".x/a", "'.x' is no registry", ""},
	{"x./a", "'x.' is no registry", ""},
	{"h:0/a", "'h:0' is no registry", ""},
	{"h:65536/a", "'h:65536' is no registry", ""},
	{"h:/a", "'h:' is no registry", ""},
	{":5000/a", "':5000' is no registry", ""},
	{"user:pw@host.x/a", "does not begin with sha256:", ""},
	{"[::1/a", "'[::1' is no registry", ""},
	{"[::1]5/a", "is no registry", ""},
	{"[]:1/a", "is no registry", ""},
	{"[fe80::1%25eth0]/a", "is no registry", ""},
	{"debian@", "does not begin with sha256:", ""},
	{"debian@sha256:12", "it has 2 hexadecimal digits", ""},
	{"debian@" DIGEST "@" DIGEST, "character 72", ""},
	{"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "an image's id", ""},
};

Test(reference, bad)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct arena arena = {0};
		struct reference reference = {.tag = "untouched"};
		struct error err = {0};

		cr_expect_eq(reference_parse(&arena, bad[i].name, &reference, &err), -EINVAL, "'%s'", bad[i].name);
		cr_expect_str_eq(reference.tag, "untouched", "'%s'", bad[i].name);
		cr_expect(strstr(err.cause, bad[i].cause), "'%s': %s", bad[i].name, err.cause);
		cr_expect(*bad[i].hint ? strstr(err.hint, bad[i].hint) != NULL : !*err.hint, "'%s': hint: %s", bad[i].name, err.hint);
		cr_expect(strstr(err.what, "is no image reference"), "'%s': %s", bad[i].name, err.what);
		cr_expect_eq(reference_parse(&arena, bad[i].name, &reference, NULL), -EINVAL, "'%s' without an error to fill", bad[i].name);
		arena_done(&arena);
	}
}

Test(reference, other_algorithm)
{
	struct arena arena = {0};
	struct reference reference;
	struct error err = {0};

	cr_expect_eq(reference_parse(&arena, "debian@sha512:00", &reference, &err), -EOPNOTSUPP);
	arena_done(&arena);
}

static const struct {
	const char *name;
	int repository, tag; /* lengths */
	int result;
} lengths[] = {
	{"as long as it may be", 200, 0, 0},
	{"a long tag", 20, 128, 0},
	{"a longer tag", 20, 129, -EINVAL},
	{"too long in full", 240, 0, -EINVAL},
	{"very long", 100000, 0, -EINVAL},
	{"a very long tag", 10, 100000, -EINVAL},
};

Test(reference, length)
{
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		char *text = mem_printf("%0*d%s%0*d", lengths[i].repository, 1, lengths[i].tag ? ":" : "/", lengths[i].tag ? lengths[i].tag : 1, 1);
		struct arena arena = {0};
		struct reference reference;
		struct error err = {0};

		cr_expect_eq(reference_parse(&arena, text, &reference, &err), lengths[i].result, "%s: %s", lengths[i].name, err.cause);
		cr_expect(!err.code || strstr(err.cause, "longer than"), "%s: %s", lengths[i].name, err.cause);
		free(text);
		arena_done(&arena);
	}
}

Test(reference, tag_is_valid)
{
	cr_expect(reference_tag_is_valid("12"));
	cr_expect(reference_tag_is_valid("_.-"));
	cr_expect(!reference_tag_is_valid(""));
	cr_expect(!reference_tag_is_valid("a b"));
	cr_expect(!reference_tag_is_valid(".."));
}
