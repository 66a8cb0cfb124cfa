#include "isolate/scope_wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "isolate/dbus.h"
#include "util/mem.h"

#define SYSTEMD "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define MANAGER "org.freedesktop.systemd1.Manager"
#define BUS "org.freedesktop.DBus"

enum { DESCRIPTION_MAX = 200 };

int scope_error(struct error *err, int errnum)
{
	return error_set(err, errnum, "cannot get a scope from the user's systemd");
}

/* --- what we say -------------------------------------------------------------------------------------------------------------------------- */

static void say_to_bus(struct scope_wire *wire, const char *member, const char *argument)
{
	const struct dbus_call call = {.serial = ++wire->serial, .destination = BUS, .path = "/org/freedesktop/DBus", .interface = BUS, .member = member, .signature = argument ? "s" : NULL};
	struct dbus_writer writer;

	dbus_open(&writer, &wire->out, &call);
	if (argument)
		dbus_put_string(&writer, argument);
	dbus_close(&writer);
}

/* The head of one (sv). */
static void put_property(struct dbus_writer *writer, const char *name, const char *type)
{
	dbus_put_align(writer, 8);
	dbus_put_string(writer, name);
	dbus_put_signature(writer, type);
}

static void put_description(struct dbus_writer *writer, const char *text)
{
	char clean[DESCRIPTION_MAX + 1];
	size_t size = 0;

	for (; size < DESCRIPTION_MAX && text[size]; size++)
		clean[size] = (char)(text[size] >= ' ' && text[size] <= '~' ? text[size] : '?');
	clean[size] = 0;
	put_property(writer, "Description", "s");
	dbus_put_string(writer, clean);
}

/* StartTransientUnit(in s name, in s mode, in a(sv) properties, in a(sa(sv)) aux, out o job) */
static void say_start(struct scope_wire *wire, const struct scope_request *request)
{
	const struct dbus_call call = {.serial = ++wire->serial, .destination = request->is_bus ? SYSTEMD : NULL, .path = SYSTEMD_PATH, .interface = MANAGER,
	    .member = "StartTransientUnit", .signature = "ssa(sv)a(sa(sv))", .no_auto_start = true};
	struct dbus_writer writer;
	struct dbus_array properties, pids;

	dbus_open(&writer, &wire->out, &call);
	dbus_put_string(&writer, request->unit);
	dbus_put_string(&writer, "fail");
	properties = dbus_open_array(&writer, 8);
	put_description(&writer, request->description);
	put_property(&writer, "Delegate", "b");
	dbus_put_u32(&writer, true);
	/* Or a scope that failed would stay listed until somebody resets it. */
	put_property(&writer, "CollectMode", "s");
	dbus_put_string(&writer, "inactive-or-failed");
	put_property(&writer, "PIDs", "au");
	pids = dbus_open_array(&writer, sizeof(uint32_t));
	dbus_put_u32(&writer, (uint32_t)request->pid);
	dbus_close_array(&writer, pids);
	dbus_close_array(&writer, properties);
	dbus_close_array(&writer, dbus_open_array(&writer, 8));
	dbus_close(&writer);
}

void scope_wire_ask(struct scope_wire *wire, const struct scope_request *request)
{
	(void)snprintf(wire->unit, sizeof(wire->unit), "%s", request->unit); /* ours, and short */
	dbus_put_login(&wire->out, request->uid);
	if (request->is_bus) {
		cleanup_free char *match = mem_printf("type='signal',sender='" SYSTEMD "',path='" SYSTEMD_PATH "',interface='" MANAGER "',member='JobRemoved',arg2='%s'", wire->unit);

		say_to_bus(wire, "Hello", NULL);
		say_to_bus(wire, "AddMatch", match);
	}
	say_start(wire, request);
}

/* --- what we hear ------------------------------------------------------------------------------------------------------------------------- */

static int broken(struct error *err, const char *why)
{
	(void)scope_error(err, EPROTO);
	return error_cause(err, "its answer is not D-Bus: %s", why);
}

static int errno_of(const char *name)
{
	static const struct {
		const char *name;
		int errnum;
	} known[] = {
	    {BUS ".Error.AccessDenied", EACCES},
	    {BUS ".Error.AuthFailed", EACCES},
	    {BUS ".Error.InteractiveAuthorizationRequired", EACCES},
	    {BUS ".Error.LimitsExceeded", EAGAIN},
	    {BUS ".Error.NoMemory", ENOMEM},
	    {BUS ".Error.NameHasNoOwner", ENOENT},
	    {BUS ".Error.ServiceUnknown", ENOENT},
	    {BUS ".Error.NoReply", ETIMEDOUT},
	    {BUS ".Error.UnixProcessIdUnknown", ESRCH},
	    {SYSTEMD ".UnitExists", EEXIST},
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcmp(name, known[i].name) == 0)
			return known[i].errnum;
	}
	return EIO;
}

