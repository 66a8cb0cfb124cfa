/* The network of the sandbox (network_namespaces(7)). */
#ifndef CARREL_ISOLATE_NET_H
#define CARREL_ISOLATE_NET_H

#include "util/error.h"

/* Bring the loopback interface of this network namespace up. */
int net_loopback_up(struct error *err) MUST_CHECK;

#endif
