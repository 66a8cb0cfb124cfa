#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/kept.h"
#include "util/fd.h"
#include "util/path.h"

#define A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const struct run_image image_a = {.image = {.manifest = {A}}, .name = "docker.io/library/a:1"};
static const struct run_image image_b = {.image = {.manifest = {B}}, .name = "docker.io/library/b:1"};
static const struct run_image newer_a = {.image = {.manifest = {B}}, .name = "docker.io/library/a:1"};

Test(kept, images)
{
	static const struct {
		const char *name, *noted; /* what stands there; NULL: nothing */
		bool has_layer;
		const struct run_image *image;
		const char *err; /* NULL: fine */
	} cases[] = {
		{"a new one", NULL, false, &image_a, NULL},
		{"without an image", NULL, false, NULL, NULL},
		{"without an image, again", NULL, true, NULL, NULL},
		{"again", A "\nname\n", true, &image_a, NULL},
		{"a digest alone", A, true, &image_a, NULL},
		{"another image", A "\ndocker.io/library/a:1\n", true, &image_b, "not over docker.io/library/b:1"},
		{"what the name was", A "\ndocker.io/library/a:1\n", true, &newer_a, "what that name stands for now"},
		{"no image any more", A "\ndocker.io/library/a:1\n", true, NULL, "lies over docker.io/library/a:1"},
		{"an image now", NULL, true, &image_a, "a root that is no image's"},
		{"damaged", "x", true, &image_a, "lies over x"},
		{"empty", "", true, &image_a, "not over docker.io/library/a:1"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char folder[] = "/tmp/carrel-kept.XXXXXX";
		struct error err = {0};

		cr_assert(mkdtemp(folder));
		cleanup_close int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		cr_assert(!cases[i].has_layer || (mkdirat(dir, "layers", 0700) == 0 && mkdirat(dir, "layers/root", 0700) == 0));
		if (cases[i].noted) {
			cleanup_close int fd = openat(dir, "image", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
			cr_assert_eq(fd_write_all(fd, cases[i].noted, strlen(cases[i].noted)), 0);
		}
		int r = kept_check(dir, "one", cases[i].image, &err);
		cr_expect_eq(r, cases[i].err ? -EEXIST : 0, "%s: %d %s", cases[i].name, r, err.cause);
		if (cases[i].err) {
			cr_expect(strstr(err.cause, cases[i].err), "%s: %s", cases[i].name, err.cause);
			cr_expect(strstr(err.hint, "carrel rm one"), "%s: %s", cases[i].name, err.hint);
		} else {
			cr_expect_eq(kept_check(dir, "one", cases[i].image, &err), 0, "%s, once more", cases[i].name);
		}
		cr_expect_eq(path_remove_tree(AT_FDCWD, folder), 0, "%s", cases[i].name);
	}
}
