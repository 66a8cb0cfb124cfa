#include "isolate/packages.h"

#include <unistd.h>

static const struct {
	const char *program, *command;
	const char *names[PACKAGE_MAX]; /* NULL: the first row's */
} managers[] = {
	{"/usr/bin/apt-get", "sudo apt-get install", {"uidmap", "fuse-overlayfs", "passt", "slirp4netns"}},
	{"/usr/bin/dnf", "sudo dnf install", {[PACKAGE_UIDMAP] = "shadow-utils"}},
	{"/usr/bin/zypper", "sudo zypper install", {[PACKAGE_UIDMAP] = "shadow"}},
	{"/usr/bin/pacman", "sudo pacman -S", {[PACKAGE_UIDMAP] = "shadow"}},
	{"/sbin/apk", "sudo apk add", {[PACKAGE_UIDMAP] = "shadow-uidmap"}},
};

const char *packages_install_command(struct arena *arena, enum package package)
{
	for (size_t i = 0; i < ARRAY_SIZE(managers); i++) {
		const char *name = managers[i].names[package];

		if (access(managers[i].program, X_OK) == 0)
			return arena_printf(arena, "%s %s", managers[i].command, name ? name : managers[0].names[package]);
	}
	return arena_printf(arena, "install %s", managers[0].names[package]);
}
