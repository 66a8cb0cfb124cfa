/* The D-Bus wire format, as much as one method call and its answers need (D-Bus specification, "Message Protocol" and "Authentication Protocol"). Text and bytes only:
 * nothing here opens, sends or waits.
 *
 * Written messages are little endian. Read ones are foreign bytes of either endianness: every length, alignment, padding and terminating zero is
 * checked before it is believed, and a message has at most DBUS_MESSAGE_MAX bytes.
 */
#ifndef CARREL_ISOLATE_DBUS_H
#define CARREL_ISOLATE_DBUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/buf.h"
#include "util/error.h"

enum { DBUS_MESSAGE_MAX = 64 * 1024, DBUS_LINE_MAX = 1024, DBUS_HEADER_SIZE = 16 };
enum dbus_type { DBUS_METHOD_CALL = 1, DBUS_METHOD_RETURN, DBUS_ERROR, DBUS_SIGNAL };

/* --- writing --- */

struct dbus_call {
	uint32_t serial; /* not 0; answers name it */
	const char *destination; /* NULL: a peer without a bus */
	const char *path, *interface, *member;
	const char *signature;   /* of the body; NULL: there is none */
	bool no_auto_start;      /* the bus must not start a service for it */
};

struct dbus_writer {
	struct buf *out; /* the message is appended to it */
	size_t start;    /* of the message: what alignment counts from */
	size_t body;
};

/* The body's values go between the two, in the order of the signature. */
void dbus_open(struct dbus_writer *writer, struct buf *out, const struct dbus_call *call);
void dbus_close(struct dbus_writer *writer);

void dbus_put_byte(struct dbus_writer *writer, uint8_t value);
void dbus_put_u32(struct dbus_writer *writer, uint32_t value); /* u, b */
void dbus_put_string(struct dbus_writer *writer, const char *value); /* s, o: must be valid UTF-8, or the peer hangs up */
void dbus_put_signature(struct dbus_writer *writer, const char *value); /* g, and the head of a variant */
void dbus_put_align(struct dbus_writer *writer, size_t alignment); /* 8 before a struct */

struct dbus_array {
	size_t length_at, start;
};
struct dbus_array dbus_open_array(struct dbus_writer *writer, size_t alignment);
void dbus_close_array(struct dbus_writer *writer, struct dbus_array array);

/* What a client sends first: the zero byte, AUTH EXTERNAL with the user's number, BEGIN. Nothing has to be waited for in between. */
void dbus_put_login(struct buf *out, uid_t uid);

/* --- reading --- */

/* The answer to dbus_put_login at the head of `data`: its length with the end of the line (> 0: it was accepted), 0: more bytes are needed, -EACCES: refused,
 * -EPROTO: no such answer. */
ssize_t dbus_read_login(const void *data, size_t size) MUST_CHECK;

/* How long the message at the head of `data` is; 0: more bytes are needed to say. -EPROTO: no message; -EMSGSIZE: longer than DBUS_MESSAGE_MAX. */
ssize_t dbus_message_size(const void *data, size_t size) MUST_CHECK;

struct dbus_reader {
	const uint8_t *data; /* the whole message */
	size_t at, end;
	bool is_big_endian;
};

/* Strings point into the message's bytes; NULL: the field is not there. */
struct dbus_message {
	unsigned type; /* enum dbus_type, or one that is to be ignored */
	uint32_t serial, reply_serial;
	const char *path, *interface, *member, *error_name, *sender;
	const char *signature; /* of the body; "" */
	struct dbus_reader body;
};

/* `data` is one whole message, as dbus_message_size measured it. 0 or -EPROTO; the output is untouched on failure. */
int dbus_parse(const void *data, size_t size, struct dbus_message *ret) MUST_CHECK;

/* The next value of a body. 0 or -EPROTO. The caller has compared the signature. */
int dbus_get_u32(struct dbus_reader *reader, uint32_t *ret) MUST_CHECK;
int dbus_get_string(struct dbus_reader *reader, const char **ret) MUST_CHECK; /* s, o; no zero byte within */

#endif
