#include "isolate/explain.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/stat.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/mem.h"

enum { SMALL_FILE = 64 << 10 };

static bool say_cause(struct explanation *ret, const char *fmt, ...) PRINTF_LIKE(2, 3);
static bool say_hint(struct explanation *ret, const char *fmt, ...) PRINTF_LIKE(2, 3);

static bool say_cause(struct explanation *ret, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(ret->cause, sizeof(ret->cause), fmt, args);
	va_end(args);
	ret->hint[0] = 0;
	return true;
}

static bool say_hint(struct explanation *ret, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(ret->hint, sizeof(ret->hint), fmt, args);
	va_end(args);
	return true;
}

/* The first line of a file below /proc; NULL: not there. */
static char *first_line(const char *path)
{
	char *text;

	if (fd_slurp_at(AT_FDCWD, path, SMALL_FILE, &text, NULL) < 0)
		return NULL;
	text[strcspn(text, "\n")] = 0;
	return text;
}

long explain_sysctl(const char *name)
{
	cleanup_free char *path = mem_printf("/proc/sys/%s", name), *text = first_line(path);

	return text ? strtol(text, NULL, 10) : -1;
}

/* --- AppArmor --- */

/* The label of this process, "unconfined" or "docker-default (enforce)"; NULL: no AppArmor. */
static char *apparmor_label(void)
{
	char *label = NULL;

	if (access("/sys/module/apparmor", F_OK) == 0)
		label = first_line("/proc/self/attr/apparmor/current");
	return label;
}

bool explain_apparmor_restricts(void)
{
	return explain_sysctl("kernel/apparmor_restrict_unprivileged_userns") == 1;
}

/* A path as AppArmor writes it: quoted where it has blanks. False: it has characters that mean something else to it or to the shell. */
static bool apparmor_path(char *buffer, size_t size)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-+@=:,";
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (length < 0)
		return false;
	path[length] = 0;
	if (strpbrk(path, "'\"\\%*?[]{}^\n$`!"))
		return false;
	return snprintf(buffer, size, path[strspn(path, plain)] ? "\"%s\"" : "%s", path) < (int)size;
}

void explain_apparmor_profile(char *buffer, size_t size)
{
	char path[PATH_MAX];

	if (!apparmor_path(path, sizeof(path)))
		(void)snprintf(path, sizeof(path), "/usr/{local/,}bin/carrel");
	(void)snprintf(buffer, size, "abi <abi/4.0>,\ninclude <tunables/global>\n\nprofile carrel %s flags=(unconfined) {\n  userns,\n\n"
				     "  include if exists <local/carrel>\n}\n", path);
}

void explain_apparmor_command(char *buffer, size_t size)
{
	char path[256];

	if (apparmor_path(path, sizeof(path)))
		(void)snprintf(buffer, size, "printf 'abi <abi/4.0>,\\nprofile carrel %s flags=(unconfined) { userns, }\\n' | sudo tee /etc/apparmor.d/carrel"
					     " && sudo apparmor_parser -r /etc/apparmor.d/carrel", path);
	else
		(void)snprintf(buffer, size, "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0");
}

static bool in_container(void)
{
	return access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0 || getenv("container");
}

static bool explain_apparmor(struct explanation *ret)
{
	cleanup_free char *label = apparmor_label();

	if (!label)
		return false;
	if (explain_apparmor_restricts() && !strcmp(label, "unconfined")) {
		(void)say_cause(ret, "AppArmor restricts user namespaces to programs with a profile (kernel.apparmor_restrict_unprivileged_userns=1)");
		explain_apparmor_command(ret->hint, sizeof(ret->hint));
		return true;
	}
	if (!strstr(label, "(enforce)") && !strstr(label, "(kill)"))
		return false;
	(void)say_cause(ret, "AppArmor confines this process: %s", label);
	if (in_container())
		return say_hint(ret, "start the outer container with  --security-opt apparmor=unconfined");
	label[strcspn(label, " ")] = 0;
	return say_hint(ret, "add the line  userns,  to the profile '%s' below /etc/apparmor.d, and load it with  sudo apparmor_parser -r FILE", label);
}

