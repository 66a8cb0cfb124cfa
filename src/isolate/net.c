#include "isolate/net.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "isolate/explain.h"
#include "util/fd.h"

static int loopback_up(struct error *err)
{
	/* netdevice(7): any socket names the namespace; the flag alone brings 127.0.0.1 and ::1 with it. */
	cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return error_set(err, errno, "cannot bring up the loopback interface");
	return 0;
}

/* unshare(2) moves the calling thread alone. */
static void *make(void *argument)
{
	struct net *net = argument;

	if (unshare(CLONE_NEWNET) < 0) {
		error_set(&net->error, errno, "cannot make a network namespace");
		(void)(net->error.code == ENOSPC ? explain_namespace_limit("net", &net->error) : explain_userns_failure(net->error.code, &net->error));
	} else if (loopback_up(&net->error) == 0) {
		net->namespace = openat(net->proc, "thread-self/ns/net", O_RDONLY | O_CLOEXEC);
		if (net->namespace < 0)
			error_set(&net->error, errno, "cannot open the new network namespace");
	}
	return NULL;
}

int net_begin(struct net *net, struct error *err)
{
	int r;

	/* Opened now: when the thread looks, the root may be another one, whose /proc is not mounted yet. */
	*net = (struct net){.namespace = -1, .proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC)};
	if (net->proc < 0)
		return error_set(err, errno, "cannot open '/proc'");
	r = pthread_create(&net->maker, NULL, make, net);
	return r ? error_set(err, r, "cannot start a thread") : 0;
}

int net_join(struct net *net, struct error *err)
{
	int r = pthread_join(net->maker, NULL);

	net->proc = fd_close(net->proc);
	if (r)
		return error_set(err, r, "cannot wait for a thread");
	if (net->error.code) {
		if (err)
			*err = net->error;
		return -net->error.code;
	}
	r = setns(net->namespace, CLONE_NEWNET) < 0 ? error_set(err, errno, "cannot enter the new network namespace") : 0;
	net->namespace = fd_close(net->namespace);
	return r;
}
