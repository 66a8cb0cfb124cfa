#include "isolate/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "isolate/explain.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/sys.h"

static uint64_t attributes(unsigned flags)
{
	return (flags & MOUNT_RDONLY ? MOUNT_ATTR_RDONLY : 0u) | (flags & MOUNT_NOEXEC ? MOUNT_ATTR_NOEXEC : 0u) |
	       (flags & MOUNT_NODEV ? MOUNT_ATTR_NODEV : 0u) | (flags & MOUNT_NOSUID ? MOUNT_ATTR_NOSUID : 0u);
}

int mount_clone(int dirfd, const char *path, int at_flags)
{
	int fd = sys_open_tree(dirfd, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_NO_AUTOMOUNT | (unsigned)at_flags);

	return fd < 0 ? -errno : fd;
}

int mount_restrict(int mount_fd, unsigned flags)
{
	struct mount_attr attr = {.attr_set = attributes(flags)};
	unsigned at = AT_EMPTY_PATH | (flags & MOUNT_RECURSIVE ? AT_RECURSIVE : 0u);

	if (!attr.attr_set)
		return 0;
	return sys_mount_setattr(mount_fd, "", at, &attr) < 0 ? -errno : 0;
}

/* One line of /proc/self/mountinfo (proc(5)): id parent dev root MOUNTPOINT options … */
static unsigned current_flags(const char *options)
{
	unsigned long flags = 0;

	if (!strncmp(options, "ro", 2) && (options[2] == ',' || options[2] == ' '))
		flags |= MS_RDONLY;
	if (memmem(options, strcspn(options, " "), "nosuid", 6))
		flags |= MS_NOSUID;
	if (memmem(options, strcspn(options, " "), "nodev", 5))
		flags |= MS_NODEV;
	if (memmem(options, strcspn(options, " "), "noexec", 6))
		flags |= MS_NOEXEC;
	if (memmem(options, strcspn(options, " "), "noatime", 7))
		flags |= MS_NOATIME;
	if (memmem(options, strcspn(options, " "), "nodiratime", 10))
		flags |= MS_NODIRATIME;
	if (memmem(options, strcspn(options, " "), "relatime", 8))
		flags |= MS_RELATIME;
	return (unsigned)flags;
}

