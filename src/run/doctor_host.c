/* Checks of services around the sandbox: cgroups and the helpers of a network. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "isolate/cgroup.h"
#include "isolate/packages.h"
#include "isolate/scope.h"
#include "run/doctor.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/proc.h"

enum { SMALL_FILE = 64 << 10 };

static void list_controllers(unsigned bits, char buffer[static 64])
{
	static const struct {
		unsigned bit;
		const char *word;
	} words[] = {{CGROUP_CPU, " cpu"}, {CGROUP_MEMORY, " memory"}, {CGROUP_PIDS, " pids"}, {CGROUP_IO, " io"}, {CGROUP_CPUSET, " cpuset"}};

	buffer[0] = 0;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (bits & words[i].bit)
			(void)strcat(buffer, words[i].word);
	}
}

static void say_watcher(struct doctor_row *row)
{
	doctor_consequence(row, "memory, cpus and tasks are held by watching the processes, less exactly; swap and I/O limits by nothing");
}

static void say_controllers(struct doctor_row *row, unsigned has)
{
	enum { USUAL = CGROUP_CPU | CGROUP_MEMORY | CGROUP_PIDS };
	char missing[64];

	if ((has & USUAL) == USUAL)
		return;
	row->state = DOCTOR_DEGRADED;
	list_controllers(USUAL & ~has, missing);
	doctor_consequence(row, "what needs the controllers that are missing (%s) is held by watching the processes, less exactly", missing + 1);
	doctor_command(row, "sudo mkdir -p /etc/systemd/system/user@.service.d && printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' | "
			    "sudo tee /etc/systemd/system/user@.service.d/delegate.conf && sudo systemctl daemon-reload");
}

void doctor_cgroup(struct doctor_row *row)
{
	struct arena arena = {0};
	struct cgroup_facts own = {0};
	struct scope_facts scope = {0};
	struct error err = {0};
	char list[64];

	if (cgroup_read_facts(&arena, &own, &err) < 0 ||
	    scope_read_facts(&arena, getenv("XDG_RUNTIME_DIR"), getenv("DBUS_SESSION_BUS_ADDRESS"), own.mount, &scope, &err) < 0) {
		doctor_say(row, DOCTOR_DEGRADED, "%s: %s", err.what, err.cause);
		say_watcher(row);
	} else if (own.parent) {
		list_controllers(own.controllers, list);
		doctor_say(row, DOCTOR_WORKS, "version 2, %s is yours; controllers:%s", own.parent, list);
		say_controllers(row, own.controllers);
	} else if (scope.socket) {
		list_controllers(scope.controllers, list);
		doctor_say(row, DOCTOR_WORKS, "version 2, a scope can be asked of your systemd; controllers:%s", list);
		say_controllers(row, scope.controllers);
	} else {
		doctor_say(row, DOCTOR_DEGRADED, "%s", own.why_not);
		say_watcher(row);
		/* What is ours already needs another layout, which the reason names. */
		if (!own.mount || !strstr(own.why_not, "is ours"))
			doctor_command(row, own.mount ? "sudo loginctl enable-linger $(id -un)  (then log in anew)" :
						 "boot with the kernel parameter  systemd.unified_cgroup_hierarchy=1");
	}
	arena_done(&arena);
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
