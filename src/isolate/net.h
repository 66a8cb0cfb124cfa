/* The network of the sandbox (network_namespaces(7)).
 *
 * A network namespace is the dearest of all: three quarters of a millisecond in the kernel. It is made by a thread of its own while the mounts are made
 * here, and joined afterwards.
 */
#ifndef CARREL_ISOLATE_NET_H
#define CARREL_ISOLATE_NET_H

#include <pthread.h>

#include "util/error.h"

struct net {
	pthread_t maker;
	int namespace; /* the new one, as a descriptor; -1 */
	int proc;      /* the host's /proc */
	struct error error;
};

/* Begin to make a network namespace whose loopback interface is up. `net` must stay where it is until net_join. */
int net_begin(struct net *net, struct error *err) MUST_CHECK;
/* Wait for it and enter it. No thread is left. */
int net_join(struct net *net, struct error *err) MUST_CHECK;

#endif
