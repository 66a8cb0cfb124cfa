#include "image/transport.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "util/mem.h"

static const struct {
	const char *word;
	enum transport_use use;
	const char *image, *what, *cause, *hint; /* parts, and the whole hint */
} cases[] = {
	{"docker-archive:/tmp/x.tar", TRANSPORT_PULL, NULL, "cannot pull 'docker-archive:/tmp/x.tar'", "means an archive in a file, and no registry", "carrel load -i /tmp/x.tar"},
	{"docker-archive:x.tar:debian:12", TRANSPORT_PULL, NULL, "cannot pull", "", "carrel load -i x.tar"},
	{"oci-archive:x.tar", TRANSPORT_RUN, NULL, "cannot run from", "", "carrel load -i x.tar ; it tells the name for  carrel run"},
	{"oci:layout:1", TRANSPORT_PULL, NULL, "cannot pull", "means a directory", "tar -C layout -c . | carrel load"},
	{"dir:copied", TRANSPORT_PULL, NULL, "cannot pull", "means a directory", "skopeo copy dir:copied oci-archive:image.tar && carrel load -i image.tar"},
	{"docker-daemon:debian:12", TRANSPORT_PULL, NULL, "cannot pull", "Docker's own store", "docker save debian:12 | carrel load"},
	{"containers-storage:x", TRANSPORT_RUN, NULL, "cannot run from", "podman's own store", "podman save x | carrel load ; it tells the name for  carrel run"},
	{"docker-archive:x.tar", TRANSPORT_PUSH, "debian:12", "cannot push to 'docker-archive:x.tar'", "", "carrel save -o x.tar debian:12"},
	{"oci-archive:x.tar", TRANSPORT_PUSH, NULL, "cannot push to", "", "carrel save --format oci-archive -o x.tar IMAGE"},
	{"oci:layout", TRANSPORT_PUSH, "a", "cannot push to", "", "carrel save --format oci-archive a | tar -C layout -x"},
	{"docker-daemon:a", TRANSPORT_PUSH, "a", "cannot push to", "", "carrel save a | docker load"},
};

Test(transport, says_what_to_write_instead)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error err = {0};

		cr_expect_eq(transport_check(cases[i].word, cases[i].use, cases[i].image, &err), -EINVAL, "%s", cases[i].word);
		cr_expect(strstr(err.what, cases[i].what), "%s: %s", cases[i].word, err.what);
		cr_expect(strstr(err.cause, cases[i].cause), "%s: %s", cases[i].word, err.cause);
		cr_expect_str_eq(err.hint, cases[i].hint, "%s", cases[i].word);
		cr_expect_eq(transport_check(cases[i].word, cases[i].use, cases[i].image, NULL), -EINVAL, "%s", cases[i].word);
	}
}

Test(transport, names_are_left_alone)
{
	static const char *const names[] = {"debian:12", "docker://debian", "oci", "dir/x:1", "ocitools:1", "localhost:5000/oci:1", "docker-archive", "registry/oci:1", ""};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		cr_expect_eq(transport_check(names[i], TRANSPORT_PULL, NULL, NULL), 0, "%s", names[i]);
}

Test(transport, long_words)
{
	cleanup_free char *word = mem_printf("dir:%0*d", 100000, 1), *image = mem_printf("%0*d", 100000, 1);
	struct error err = {0};

	cr_expect_eq(transport_check(word, TRANSPORT_PUSH, image, &err), -EINVAL);
	cr_expect(strstr(err.hint, "carrel save"));
}
