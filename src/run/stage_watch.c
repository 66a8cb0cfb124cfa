/* What the launcher may look at of the sandbox, as descriptors that only the sandbox's own namespaces can give. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>

#include "isolate/mount.h"
#include "run/channel.h"
#include "run/stage_parts.h"
#include "util/fd.h"

static bool is_procfs(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

/* The sandbox's own /proc, or one that is mounted nowhere. */
static int open_procfs(struct error *err)
{
	static const char *const no_options[] = {NULL};
	cleanup_close int shown = open("/proc", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (shown >= 0 && is_procfs(shown))
		return take_fd(shown);
	cleanup_close int fresh = mount_new("proc", no_options, MOUNT_NODEV | MOUNT_NOSUID | MOUNT_NOEXEC, NULL);
	int fd = fresh < 0 ? fresh : openat(fresh, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		error_set(err, fresh < 0 ? -fresh : errno, "cannot look at the sandbox's processes, which its limits need");
	return fd < 0 ? -err->code : fd;
}

int stage_send_watch(const struct stage *stage, struct tree *tree, struct error *err)
{
	struct channel_message message = {.type = CHANNEL_WATCH};
	struct tree_storage storage;
	int fds[FD_PASS_MAX], r;
	size_t count = 0;

	if (!stage->plan->shows_usage)
		return 0;
	cleanup_close int procfs = open_procfs(err);
	if (procfs < 0)
		return procfs;
	cleanup_close int segments = openat(procfs, "sysvipc/shm", O_RDONLY | O_CLOEXEC);
	cleanup_close int messages = openat(procfs, "sysvipc/msg", O_RDONLY | O_CLOEXEC);
	r = tree_storage_fds(tree, &storage, err);
	if (r < 0)
		return r;
	message.watch = (struct channel_watch){.has_sysvipc = segments >= 0 && messages >= 0, .has_scratch = storage.scratch >= 0, .scratch_on_disk = storage.scratch_on_disk};
	fds[count++] = procfs;
	if (message.watch.has_sysvipc) {
		fds[count++] = segments;
		fds[count++] = messages;
	}
	if (storage.scratch >= 0)
		fds[count++] = storage.scratch;
	memcpy(fds + count, storage.tmpfs, storage.tmpfs_count * sizeof(*fds));
	r = channel_send(stage->channel, &message, fds, count + storage.tmpfs_count);
	return r < 0 ? error_set(err, -r, "cannot show the launcher what the limits look at") : 0;
}
