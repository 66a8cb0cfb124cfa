/* Namespaces (namespaces(7)): one clone3 makes them all. Only isolate/ calls clone, unshare and setns. */
#ifndef CARREL_ISOLATE_NS_H
#define CARREL_ISOLATE_NS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/error.h"

struct ns_plan {
	bool network;  /* a network of its own */
	bool own_cgroup; /* it gets a cgroup: ns_unshare_cgroup comes later */
	bool hostname; /* UTS; always together with ipc and cgroup but for the inner choices of a profile */
};

/* Clone a child into new user, mount, pid, ipc, uts and, without `own_cgroup`, cgroup namespaces. The network namespace is net.h's. With `cgroup_fd` (-1:
 * none) it is born in that cgroup (Linux 5.7). Returns the pid in the parent and 0 in the child; *ret_pidfd pins it. */
pid_t ns_clone(const struct ns_plan *plan, int cgroup_fd, int *ret_pidfd, struct error *err) MUST_CHECK;

/* In the child, once it is in the cgroup that is to be the root of its cgroup namespace: that of a clone would be the parent's. */
int ns_unshare_cgroup(struct error *err) MUST_CHECK;

/* In the child: a network without any interface that is up. (net.h makes the one of a sandbox.) */
int ns_unshare_network(struct error *err) MUST_CHECK;

/* In the child. */
int ns_set_hostname(const char *name, struct error *err) MUST_CHECK;

/* Our own user namespace, as a descriptor that somebody outside joins it by: whoever made a namespace may, but may not look for it in
 * /proc/PID/ns of a process that is not dumpable. A descriptor or a negative errno. */
int ns_open_user(struct error *err) MUST_CHECK;
int ns_join_user(int user_fd, struct error *err) MUST_CHECK;

#endif
