#include "isolate/fuse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "isolate/mount.h"

const char *const fuse_server_names[FUSE_SERVER_MAX] = {[FUSE_OVERLAYFS] = "fuse-overlayfs", [FUSE_SQUASHFS] = "squashfuse"};

int fuse_open(enum fuse_server server, struct error *err)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC), r;

	if (fd >= 0)
		return fd;
	r = error_set(err, errno, "cannot open /dev/fuse, which %s needs", fuse_server_names[server]);
	return r == -EACCES ? error_hint(err, "ask the administrator for  chmod 666 /dev/fuse  (udev does it on most machines)") : error_hint(err, "load the module:  modprobe fuse");
}

int fuse_mount_new(int fuse_fd, enum fuse_server server, unsigned flags, struct error *err)
{
	char source[48], subtype[48], fd_option[24], user[24], group[24];
	const char *options[] = {source, subtype, fd_option, "rootmode=40000", user, group, "allow_other", "default_permissions", NULL};
	const char *log;
	int fd;

	(void)snprintf(source, sizeof(source), "source=%s", fuse_server_names[server]);
	(void)snprintf(subtype, sizeof(subtype), "subtype=%s", fuse_server_names[server]);
	(void)snprintf(fd_option, sizeof(fd_option), "fd=%d", fuse_fd);
	(void)snprintf(user, sizeof(user), "user_id=%u", geteuid());
	(void)snprintf(group, sizeof(group), "group_id=%u", getegid());
	fd = mount_new("fuse", options, flags | MOUNT_NODEV | MOUNT_NOSUID, &log);
	if (fd < 0) {
		error_set(err, -fd, "cannot mount FUSE in the sandbox");
		return *log ? error_cause(err, "%s", log) : fd;
	}
	return fd;
}

int fuse_exec(const struct fuse_program *program, char *const *argv, struct error *err)
{
	char *envp[] = {NULL};
	int r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set(err, errno, "cannot give up the right to new privileges");
	r = seccomp_apply(program->filter, err);
	if (r < 0)
		return r;
	execve(program->path, argv, envp);
	(void)error_set(err, errno, "cannot start '%s'", program->path);
	return error_hint(err, "%s", program->hint);
}
