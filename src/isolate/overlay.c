#include "isolate/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "util/fd.h"

static const struct overlay_backend *const backends[OVERLAY_BACKEND_MAX] = {
    [OVERLAY_BACKEND_KERNEL] = &overlay_kernel,
    [OVERLAY_BACKEND_FUSE] = &overlay_fuse,
};

int overlay_mount(enum overlay_backend_kind kind, const struct overlay_layers *layers, const struct overlay_host *host,
    enum overlay_backend_kind *ret_kind, struct error *err)
{
	int fd;

	if (kind == OVERLAY_BACKEND_AUTO) {
		fd = overlay_kernel.mount(layers, host, NULL);
		if (fd >= 0) {
			*ret_kind = OVERLAY_BACKEND_KERNEL;
			return fd;
		}
		kind = OVERLAY_BACKEND_FUSE;
	}
	fd = backends[kind]->mount(layers, host, err);
	if (fd >= 0)
		*ret_kind = kind;
	return fd;
}

static int open_own_directory(int area_fd, const char *name, struct error *err)
{
	int fd;

	if (mkdirat(area_fd, name, 0755) < 0 && errno != EEXIST)
		return error_set(err, errno, "cannot make '%s' of the writable layer", name);
	fd = openat(area_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		int r = error_set(err, errno, "cannot open '%s' of the writable layer", name);
		return errno == ELOOP || errno == ENOTDIR ? error_cause(err, "it is not a directory of carrel's own: somebody replaced it") : r;
	}
	return fd;
}

int overlay_open_area(int area_fd, int *ret_upper, int *ret_work, struct error *err)
{
	cleanup_close int upper = open_own_directory(area_fd, "upper", err);
	cleanup_close int work = upper < 0 ? -1 : open_own_directory(area_fd, "work", err);

	if (upper < 0 || work < 0)
		return upper < 0 ? upper : work;
	*ret_upper = take_fd(upper);
	*ret_work = take_fd(work);
	return 0;
}
