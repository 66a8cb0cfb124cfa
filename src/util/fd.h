/* File descriptors: cleanup, whole reads and writes, passing over a socket. All are close-on-exec at birth. */
#ifndef CARREL_UTIL_FD_H
#define CARREL_UTIL_FD_H

#include <stddef.h>
#include <sys/types.h>

#include "util/error.h"

/* Close keeping errno; -1 and AT_FDCWD (-100) are accepted. Returns -1, so that `fd = fd_close(fd)`. */
int fd_close(int fd);

/* Close `first` to `last` (~0u: everything above); close_range(2) where the kernel has it (5.9). */
void fd_close_range(unsigned first, unsigned last);

/* Put /dev/null in the place of each closed standard descriptor, or the next file that is opened would be taken for the user's stream. To be called
 * before anything is opened. */
int fd_fill_standard(void) MUST_CHECK;

static inline void fd_cleanup(int *fd)
{
	(void)fd_close(*fd);
}
#define cleanup_close __attribute__((cleanup(fd_cleanup)))
#define take_fd(fd) __extension__({ int taken_ = (fd); (fd) = -1; taken_; })

/* Write or read all `size` bytes, going on after EINTR and short counts. 0 or -errno; fd_read_all gives
 * -ENODATA when the end comes before the first byte and -EPIPE when it comes in the middle. */
int fd_write_all(int fd, const void *data, size_t size) MUST_CHECK;
int fd_read_all(int fd, void *data, size_t size) MUST_CHECK;

/* Read a file to its end into fresh memory, with a zero byte behind it. More than `limit` bytes: -EFBIG.
 * Works for /proc files, whose size says 0. The caller frees *ret_text. */
int fd_slurp(int fd, size_t limit, char **ret_text, size_t *ret_size) MUST_CHECK;

/* fd_slurp of a path beneath `dirfd`, opened O_NONBLOCK, and refused (-EINVAL) unless it is a regular file:
 * a FIFO or device in the place of a configuration file must not hang or feed us (CVE-2024-9676). */
int fd_slurp_at(int dirfd, const char *path, size_t limit, char **ret_text, size_t *ret_size) MUST_CHECK;

/* Write a short text into an existing file (such as /proc/self/setgroups) with one write(2). */
int fd_put_at(int dirfd, const char *path, const char *text) MUST_CHECK;

/* Send `size` bytes and up to FD_PASS_MAX descriptors in one message of a SOCK_SEQPACKET socket
 * (unix(7), SCM_RIGHTS). fd_receive gives the number of bytes, 0 at the end; *fds gets what came, -1 for the rest. */
enum { FD_PASS_MAX = 140 }; /* the FUSE server's lower layers, of which an image has at most 127 in Docker; the kernel takes 253 */
int fd_send(int socket, const void *data, size_t size, const int *fds, size_t fd_count) MUST_CHECK;
ssize_t fd_receive(int socket, void *data, size_t size, int fds[FD_PASS_MAX]) MUST_CHECK;

#endif