/* --- what stands around this process --- */

/* In a chroot "/" is usually no mount point; the kernel then refuses user namespaces (user_namespaces(7)). A chroot onto a mount cannot be told from
 * the real root by an ordinary user. */
static bool in_chroot(void)
{
	struct statx info;

	if (statx(AT_FDCWD, "/", 0, STATX_TYPE, &info) < 0)
		return false;
	return (info.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) && !(info.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

static bool under_seccomp(void)
{
	cleanup_free char *text = NULL;
	const char *line;

	if (fd_slurp_at(AT_FDCWD, "/proc/self/status", SMALL_FILE, &text, NULL) < 0)
		return false;
	line = strstr(text, "\nSeccomp:\t");
	return line && line[strlen("\nSeccomp:\t")] == '2';
}

static bool explain_seccomp(struct explanation *ret)
{
	if (!under_seccomp())
		return false;
	const char *container = getenv("container"); /* systemd's convention, which carrel keeps: only the hint goes by it */

	(void)say_cause(ret, "a system call filter (seccomp) of what carrel was started in refuses it");
	if (container && strcmp(container, "carrel") == 0)
		return say_hint(ret, "carrel was started in a sandbox of carrel: start the outer one with  carrel run @nest -- …");
	if (access("/.dockerenv", F_OK) == 0)
		return say_hint(ret, "start the outer container with  docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined");
	if (access("/run/.containerenv", F_OK) == 0)
		return say_hint(ret, "start the outer container with  podman run --security-opt seccomp=unconfined --security-opt unmask=ALL");
	return say_hint(ret, "allow user namespaces there, in a systemd service by RestrictNamespaces=no");
}

static bool explain_selinux(int errnum, struct explanation *ret)
{
	cleanup_free char *enforce = first_line("/sys/fs/selinux/enforce");

	if (errnum != EACCES || !enforce || *enforce != '1')
		return false;
	(void)say_cause(ret, "SELinux refuses it to this domain");
	return say_hint(ret, "sudo ausearch -m avc -ts recent  shows the rule that is missing");
}

/* --- the settings --- */

static bool explain_settings(struct explanation *ret)
{
	if (explain_sysctl("kernel/unprivileged_userns_clone") == 0) {
		(void)say_cause(ret, "this kernel lets only root make user namespaces (kernel.unprivileged_userns_clone=0)");
		return say_hint(ret, "sudo sysctl -w kernel.unprivileged_userns_clone=1");
	}
	if (explain_sysctl("user/max_user_namespaces") == 0) {
		(void)say_cause(ret, "user namespaces are switched off (user.max_user_namespaces=0)");
		return say_hint(ret, "sudo sysctl -w user.max_user_namespaces=15000");
	}
	return false;
}

/* ENOSPC: a namespace limit of this user; each kind has its own (namespaces(7)). Inside a new user namespace the files show its own limits, which are
 * none, while those outside still hold. */
static bool explain_limits(struct explanation *ret)
{
	static const char *const kinds[] = {"user", "mnt", "pid", "net", "ipc", "uts", "cgroup"};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		cleanup_free char *name = mem_printf("user/max_%s_namespaces", kinds[i]);

		if (explain_sysctl(name) != 0)
			continue;
		(void)say_cause(ret, "namespaces of a kind are switched off (user.max_%s_namespaces=0)", kinds[i]);
		return say_hint(ret, "sudo sysctl -w user.max_%s_namespaces=15000", kinds[i]);
	}
	if (explain_sysctl("user/max_user_namespaces") == INT_MAX) {
		(void)say_cause(ret, "a limit of namespaces is reached that was set outside of this one (user.max_*_namespaces)");
		return say_hint(ret, "carrel doctor  names it");
	}
	(void)say_cause(ret, "the limit of namespaces is reached (user.max_user_namespaces=%ld, at most 32 inside each other)", explain_sysctl("user/max_user_namespaces"));
	return say_hint(ret, "end other sandboxes (lsns --type user lists them), or  sudo sysctl -w user.max_user_namespaces=%ld",
	    2 * explain_sysctl("user/max_user_namespaces"));
}

static bool explain_processes(struct explanation *ret)
{
	struct rlimit limit = {0};

	(void)getrlimit(RLIMIT_NPROC, &limit); /* cannot fail */
	if (limit.rlim_cur == RLIM_INFINITY)
		(void)say_cause(ret, "no more processes are allowed here (pids.max of the cgroup, or kernel.pid_max)");
	else
		(void)say_cause(ret, "no more processes are allowed here (ulimit -u is %llu, or pids.max of the cgroup)", (unsigned long long)limit.rlim_cur);
	return say_hint(ret, "end other processes, or raise the limit:  ulimit -u unlimited");
}

static bool explain_refusal(int errnum, struct explanation *ret)
{
	if (explain_settings(ret) || explain_apparmor(ret))
		return true;
	if (in_chroot()) {
		(void)say_cause(ret, "carrel was started in a chroot, where the kernel refuses user namespaces");
		return say_hint(ret, "start it outside, or enter the tree with  unshare --mount  and pivot_root instead of chroot");
	}
	return explain_seccomp(ret) || explain_selinux(errnum, ret);
}

bool explain_userns(int errnum, struct explanation *ret)
{
	switch (errnum) {
	case EPERM:
	case EACCES:
		return explain_refusal(errnum, ret);
	case ENOSPC:
	case EUSERS:
		return explain_limits(ret);
	case EAGAIN:
		return explain_processes(ret);
	case EINVAL:
		if (access("/proc/self/ns/user", F_OK) == 0)
			return false;
		(void)say_cause(ret, "this kernel was built without user namespaces (CONFIG_USER_NS)");
		return say_hint(ret, "install the distribution's kernel");
	case ENOSYS:
		if (explain_seccomp(ret))
			return true;
		(void)say_cause(ret, "this kernel is older than Linux 5.10");
		return say_hint(ret, "install a newer kernel");
	default:
		return false;
	}
}

int explain_userns_failure(int errnum, struct error *err)
{
	struct explanation found;

	if (err && explain_userns(errnum, &found)) {
		(void)error_cause(err, "%s", found.cause);
		if (found.hint[0])
			(void)error_hint(err, "%s", found.hint);
	}
	return err ? -err->code : -errnum;
}

int explain_namespace_limit(const char *kind, struct error *err)
{
	(void)error_cause(err, "the limit of namespaces of this kind is reached (user.max_%s_namespaces)", kind);
	return error_hint(err, "sudo sysctl -w user.max_%s_namespaces=15000", kind);
}

/* --- setuid helpers --- */

bool explain_helper(const char *path, struct explanation *ret)
{
	struct statvfs filesystem;
	struct stat info;

	if (stat(path, &info) < 0)
		return say_cause(ret, "%s: %s", path, strerror(errno));
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) {
		(void)say_cause(ret, "no_new_privs is set, so %s cannot raise its privileges", path);
		return say_hint(ret, "start carrel outside of what sets it: another sandbox, docker --security-opt no-new-privileges, NoNewPrivileges= of a systemd service");
	}
	if (statvfs(path, &filesystem) == 0 && (filesystem.f_flag & ST_NOSUID)) {
		(void)say_cause(ret, "%s is on a filesystem that is mounted nosuid", path);
		return say_hint(ret, "install it on one that is not, or remount:  sudo mount -o remount,suid <mount point>");
	}
	if (getxattr(path, "security.capability", NULL, 0) > 0)
		return false;
	if (!(info.st_mode & S_ISUID)) {
		(void)say_cause(ret, "%s is neither setuid nor has it file capabilities", path);
		return say_hint(ret, "sudo chmod u+s %s", path);
	}
	if (info.st_uid != 0) {
		(void)say_cause(ret, "%s does not belong to root here", path);
		return say_hint(ret, "inside a user namespace without a root of the host only a single id can be mapped: --userns single");
	}
	return false;
}