/* Without a text the name has to do. */
static int refused(const struct dbus_message *message, struct error *err)
{
	struct dbus_reader body = message->body;
	const char *text = "", *name = message->error_name ? message->error_name : "an error without a name";

	if (message->signature[0] == 's' && dbus_get_string(&body, &text) < 0)
		return broken(err, "an error's text");
	(void)scope_error(err, errno_of(name));
	return error_cause(err, "%s%s%s%s", text, *text ? " (" : "", name, *text ? ")" : "");
}

static int take_reply(struct scope_wire *wire, const struct dbus_message *message, struct error *err)
{
	struct dbus_reader body = message->body;
	const char *job;

	if (strcmp(message->signature, "o") != 0 || dbus_get_string(&body, &job) < 0 || strlen(job) >= sizeof(wire->job))
		return broken(err, "no job in the reply");
	(void)snprintf(wire->job, sizeof(wire->job), "%s", job); /* it fits */
	wire->has_reply = true;
	return 0;
}

/* JobRemoved(u id, o job, s unit, s result) */
static int take_signal(struct scope_wire *wire, const struct dbus_message *message, struct error *err)
{
	struct dbus_reader body = message->body;
	const char *job, *unit, *result;
	uint32_t id;

	if (!message->interface || strcmp(message->interface, MANAGER) != 0 || !message->member || strcmp(message->member, "JobRemoved") != 0)
		return 0;
	if (strcmp(message->signature, "uoss") != 0 || dbus_get_u32(&body, &id) < 0 || dbus_get_string(&body, &job) < 0 || dbus_get_string(&body, &unit) < 0 || dbus_get_string(&body, &result) < 0)
		return broken(err, "JobRemoved");
	if (strcmp(unit, wire->unit) != 0 || strlen(job) >= sizeof(wire->removed))
		return 0; /* another launcher's: the private socket tells everybody everything */
	(void)snprintf(wire->removed, sizeof(wire->removed), "%s", job);   /* it fits */
	(void)snprintf(wire->result, sizeof(wire->result), "%s", result); /* cut, it is no "done" either */
	return 0;
}

static int take_message(struct scope_wire *wire, const struct dbus_message *message, struct error *err)
{
	if (message->type == DBUS_SIGNAL)
		return take_signal(wire, message, err);
	if (message->reply_serial == 0 || message->reply_serial > wire->serial)
		return 0; /* not an answer to us */
	if (message->type == DBUS_ERROR)
		return refused(message, err);
	if (message->type == DBUS_METHOD_RETURN && message->reply_serial == wire->serial)
		return take_reply(wire, message, err);
	return 0;
}

/* The size of what was taken from the head of the input, 0: more is needed. */
static ssize_t take_one(struct scope_wire *wire, const char *at, size_t left, struct error *err)
{
	struct dbus_message message;
	ssize_t size;
	int r;

	if (!wire->is_logged_in) {
		size = dbus_read_login(at, left);
		if (size == -EACCES) {
			(void)scope_error(err, EACCES);
			return error_cause(err, "it does not let us log in");
		}
		if (size < 0)
			return broken(err, "the login");
		wire->is_logged_in = size > 0;
		return size;
	}
	size = dbus_message_size(at, left);
	if (size < 0)
		return broken(err, size == -EMSGSIZE ? "a message too long" : "the head of a message");
	if (size == 0 || (size_t)size > left)
		return 0;
	if (dbus_parse(at, (size_t)size, &message) < 0)
		return broken(err, "a message");
	r = take_message(wire, &message, err);
	return r < 0 ? r : size;
}

/* 1: there; 0: not yet. */
static int judge(const struct scope_wire *wire, struct error *err)
{
	if (!wire->has_reply || strcmp(wire->job, wire->removed) != 0)
		return 0;
	if (strcmp(wire->result, "done") == 0)
		return 1;
	(void)scope_error(err, EIO);
	return error_cause(err, "its job for %s ended with '%s'", wire->unit, wire->result);
}

int scope_wire_take(struct scope_wire *wire, const void *data, size_t size, struct error *err)
{
	size_t taken = 0;
	ssize_t n;

	buf_add(&wire->in, data, size);
	do {
		n = take_one(wire, wire->in.text + taken, wire->in.size - taken, err);
		if (n < 0)
			return (int)n;
		taken += (size_t)n;
	} while (n > 0);
	wire->in.size -= taken;
	memmove(wire->in.text, wire->in.text + taken, wire->in.size);
	return judge(wire, err);
}

void scope_wire_free(struct scope_wire *wire)
{
	if (!wire)
		return;
	buf_done(&wire->out);
	buf_done(&wire->in);
	free(wire);
}
