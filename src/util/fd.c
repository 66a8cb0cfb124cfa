#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/mem.h"
#include "util/sys.h"

int fd_close(int fd)
{
	int saved = errno;

	if (fd >= 0)
		(void)close(fd); /* Linux frees the descriptor whatever close says (close(2)) */
	errno = saved;
	return -1;
}

void fd_close_range(unsigned first, unsigned last)
{
	enum { ENOUGH = 65536 }; /* above it nobody numbers descriptors, unless he wants this to take long */

	if (sys_close_range(first, last, 0) == 0)
		return;
	for (unsigned fd = first; fd <= last && fd < ENOUGH; fd++)
		(void)close((int)fd); /* most are not open */
}

int fd_fill_standard(void)
{
	for (int fd = 0; fd < 3; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_WRONLY : O_RDONLY) != fd)
			return -errno;
	}
	return 0;
}

int fd_write_all(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

int fd_read_all(int fd, void *data, size_t size)
{
	char *at = data;
	size_t left = size;

	while (left) {
		ssize_t n = read(fd, at, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return left == size ? -ENODATA : -EPIPE;
		at += n;
		left -= (size_t)n;
	}
	return 0;
}

int fd_slurp(int fd, size_t limit, char **ret_text, size_t *ret_size)
{
	size_t size = 0, room = 4096;
	cleanup_free char *text = mem_resize(NULL, room, 1);

	for (;;) {
		ssize_t n = read(fd, text + size, room - size - 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		size += (size_t)n;
		if (size > limit)
			return -EFBIG;
		if (room - size < 2) {
			room *= 2;
			text = mem_resize(text, room, 1);
		}
	}
	text[size] = 0;
	*ret_text = take_ptr(text);
	if (ret_size)
		*ret_size = size;
	return 0;
}

int fd_slurp_at(int dirfd, const char *path, size_t limit, char **ret_text, size_t *ret_size)
{
	cleanup_close int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return fd_slurp(fd, limit, ret_text, ret_size);
}

int fd_put_at(int dirfd, const char *path, const char *text)
{
	cleanup_close int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	size_t size = strlen(text);

	if (fd < 0)
		return -errno;
	ssize_t n = write(fd, text, size);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EIO;
}

int fd_send(int socket, const void *data, size_t size, const int *fds, size_t fd_count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * FD_PASS_MAX)] = {0};
	struct iovec iov = {.iov_base = (void *)data, .iov_len = size};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (fd_count > FD_PASS_MAX)
		return -EINVAL;
	if (fd_count) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		struct cmsghdr *header = CMSG_FIRSTHDR(&msg);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(header), fds, sizeof(int) * fd_count);
	}
	do
		n = sendmsg(socket, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

ssize_t fd_receive(int socket, void *data, size_t size, int fds[FD_PASS_MAX])
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * FD_PASS_MAX)];
	struct iovec iov = {.iov_base = data, .iov_len = size};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	ssize_t n;

	for (size_t i = 0; i < FD_PASS_MAX; i++)
		fds[i] = -1;
	do
		n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&msg); h; h = CMSG_NXTHDR(&msg, h)) {
		if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS)
			memcpy(fds, CMSG_DATA(h), h->cmsg_len - CMSG_LEN(0));
	}
	return n;
}
