#include "run/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/mem.h"

enum { KEPT_MAX = 4096 };

static int refuse(const char *name, const char *made_of, const char *now, const char *digest, struct error *err)
{
	(void)error_set(err, EEXIST, "cannot go on with the sandbox '%s'", name);
	(void)error_cause(err, "what it keeps lies over %s, not over %s", made_of, now);
	if (*digest)
		return error_hint(err, "carrel rm %s  makes room for a new one ;  carrel run --name %s %.19s  goes on with the old one", name, name, digest);
	return error_hint(err, "carrel rm %s  makes room for a new one", name);
}

static int take_down(int dir, const char *name, const struct run_image *image, struct error *err)
{
	cleanup_free char *text = mem_printf("%s\n%s\n", image->image.manifest.text, image->name);
	cleanup_close int fd = openat(dir, "image.new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));

	if (r == 0 && renameat(dir, "image.new", dir, "image") < 0)
		r = -errno;
	return r < 0 ? error_set(err, -r, "cannot note the image of the sandbox '%s'", name) : 0;
}

int kept_check(int dir, const char *name, const struct run_image *image, struct error *err)
{
	cleanup_free char *text = NULL;
	const char *now = image ? image->name : "a root that is no image's";
	int r = fd_slurp_at(dir, "image", KEPT_MAX, &text, NULL);
	struct stat st;

	if (r < 0 && r != -ENOENT)
		return error_set(err, -r, "cannot read of which image the sandbox '%s' is made", name);
	if (r == -ENOENT && fstatat(dir, "layers/root", &st, AT_SYMLINK_NOFOLLOW) == 0)
		return image ? refuse(name, "a root that is no image's", now, "", err) : 0;
	if (r == -ENOENT)
		return image ? take_down(dir, name, image, err) : 0;
	char *rest = text, *digest = strsep(&rest, "\n"), *called = rest ? strsep(&rest, "\n") : NULL;
	if (image && !strcmp(image->image.manifest.text, digest))
		return 0;
	if (image && called && !strcmp(image->name, called))
		now = "what that name stands for now";
	return refuse(name, called && *called ? called : digest, now, digest, err);
}
