#include "run/sqfs_find.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "image/sqfs.h"
#include "util/fd.h"
#include "util/path.h"

static int fail(const struct image_wish *wish, int errnum, struct error *err)
{
	(void)error_set(err, errnum, "cannot run from the file '%s'", wish->word->v);
	if (errnum == ENOENT && wish->word->v[0] != '/' && wish->word->v[0] != '.')
		(void)error_hint(err, "a name that ends as this one does means a file made by  carrel pack");
	return error_at(err, &wish->word->at, "filesystem.root");
}

/* What the file is really called, for the policy and the record of the run. */
static const char *real_name(struct arena *arena, const struct image_wish *wish, int fd)
{
	char link[40], path[4096];
	ssize_t size;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	size = readlink(link, path, sizeof(path));
	return size > 0 && (size_t)size < sizeof(path) ? arena_strndup(arena, path, (size_t)size) : path_join(arena, wish->host->cwd ? wish->host->cwd : "/", wish->word->v);
}

static int check(struct arena *arena, const struct image_wish *wish, const struct run_image *image, struct error *err)
{
	const struct platform host = platform_host();

	if (wish->policy && !policy_allows_image(wish->policy, image->name)) {
		(void)fail(wish, EPERM, err);
		(void)error_cause(err, "images from '%s' are not allowed on this machine (%s:%u)", image->name, wish->policy->file, wish->policy->images.at.line);
		return error_hint(err, "%s", wish->policy->message.v ? wish->policy->message.v : "the administrator of this machine can change the policy");
	}
	return image_check_platform(arena, wish, &image->image.platform, &host, err);
}

int sqfs_find(struct arena *arena, const struct image_wish *wish, struct run_image *ret, int *ret_hold, struct error *err)
{
	/* A FIFO in its place must not make us wait. */
	cleanup_close int fd = open(wish->word->v, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct sqfs sqfs;
	int r = fd < 0 ? fail(wish, errno, err) : sqfs_read(fd, wish->word->v, arena, &sqfs, err);

	if (r == -EINVAL && fd >= 0 && err && !err->hint[0])
		(void)error_hint(err, "an archive of images is for  carrel load -i %s , a tree's for  carrel import %s", wish->word->v, wish->word->v);
	if (r < 0)
		return fd < 0 ? r : error_at(err, &wish->word->at, "filesystem.root");
	struct run_image image = {.image = sqfs.image, .name = real_name(arena, wish, fd), .is_sqfs = true, .identity = arena_strdup(arena, sqfs.identity)};
	image.image.layer_count = 0; /* they are in the file, merged */
	r = check(arena, wish, &image, err);
	if (r < 0)
		return r;
	image.file = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (image.file < 0)
		return fail(wish, errno, err);
	*ret = image;
	*ret_hold = take_fd(fd);
	return 0;
}
