#include "isolate/dbus.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/mem.h"

enum field { FIELD_PATH = 1, FIELD_INTERFACE, FIELD_MEMBER, FIELD_ERROR_NAME, FIELD_REPLY_SERIAL, FIELD_DESTINATION, FIELD_SENDER, FIELD_SIGNATURE };
enum { FLAG_NO_AUTO_START = 2, VERSION = 1, BODY_SIZE_AT = 4 };

/* --- writing ------------------------------------------------------------------------------------------------------------------------------- */

void dbus_put_align(struct dbus_writer *writer, size_t alignment)
{
	static const char zeros[8];
	size_t over = (writer->out->size - writer->start) % alignment;

	assert(alignment <= sizeof(zeros));
	if (over)
		buf_add(writer->out, zeros, alignment - over);
}

void dbus_put_byte(struct dbus_writer *writer, uint8_t value)
{
	buf_add(writer->out, &value, 1);
}

void dbus_put_u32(struct dbus_writer *writer, uint32_t value)
{
	uint32_t bytes = htole32(value);

	dbus_put_align(writer, sizeof(bytes));
	buf_add(writer->out, &bytes, sizeof(bytes));
}

static void patch_u32(struct dbus_writer *writer, size_t at, size_t value)
{
	uint32_t bytes = htole32((uint32_t)value);

	assert(value <= DBUS_MESSAGE_MAX);
	memcpy(writer->out->text + at, &bytes, sizeof(bytes));
}

void dbus_put_string(struct dbus_writer *writer, const char *value)
{
	size_t size = strlen(value);

	dbus_put_u32(writer, (uint32_t)size);
	buf_add(writer->out, value, size + 1);
}

void dbus_put_signature(struct dbus_writer *writer, const char *value)
{
	size_t size = strlen(value);

	assert(size <= UINT8_MAX);
	dbus_put_byte(writer, (uint8_t)size);
	buf_add(writer->out, value, size + 1);
}

struct dbus_array dbus_open_array(struct dbus_writer *writer, size_t alignment)
{
	struct dbus_array array;

	dbus_put_u32(writer, 0);
	array.length_at = writer->out->size - sizeof(uint32_t);
	/* The padding before the first element belongs to the array, and its length does not count it. */
	dbus_put_align(writer, alignment);
	array.start = writer->out->size;
	return array;
}

void dbus_close_array(struct dbus_writer *writer, struct dbus_array array)
{
	patch_u32(writer, array.length_at, writer->out->size - array.start);
}

static void put_field(struct dbus_writer *writer, enum field field, const char *type, const char *value)
{
	if (!value)
		return;
	dbus_put_align(writer, 8);
	dbus_put_byte(writer, (uint8_t)field);
	dbus_put_signature(writer, type);
	if (*type == 'g')
		dbus_put_signature(writer, value);
	else
		dbus_put_string(writer, value);
}

void dbus_open(struct dbus_writer *writer, struct buf *out, const struct dbus_call *call)
{
	const uint8_t head[] = {'l', DBUS_METHOD_CALL, call->no_auto_start ? FLAG_NO_AUTO_START : 0, VERSION};
	struct dbus_array fields;

	*writer = (struct dbus_writer){.out = out, .start = out->size};
	buf_add(out, head, sizeof(head));
	dbus_put_u32(writer, 0);
	dbus_put_u32(writer, call->serial);
	fields = dbus_open_array(writer, 8);
	put_field(writer, FIELD_PATH, "o", call->path);
	put_field(writer, FIELD_DESTINATION, "s", call->destination);
	put_field(writer, FIELD_INTERFACE, "s", call->interface);
	put_field(writer, FIELD_MEMBER, "s", call->member);
	put_field(writer, FIELD_SIGNATURE, "g", call->signature);
	dbus_close_array(writer, fields);
	dbus_put_align(writer, 8);
	writer->body = out->size;
}

void dbus_close(struct dbus_writer *writer)
{
	patch_u32(writer, writer->start + BODY_SIZE_AT, writer->out->size - writer->body);
}

void dbus_put_login(struct buf *out, uid_t uid)
{
	char digits[24];

	(void)snprintf(digits, sizeof(digits), "%u", (unsigned)uid); /* ten digits at most */
	buf_add(out, "", 1);
	buf_puts(out, "AUTH EXTERNAL ");
	for (const char *c = digits; *c; c++)
		buf_printf(out, "%02x", (unsigned)*c);
	buf_puts(out, "\r\nBEGIN\r\n");
}

/* --- reading ------------------------------------------------------------------------------------------------------------------------------- */

ssize_t dbus_read_login(const void *data, size_t size)
{
	const char *end = memchr(data, '\n', size < DBUS_LINE_MAX ? size : DBUS_LINE_MAX);
	const char *line = data;
	size_t length;

	if (!end)
		return size < DBUS_LINE_MAX ? 0 : -EPROTO;
	length = (size_t)(end - line);
	if (!length || end[-1] != '\r')
		return -EPROTO;
	if (length > 3 && memcmp(line, "OK ", 3) == 0)
		return (ssize_t)length + 1;
	if (length >= 8 && memcmp(line, "REJECTED", 8) == 0)
		return -EACCES;
	return -EPROTO;
}

static int get_align(struct dbus_reader *reader, size_t alignment)
{
	while (reader->at % alignment) {
		if (reader->at >= reader->end || reader->data[reader->at] != 0)
			return -EPROTO;
		reader->at++;
	}
	return 0;
}

static int get_byte(struct dbus_reader *reader, uint8_t *ret)
{
	if (reader->at >= reader->end)
		return -EPROTO;
	*ret = reader->data[reader->at++];
	return 0;
}

