#include "run/channel.h"

#include <errno.h>
#include <string.h>

enum { HEAD_SIZE = offsetof(struct channel_message, signal) };

/* The bytes of a message of this type; 0: there is no such type. */
static size_t message_size(enum channel_type type)
{
	switch (type) {
	case CHANNEL_PTY:
	case CHANNEL_STARTED:
	case CHANNEL_SUSPEND:
	case CHANNEL_RESUME:
		return HEAD_SIZE;
	case CHANNEL_GO:
		return HEAD_SIZE + sizeof(bool);
	case CHANNEL_WATCH:
		return HEAD_SIZE + sizeof(struct channel_watch);
	case CHANNEL_SIGNAL:
	case CHANNEL_FUSE:
		return HEAD_SIZE + sizeof(int);
	case CHANNEL_LISTENER:
		return HEAD_SIZE + sizeof(pid_t);
	case CHANNEL_EXIT:
		return offsetof(struct channel_message, exit) + sizeof(struct channel_exit);
	case CHANNEL_ERROR:
		return offsetof(struct channel_message, error) + sizeof(struct error);
	case CHANNEL_TYPE_MAX:
		break;
	}
	return 0;
}

int channel_send(int socket, const struct channel_message *message, const int *fds, size_t n)
{
	size_t size = message_size(message->type);

	if (!size)
		return -EINVAL;
	return fd_send(socket, message, size, fds, n);
}

static ssize_t receive_packet(int socket, struct channel_message *message, int fds[FD_PASS_MAX])
{
	ssize_t n = fd_receive(socket, message, sizeof(*message), fds);

	/* A peer that ended with something of ours unread (a signal sent in its last moment) leaves ECONNRESET on this
	 * side, once and in front of what it sent before (unix_release_sock). What it sent still counts. */
	if (n == -ECONNRESET)
		n = fd_receive(socket, message, sizeof(*message), fds);
	return n;
}

int channel_receive(int socket, struct channel_message *ret, int fds[FD_PASS_MAX])
{
	struct channel_message message;

	memset(&message, 0, sizeof(message));
	ssize_t n = receive_packet(socket, &message, fds);
	if (n < 0)
		return (int)n;
	if (n == 0)
		return -EPIPE;
	if ((size_t)n < HEAD_SIZE || (size_t)n != message_size(message.type)) {
		for (size_t i = 0; i < FD_PASS_MAX; i++)
			fds[i] = fd_close(fds[i]);
		return -EBADMSG;
	}
	*ret = message;
	return 0;
}
