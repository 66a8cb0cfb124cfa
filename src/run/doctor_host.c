/* Checks of services around the sandbox: cgroups and the helpers of a network. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "isolate/packages.h"
#include "run/doctor.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/proc.h"

enum { SMALL_FILE = 64 << 10 };

static bool is_cgroup2(const char *path)
{
	struct statfs info;

	return statfs(path, &info) == 0 && info.f_type == CGROUP2_SUPER_MAGIC;
}

/* This process's folder of the version 2 hierarchy, "/sys/fs/cgroup/user.slice/…"; NULL: none. */
static char *own_cgroup(const char *mount)
{
	cleanup_free char *text = NULL;
	char *line;

	if (fd_slurp_at(AT_FDCWD, "/proc/self/cgroup", SMALL_FILE, &text, NULL) < 0)
		return NULL;
	line = strncmp(text, "0::", 3) ? strstr(text, "\n0::") : text;
	if (!line)
		return NULL;
	line = strstr(line, "::") + 2;
	line[strcspn(line, "\n")] = 0;
	return mem_printf("%s%s", mount, line);
}

static bool user_systemd(void)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	cleanup_free char *socket = runtime ? mem_printf("%s/systemd/private", runtime) : NULL;

	return socket && access(socket, W_OK) == 0;
}

static void say_delegation(struct doctor_row *row, const char *folder)
{
	cleanup_free char *procs = mem_printf("%s/cgroup.procs", folder), *list = mem_printf("%s/cgroup.controllers", folder), *controllers = NULL;
	bool writable = access(folder, W_OK) == 0 && access(procs, W_OK) == 0;

	if (fd_slurp_at(AT_FDCWD, list, SMALL_FILE, &controllers, NULL) == 0)
		controllers[strcspn(controllers, "\n")] = 0;
	if (writable)
		doctor_say(row, DOCTOR_WORKS, "version 2, %s is yours; controllers: %s", folder, controllers ? controllers : "none");
	else if (user_systemd())
		doctor_say(row, DOCTOR_WORKS, "version 2, a scope can be asked of your systemd; controllers here: %s", controllers ? controllers : "none");
	else
		doctor_say(row, DOCTOR_DEGRADED, "version 2, but %s is not yours and no systemd of yours runs", folder);
	if (row->state != DOCTOR_WORKS) {
		doctor_consequence(row, "no loss in this version, whose limits are rlimits and the timeout; memory, cpus and tasks are refused");
		doctor_command(row, "sudo loginctl enable-linger $(id -un)  (then log in anew)");
	} else if (!controllers || !strstr(controllers, "memory") || !strstr(controllers, "pids") || !strstr(controllers, "cpu")) {
		row->state = DOCTOR_DEGRADED;
		doctor_consequence(row, "no loss in this version, whose limits are rlimits and the timeout; memory, cpus and tasks are refused");
		doctor_command(row, "sudo mkdir -p /etc/systemd/system/user@.service.d && printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' | "
				    "sudo tee /etc/systemd/system/user@.service.d/delegate.conf && sudo systemctl daemon-reload");
	}
}

void doctor_cgroup(struct doctor_row *row)
{
	cleanup_free char *folder = NULL;

	if (is_cgroup2("/sys/fs/cgroup")) {
		folder = own_cgroup("/sys/fs/cgroup");
		if (folder) {
			say_delegation(row, folder);
			return;
		}
	}
	if (is_cgroup2("/sys/fs/cgroup/unified"))
		doctor_say(row, DOCTOR_DEGRADED, "hybrid: the controllers are those of version 1, which cannot be delegated safely");
	else if (access("/sys/fs/cgroup", F_OK) == 0 && access("/proc/self/cgroup", F_OK) == 0)
		doctor_say(row, DOCTOR_DEGRADED, "version 1, which cannot be delegated safely, or none");
	else
		doctor_say(row, DOCTOR_DEGRADED, "none is mounted");
	doctor_consequence(row, "no loss in this version, whose limits are rlimits and the timeout; memory, cpus and tasks are refused");
	doctor_command(row, "boot with the kernel parameter  systemd.unified_cgroup_hierarchy=1");
}

void doctor_nat(struct doctor_row *row)
{
	struct arena arena = {0};
	cleanup_free char *pasta = proc_find_program("pasta", PROC_SYSTEM_PATH), *slirp = proc_find_program("slirp4netns", PROC_SYSTEM_PATH);
	cleanup_close int tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

	if (!pasta && !slirp) {
		doctor_say(row, DOCTOR_DEGRADED, "neither pasta nor slirp4netns is installed");
		doctor_consequence(row, "--network nat is refused; none and host work");
		doctor_command(row, "%s", packages_install_command(&arena, PACKAGE_PASST));
	} else if (tun < 0) {
		doctor_say(row, DOCTOR_DEGRADED, "%s is there, but /dev/net/tun cannot be opened: %s", pasta ? pasta : slirp, strerror(errno));
		doctor_consequence(row, "--network nat is refused; none and host work");
		doctor_command(row, errno == EACCES ? "sudo chmod 666 /dev/net/tun" : "sudo modprobe tun  (a container gets it by  --device /dev/net/tun)");
	} else if (!pasta) {
		doctor_say(row, DOCTOR_DEGRADED, "%s; pasta is not installed", slirp);
		doctor_consequence(row, "none in this version, which refuses --network nat; none and host work");
		doctor_command(row, "%s", packages_install_command(&arena, PACKAGE_PASST));
	} else {
		doctor_say(row, DOCTOR_WORKS, "%s%s%s (for a later version: this one refuses --network nat)", pasta, slirp ? ", " : "", slirp ? slirp : "");
	}
	arena_done(&arena);
}