int dbus_get_u32(struct dbus_reader *reader, uint32_t *ret)
{
	uint32_t bytes;

	if (get_align(reader, sizeof(bytes)) < 0 || reader->end - reader->at < sizeof(bytes))
		return -EPROTO;
	memcpy(&bytes, reader->data + reader->at, sizeof(bytes));
	reader->at += sizeof(bytes);
	*ret = reader->is_big_endian ? be32toh(bytes) : le32toh(bytes);
	return 0;
}

/* `size` bytes and a zero. */
static int get_text(struct dbus_reader *reader, size_t size, const char **ret)
{
	const uint8_t *text = reader->data + reader->at;

	if (reader->end - reader->at <= size || memchr(text, 0, size + 1) != text + size)
		return -EPROTO;
	reader->at += size + 1;
	*ret = (const char *)text;
	return 0;
}

int dbus_get_string(struct dbus_reader *reader, const char **ret)
{
	uint32_t size;

	return dbus_get_u32(reader, &size) < 0 ? -EPROTO : get_text(reader, size, ret);
}

static int get_signature(struct dbus_reader *reader, const char **ret)
{
	uint8_t size;

	return get_byte(reader, &size) < 0 ? -EPROTO : get_text(reader, size, ret);
}

static int skip_bytes(struct dbus_reader *reader, size_t size)
{
	if (get_align(reader, size) < 0 || reader->end - reader->at < size)
		return -EPROTO;
	reader->at += size;
	return 0;
}

/* Header fields of the future are skipped; the specification has none whose type is not a basic one. */
static int skip_value(struct dbus_reader *reader, char type)
{
	const char *text;

	switch (type) {
	case 'y':
		return skip_bytes(reader, 1);
	case 'n':
	case 'q':
		return skip_bytes(reader, 2);
	case 'b':
	case 'i':
	case 'u':
	case 'h':
		return skip_bytes(reader, 4);
	case 'x':
	case 't':
	case 'd':
		return skip_bytes(reader, 8);
	case 's':
	case 'o':
		return dbus_get_string(reader, &text);
	case 'g':
		return get_signature(reader, &text);
	default:
		return -EPROTO;
	}
}

static int get_field(struct dbus_reader *reader, struct dbus_message *message)
{
	const struct {
		char type;
		const char **text;
	} known[] = {
	    [FIELD_PATH] = {'o', &message->path},
	    [FIELD_INTERFACE] = {'s', &message->interface},
	    [FIELD_MEMBER] = {'s', &message->member},
	    [FIELD_ERROR_NAME] = {'s', &message->error_name},
	    [FIELD_REPLY_SERIAL] = {'u', NULL},
	    [FIELD_SENDER] = {'s', &message->sender},
	    [FIELD_SIGNATURE] = {'g', &message->signature},
	};
	const char *type;
	uint8_t code;

	if (get_align(reader, 8) < 0 || get_byte(reader, &code) < 0 || get_signature(reader, &type) < 0 || strlen(type) != 1)
		return -EPROTO;
	if (code >= ARRAY_SIZE(known) || !known[code].type)
		return skip_value(reader, *type);
	if (*type != known[code].type)
		return -EPROTO;
	if (*type == 'u')
		return dbus_get_u32(reader, &message->reply_serial);
	return *type == 'g' ? get_signature(reader, known[code].text) : dbus_get_string(reader, known[code].text);
}

/* The fixed part: *ret_fields and *ret_body are the sizes that it names. */
static int get_head(struct dbus_reader *reader, struct dbus_message *message, uint32_t *ret_fields, uint32_t *ret_body)
{
	const uint8_t *head = reader->data;

	if ((head[0] != 'l' && head[0] != 'B') || head[1] == 0 || head[3] != VERSION)
		return -EPROTO;
	message->type = head[1];
	reader->is_big_endian = head[0] == 'B';
	reader->at = BODY_SIZE_AT;
	if (dbus_get_u32(reader, ret_body) < 0 || dbus_get_u32(reader, &message->serial) < 0 || dbus_get_u32(reader, ret_fields) < 0 || message->serial == 0)
		return -EPROTO;
	return 0;
}

static size_t body_start(uint32_t fields)
{
	return ((size_t)DBUS_HEADER_SIZE + fields + 7) & ~(size_t)7;
}

ssize_t dbus_message_size(const void *data, size_t size)
{
	struct dbus_reader reader = {.data = data, .end = DBUS_HEADER_SIZE};
	struct dbus_message message;
	uint32_t fields, body;

	if (size < DBUS_HEADER_SIZE)
		return 0;
	if (get_head(&reader, &message, &fields, &body) < 0)
		return -EPROTO;
	if (fields > DBUS_MESSAGE_MAX || body > DBUS_MESSAGE_MAX || body_start(fields) + body > DBUS_MESSAGE_MAX)
		return -EMSGSIZE;
	return (ssize_t)(body_start(fields) + body);
}

int dbus_parse(const void *data, size_t size, struct dbus_message *ret)
{
	struct dbus_message message = {.signature = ""};
	struct dbus_reader reader = {.data = data, .end = DBUS_HEADER_SIZE};
	uint32_t fields, body;

	if (size < DBUS_HEADER_SIZE || size > DBUS_MESSAGE_MAX || get_head(&reader, &message, &fields, &body) < 0)
		return -EPROTO;
	if (fields > size || body > size || body_start(fields) + body != size)
		return -EPROTO;
	reader.end = DBUS_HEADER_SIZE + fields;
	while (reader.at < reader.end) {
		if (get_field(&reader, &message) < 0)
			return -EPROTO;
	}
	reader.end = size;
	if (get_align(&reader, 8) < 0)
		return -EPROTO;
	message.body = reader;
	*ret = message;
	return 0;
}
