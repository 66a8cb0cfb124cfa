#include <fcntl.h>
#include <unistd.h>

#include "cli/command.h"
#include "util/error.h"
#include "util/interrupt.h"

int main(int argc, char **argv)
{
	/* A closed 0, 1 or 2 would become the number of a socket or profile of ours, and the payload's. Not close-on-exec: it is for the payload, too. */
	for (int fd = 0; fd < 3; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_WRONLY : O_RDONLY) != fd)
			return EXIT_CARREL;
	}
	return interrupt_end(command_dispatch(argc, argv));
}
