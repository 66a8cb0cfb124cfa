/* What comes from systemd's socket: the first byte says in how large pieces it arrives, the rest is the talk (login and messages). The pieces must not
 * matter. Then the same bytes as one message. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "isolate/dbus.h"
#include "isolate/scope_wire.h"
#include "util/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int talk(const uint8_t *data, size_t size, size_t piece, struct error *err)
{
	const struct scope_request request = {.unit = "carrel-1-1.scope", .description = "fuzz", .pid = 1, .uid = 1000, .is_bus = true};
	struct scope_wire *wire = mem_alloc(sizeof(*wire));
	int r = 0;

	scope_wire_ask(wire, &request);
	for (size_t at = 0; at < size && r == 0; at += piece)
		r = scope_wire_take(wire, data + at, size - at < piece ? size - at : piece, err);
	if ((r < 0) != (err->code != 0) || wire->in.size > size)
		abort();
	scope_wire_free(wire);
	return r;
}

static void parse(const uint8_t *data, size_t size)
{
	struct dbus_message message;
	const char *text;
	uint32_t number;

	if (dbus_parse(data, size, &message) < 0)
		return;
	if (dbus_message_size(data, size) != (ssize_t)size)
		abort();
	for (const char *type = message.signature; *type; type++) {
		if ((*type == 'u' ? dbus_get_u32(&message.body, &number) : dbus_get_string(&message.body, &text)) < 0)
			return;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error whole = {0}, pieces = {0};

	parse(data, size);
	if (size < 2)
		return 0;
	/* (In pieces it may end well before the bytes that are wrong.) */
	if (talk(data + 1, size - 1, size, &whole) < 0 && talk(data + 1, size - 1, (size_t)data[0] + 1, &pieces) == 0)
		abort();
	return 0;
}
