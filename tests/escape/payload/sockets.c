/* Services of the host that listen on sockets. */
#include "../attack.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static long connect_unix(const char *path, int abstract)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || len + 1 >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path + abstract, path, len);
	return connect(fd, (const struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1));
}

static long by_path(char **args)
{
	return connect_unix(args[0], 0);
}

static long by_name(char **args)
{
	return connect_unix(args[0], 1);
}

static long by_port(char **args)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(args[0])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -1 : connect(fd, (const struct sockaddr *)&address, sizeof(address));
}

/* args: a name. Is the variable set? */
static long variable(char **args)
{
	errno = ENOENT;
	return getenv(args[0]) ? 0 : -1;
}

static const struct attack attacks[] = {{"path", by_path}, {"abstract", by_name}, {"port", by_port}, {"variable", variable}};

int main(int argc, char **argv)
{
	(void)argc;
	return attack_main(attacks, ARRAY_SIZE(attacks), argv);
}
