/* A minimal /dev: null, zero, full, random, urandom and tty of the host, a devpts instance of its own, the usual symlinks. */
#ifndef CARREL_ISOLATE_DEVICES_H
#define CARREL_ISOLATE_DEVICES_H

#include "isolate/tree.h"

enum { DEVICE_COUNT = TREE_DEVICE_MAX };

/* From the host's view: detached mounts of the nodes, each checked to be the device that its name says (CVE-2025-31133). A
 * node that the host lacks is left out (-1). */
int devices_open(int fds[DEVICE_COUNT], struct error *err) MUST_CHECK;
/* Mount /dev on `target_fd` and fill it. `tty_gid`: the group of terminals (5) where it is mapped, else -1. */
int devices_mount(struct tree *tree, const int fds[DEVICE_COUNT], int target_fd, int tty_gid, struct error *err) MUST_CHECK;

#endif
