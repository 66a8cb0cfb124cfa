/* The command that installs a program that is missing, in the words of this machine's package manager. */
#ifndef CARREL_ISOLATE_PACKAGES_H
#define CARREL_ISOLATE_PACKAGES_H

#include "util/mem.h"

enum package { PACKAGE_UIDMAP, PACKAGE_FUSE_OVERLAYFS, PACKAGE_PASST, PACKAGE_SLIRP4NETNS, PACKAGE_MAX };

/* "sudo apt-get install uidmap"; on a machine with none of the known managers "install uidmap". */
const char *packages_install_command(struct arena *arena, enum package package);

#endif
