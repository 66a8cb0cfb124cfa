#include "isolate/net.h"

#include <errno.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "util/fd.h"

int net_loopback_up(struct error *err)
{
	/* netdevice(7): any socket names the namespace; the flag alone brings 127.0.0.1 and ::1 with it. */
	cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return error_set(err, errno, "cannot bring up the loopback interface");
	return 0;
}
