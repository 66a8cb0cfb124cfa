/* What the other side of D-Bus says: messages with the fields that answers have, which isolate/dbus.h only reads. */
#ifndef CARREL_TESTS_ISOLATE_DBUS_PEER_H
#define CARREL_TESTS_ISOLATE_DBUS_PEER_H

#include <string.h>

#include "isolate/dbus.h"

struct dbus_answer {
	enum dbus_type type;
	uint32_t reply_serial;
	const char *path, *interface, *member, *error_name, *signature;
	uint8_t extra_field; /* a code of the future, with a string; 0: none */
};

static inline void dbus_peer_field(struct dbus_writer *writer, uint8_t code, const char *type, const char *value)
{
	if (!value)
		return;
	dbus_put_align(writer, 8);
	dbus_put_byte(writer, code);
	dbus_put_signature(writer, type);
	if (*type == 'g')
		dbus_put_signature(writer, value);
	else
		dbus_put_string(writer, value);
}

static inline void dbus_peer_open(struct dbus_writer *writer, struct buf *out, const struct dbus_answer *answer)
{
	const uint8_t head[] = {'l', (uint8_t)answer->type, 0, 1};
	struct dbus_array fields;

	*writer = (struct dbus_writer){.out = out, .start = out->size};
	buf_add(out, head, sizeof(head));
	dbus_put_u32(writer, 0);
	dbus_put_u32(writer, 77);
	fields = dbus_open_array(writer, 8);
	dbus_peer_field(writer, 1, "o", answer->path);
	dbus_peer_field(writer, 2, "s", answer->interface);
	dbus_peer_field(writer, 3, "s", answer->member);
	dbus_peer_field(writer, 4, "s", answer->error_name);
	if (answer->extra_field)
		dbus_peer_field(writer, answer->extra_field, "s", "new");
	if (answer->reply_serial) {
		dbus_put_align(writer, 8);
		dbus_put_byte(writer, 5);
		dbus_put_signature(writer, "u");
		dbus_put_u32(writer, answer->reply_serial);
	}
	dbus_peer_field(writer, 8, "g", answer->signature);
	dbus_close_array(writer, fields);
	dbus_put_align(writer, 8);
	writer->body = out->size;
}

#endif
