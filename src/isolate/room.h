/* One folder as the whole world of a process: what it cannot name it cannot reach, also by the calls that Landlock does not look at (chmod, chown, setxattr, utimes). */
#ifndef CARREL_ISOLATE_ROOM_H
#define CARREL_ISOLATE_ROOM_H

#include "util/error.h"

/* Make a mount namespace in which `path`, a folder and no symlink, is the root and nothing else is left: no set-user-ID bits, devices or programs count in
 * it (since 5.12). The working directory is the root then. Needs CAP_SYS_ADMIN in a user namespace of one's own, and one thread. Descriptors that are open stay. */
int room_enter(const char *path, struct error *err) MUST_CHECK;

#endif