static void unescape_octal(char *text)
{
	char *out = text;

	for (; *text; text++) {
		if (text[0] == '\\' && text[1] && text[2] && text[3]) {
			*out++ = (char)((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'));
			text += 3;
		} else {
			*out++ = *text;
		}
	}
	*out = 0;
}

/* Field 5 of a line of mountinfo (proc(5)); *line is behind it then. NULL: it is no such line. */
static char *take_mount_point(char **line)
{
	char *path = NULL;

	for (int i = 0; i < 5 && *line; i++)
		path = strsep(line, " ");
	if (!path || !*line)
		return NULL;
	unescape_octal(path);
	return path;
}

/* Does one of these mounts lie on the same directory? What is mounted on a mount's root stands behind it, as binfmt_misc does behind its autofs. */
static bool is_covered(const char *path, const char *rest)
{
	cleanup_free char *copy = rest ? mem_strdup(rest) : NULL;
	char *line, *next = copy;

	while ((line = strsep(&next, "\n"))) {
		const char *other = take_mount_point(&line);

		if (other && !strcmp(other, path))
			return true;
	}
	return false;
}

static unsigned long remount_flags(unsigned flags)
{
	return (flags & MOUNT_RDONLY ? (unsigned long)MS_RDONLY : 0) | (flags & MOUNT_NOEXEC ? (unsigned long)MS_NOEXEC : 0) |
	       (flags & MOUNT_NODEV ? (unsigned long)MS_NODEV : 0) | (flags & MOUNT_NOSUID ? (unsigned long)MS_NOSUID : 0);
}

/* /proc/self of the namespace as we found it, on kernels before 5.12 only: a new root has none yet while it is built. */
static int proc_self = -1;

/* Before 5.12 there is only the remount of one attached mount by path. The flags that the host gave are locked and must be
 * repeated. A mount that cannot be reached by its path is covered by another one, so nothing can be written through it. */
static int restrict_by_path(const char *top, unsigned flags)
{
	cleanup_free char *table = NULL;
	size_t top_len = strlen(top);
	char *line, *rest;
	int r = fd_slurp_at(proc_self, "mountinfo", 1 << 26, &table, NULL);

	if (r < 0)
		return r;
	for (rest = table; (line = strsep(&rest, "\n"));) {
		char *field = line;
		const char *path = take_mount_point(&field);

		if (!path)
			continue;
		bool same = !strcmp(path, top);
		bool below = !strcmp(top, "/") || (!strncmp(path, top, top_len) && path[top_len] == '/');
		if (!same && !(below && (flags & MOUNT_RECURSIVE)))
			continue;
		if (mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | current_flags(field) | remount_flags(flags), NULL) < 0 &&
		    errno != ENOENT && errno != EACCES && errno != EINVAL) {
			r = -errno;
			/* (By this path the other one was meant, whose flags are not these.) */
			if (r != -EPERM || !is_covered(path, rest))
				return r;
		}
	}
	return 0;
}

/* On which mount does `path` lie? It is another one than `mount_fd`'s when that is covered, or when the path leads through a root that we have not
 * changed to yet. */
static bool leads_to(const char *path, int mount_fd)
{
	cleanup_close int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	uint64_t here = 0, there = 0;
	bool is_root;

	return fd >= 0 && mount_identify(fd, &here, &is_root) == 0 && mount_identify(mount_fd, &there, &is_root) == 0 && here == there;
}

int mount_restrict_attached(int mount_fd, unsigned flags)
{
	char link[32], path[PATH_MAX];
	int r = mount_restrict(mount_fd, flags);
	ssize_t n;

	if (r != -ENOSYS)
		return r;
	(void)snprintf(link, sizeof(link), "fd/%d", mount_fd);
	n = readlinkat(proc_self, link, path, sizeof(path) - 1);
	if (n < 0)
		return -errno;
	path[n] = 0;
	return leads_to(path, mount_fd) ? restrict_by_path(path, flags) : -ESTALE;
}

int mount_attach(int mount_fd, int target_fd, unsigned flags)
{
	int restricted = mount_restrict(mount_fd, flags);

	if (restricted < 0 && restricted != -ENOSYS)
		return restricted;
	if (sys_move_mount(mount_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return -errno;
	return restricted == -ENOSYS ? mount_restrict_attached(mount_fd, flags) : 0;
}

/* The kernel's own words about a refused option: lines "e overlay: …" (fsopen(2)). */
static const char *read_log(int fs_fd)
{
	static char log[256];
	ssize_t n = read(fs_fd, log, sizeof(log) - 1);

	if (n <= 2 || log[1] != ' ')
		return "";
	log[n] = 0;
	log[strcspn(log, "\n")] = 0;
	return log + 2;
}

static int set_option(int fs_fd, const char *option)
{
	const char *equals = strchr(option, '=');
	char key[32];

	if (!equals)
		return sys_fsconfig(fs_fd, FSCONFIG_SET_FLAG, option, NULL, 0);
	(void)snprintf(key, sizeof(key), "%.*s", (int)(equals - option), option);
	return sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, key, equals + 1, 0);
}

int mount_new(const char *type, const char *const options[], unsigned flags, const char **ret_log)
{
	cleanup_close int fs_fd = sys_fsopen(type, FSOPEN_CLOEXEC);
	int mount_fd = -1, r = 0;

	if (ret_log)
		*ret_log = "";
	if (fs_fd < 0)
		return -errno;
	for (size_t i = 0; options && options[i] && r == 0; i++)
		r = set_option(fs_fd, options[i]);
	if (r == 0)
		r = sys_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r == 0)
		mount_fd = r = sys_fsmount(fs_fd, FSMOUNT_CLOEXEC, (unsigned)attributes(flags));
	if (r < 0) {
		r = -errno;
		if (ret_log)
			*ret_log = read_log(fs_fd);
		return r;
	}
	return mount_fd;
}

int mount_new_tmpfs(uint64_t size, mode_t mode, unsigned flags)
{
	char size_option[40], mode_option[24];
	const char *options[3] = {mode_option, size ? size_option : NULL, NULL};

	(void)snprintf(mode_option, sizeof(mode_option), "mode=%o", (unsigned)mode);
	(void)snprintf(size_option, sizeof(size_option), "size=%llu", (unsigned long long)size);
	return mount_new("tmpfs", options, flags, NULL);
}

int mount_isolate(unsigned flags, struct error *err)
{
	struct mount_attr attr = {.attr_set = attributes(flags), .propagation = MS_PRIVATE};

	if (sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attr) == 0)
		return 0;
	if (errno != ENOSYS) {
		/* The first use of the new namespace's capabilities: where AppArmor takes them, it shows here. */
		int errnum = errno;

		(void)error_set(err, errnum, "cannot make the mounts private");
		return explain_userns_failure(errnum, err);
	}
	if (proc_self < 0)
		proc_self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc_self < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return error_set(err, errno, "cannot make the mounts private");
	int r = flags ? restrict_by_path("/", flags | MOUNT_RECURSIVE) : 0;
	return r < 0 ? error_set(err, -r, "cannot make the host's mounts read-only") : 0;
}

int mount_pivot(int mount_fd, bool attached, struct error *err)
{
	/* pivot_root(2) wants the new root attached: it goes on top of the old one, and with "." for both the old root
	 * comes to lie over the new one, where it is detached at once. No directory is needed for either. */
	if (!attached && sys_move_mount(mount_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_set(err, errno, "cannot attach the new root");
	if (fchdir(mount_fd) < 0 || sys_pivot_root(".", ".") < 0)
		return error_set(err, errno, "cannot change to the new root");
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return error_set(err, errno, "cannot detach the old root");
	return 0;
}

int mount_identify(int fd, uint64_t *ret_id, bool *ret_is_root)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_MNT_ID, &stx) < 0)
		return -errno;
	*ret_id = stx.stx_mnt_id;
	*ret_is_root = stx.stx_attributes & STATX_ATTR_MOUNT_ROOT;
	return 0;
}
