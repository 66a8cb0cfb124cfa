#include "isolate/dbus.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "unit/isolate/dbus_peer.h"
#include "util/mem.h"

TestSuite(dbus);

Test(dbus, writes_a_call)
{
	/* Byte for byte as the specification has it, with no bytes before it and with some: alignment counts from the message. */
	static const char wanted[] = "l\1\2\1" "\x14\0\0\0" "\5\0\0\0" "\x27\0\0\0"
	                             "\1\1o\0" "\2\0\0\0" "/p\0" "\0\0\0\0\0"
	                             "\3\1s\0" "\1\0\0\0" "M\0" "\0\0\0\0\0\0"
	                             "\x8\1g\0" "\1s\0" "\0"  /* "s" and the padding of the header */
	                             "\3\0\0\0" "abc\0" "\4\0\0\0" "\7\0\0\0" "\0\0\0\0";
	const struct dbus_call call = {.serial = 5, .path = "/p", .member = "M", .signature = "s", .no_auto_start = true};

	for (size_t before = 0; before < 3; before++) {
		struct buf out = {0};
		struct dbus_writer writer;
		struct dbus_array array;

		buf_add(&out, "xxx", before);
		dbus_open(&writer, &out, &call);
		dbus_put_string(&writer, "abc");
		array = dbus_open_array(&writer, 4);
		dbus_put_u32(&writer, 7);
		dbus_close_array(&writer, array);
		dbus_put_u32(&writer, 0);
		dbus_close(&writer);
		cr_expect_eq(out.size - before, sizeof(wanted) - 1, "%zu before: %zu bytes", before, out.size - before);
		for (size_t i = 0; i < sizeof(wanted) - 1 && before + i < out.size; i++)
			cr_expect_eq(out.text[before + i], wanted[i], "%zu before: byte %zu is %#x, not %#x", before, i, out.text[before + i], wanted[i]);
		buf_done(&out);
	}
}

Test(dbus, an_array_is_as_long_as_its_elements)
{
	struct buf out = {0};
	struct dbus_writer writer = {.out = &out};
	struct dbus_array array = dbus_open_array(&writer, 8);

	cr_expect_eq(out.size, 8, "padded to the first element");
	dbus_close_array(&writer, array);
	cr_expect_eq(memcmp(out.text, "\0\0\0\0\0\0\0\0", 8), 0, "empty: the padding does not count");
	buf_done(&out);
}

Test(dbus, login)
{
	static const char wanted[] = "\0AUTH EXTERNAL 31353030\r\nBEGIN\r\n";
	struct buf out = {0};

	dbus_put_login(&out, 1500);
	cr_expect_eq(out.size, sizeof(wanted) - 1);
	cr_expect_eq(memcmp(out.text, wanted, sizeof(wanted) - 1), 0);
	buf_done(&out);
}

Test(dbus, login_answers)
{
	static const struct {
		const char *name, *text;
		ssize_t wanted;
	} cases[] = {
	    {"accepted", "OK 0123\r\n", 9},
	    {"accepted, with more behind", "OK 0123\r\nlxyz", 9},
	    {"nothing yet", "", 0},
	    {"not all yet", "OK 0123\r", 0},
	    {"refused", "REJECTED EXTERNAL\r\n", -EACCES},
	    {"refused, no other way", "REJECTED\r\n", -EACCES},
	    {"error", "ERROR what\r\n", -EPROTO},
	    {"more is asked", "DATA\r\n", -EPROTO},
	    {"no carriage return", "OK 0123\n", -EPROTO},
	    {"only a line's end", "\n", -EPROTO},
	    {"no word", "OKAY\r\n", -EPROTO},
	    {"another protocol", "HTTP/1.1 400 Bad Request\r\n", -EPROTO},
	};
	char endless[DBUS_LINE_MAX + 8];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ssize_t got = dbus_read_login(cases[i].text, strlen(cases[i].text));

		cr_expect_eq(got, cases[i].wanted, "%s: %zd", cases[i].name, got);
	}
	memset(endless, 'O', sizeof(endless));
	cr_expect_eq(dbus_read_login(endless, sizeof(endless)), -EPROTO, "a line without an end");
}

#define BIG_HEAD "B\4\0\1" "\0\0\0\4" "\0\0\0\7" "\0\0\0\x7"
#define BIG "\x8\1g\0" "\1u\0" "\0" "\0\0\1\2"

Test(dbus, obeys_the_peers_endianness)
{
	static const char big[] = BIG_HEAD BIG;
	struct dbus_message message;
	uint32_t value = 0;

	cr_assert_eq(dbus_message_size(big, sizeof(big) - 1), (ssize_t)sizeof(big) - 1);
	cr_assert_eq(dbus_parse(big, sizeof(big) - 1, &message), 0);
	cr_expect_eq(message.type, DBUS_SIGNAL);
	cr_expect_eq(message.serial, 7);
	cr_expect_str_eq(message.signature, "u");
	cr_expect_eq(dbus_get_u32(&message.body, &value), 0);
	cr_expect_eq(value, 0x102);
	cr_expect_eq(dbus_get_u32(&message.body, &value), -EPROTO, "past the end");
}

Test(dbus, parses_fields)
{
	const struct dbus_answer answer = {.type = DBUS_ERROR, .reply_serial = 3, .path = "/p", .interface = "i.f", .member = "M", .error_name = "e.n", .signature = "ss", .extra_field = 99};
	struct buf out = {0};
	struct dbus_writer writer;
	struct dbus_message message;
	const char *text = NULL;

	dbus_peer_open(&writer, &out, &answer);
	dbus_put_string(&writer, "first");
	dbus_put_string(&writer, "");
	dbus_close(&writer);
	cr_assert_eq(dbus_message_size(out.text, DBUS_HEADER_SIZE), (ssize_t)out.size, "known from the fixed part");
	cr_assert_eq(dbus_parse(out.text, out.size, &message), 0);
	cr_expect_eq(message.type, DBUS_ERROR);
	cr_expect_eq(message.reply_serial, 3);
	cr_expect_str_eq(message.path, "/p");
	cr_expect_str_eq(message.interface, "i.f");
	cr_expect_str_eq(message.member, "M");
	cr_expect_str_eq(message.error_name, "e.n");
	cr_expect_null(message.sender);
	cr_expect(dbus_get_string(&message.body, &text) == 0 && strcmp(text, "first") == 0);
	cr_expect(dbus_get_string(&message.body, &text) == 0 && strcmp(text, "") == 0);
	cr_expect_eq(dbus_get_string(&message.body, &text), -EPROTO, "past the end");
	/* No piece of it is taken for the whole. */
	for (size_t size = 0; size < out.size; size++)
		cr_expect_eq(dbus_parse(out.text, size, &message), -EPROTO, "%zu bytes of it", size);
	buf_done(&out);
}

Test(dbus, refuses)
{
#define ROW(name, text, size_wanted) {name, text, sizeof(text) - 1, size_wanted}
	static const struct {
		const char *name, *data;
		size_t size;
		ssize_t measured; /* what dbus_message_size says; dbus_parse says -EPROTO to all */
	} cases[] = {
	    ROW("no byte order", "x\4\0\1" "\0\0\0\0" "\1\0\0\0" "\0\0\0\0", -EPROTO),
	    ROW("type 0", "l\0\0\1" "\0\0\0\0" "\1\0\0\0" "\0\0\0\0", -EPROTO),
	    ROW("version 2", "l\4\0\2" "\0\0\0\0" "\1\0\0\0" "\0\0\0\0", -EPROTO),
	    ROW("serial 0", "l\4\0\1" "\0\0\0\0" "\0\0\0\0" "\0\0\0\0", -EPROTO),
	    ROW("body of 4 GB", "l\4\0\1" "\xff\xff\xff\xff" "\1\0\0\0" "\0\0\0\0", -EMSGSIZE),
	    ROW("fields of 4 GB", "l\4\0\1" "\0\0\0\0" "\1\0\0\0" "\xff\xff\xff\xff", -EMSGSIZE),
	    ROW("both just below the limit", "l\4\0\1" "\xf0\xff\0\0" "\1\0\0\0" "\xf0\xff\0\0", -EMSGSIZE),
	    ROW("a field of half a head", "l\4\0\1" "\0\0\0\0" "\1\0\0\0" "\2\0\0\0" "\1\1\0\0\0\0\0\0", 24),
	    ROW("a string longer than the fields", "l\4\0\1" "\0\0\0\0" "\1\0\0\0" "\x10\0\0\0" "\3\1s\0" "\x40\0\0\0" "abcdefg\0", 32),
	    ROW("a string without its zero", "l\4\0\1" "\0\0\0\0" "\1\0\0\0" "\x10\0\0\0" "\3\1s\0" "\7\0\0\0" "abcdefgh", 32),
	    ROW("a zero within a string", "l\4\0\1" "\0\0\0\0" "\1\0\0\0" "\x10\0\0\0" "\3\1s\0" "\7\0\0\0" "abc\0efg\0", 32),
	    ROW("a string of 4 GB", "l\4\0\1" "\0\0\0\0" "\1\0\0\0" "\x10\0\0\0" "\3\1s\0" "\xff\xff\xff\xff" "abcdefg\0", 32),
	    ROW("a member that is a number", "l\4\0\1" "\0\0\0\0" "\1\0\0\0" "\x8\0\0\0" "\3\1u\0" "\1\0\0\0", 24),
	    ROW("a field that is an array", "l\4\0\1" "\0\0\0\0" "\1\0\0\0" "\x8\0\0\0" "\x63\2au" "\0\0\0\0", 24),
	    ROW("padding that is no zero", "l\4\0\1" "\0\0\0\0" "\1\0\0\0" "\x7\0\0\0" "\x8\1g\0" "\1u\0" "x", 24),
	    ROW("more behind it", "l\4\0\1" "\0\0\0\0" "\1\0\0\0" "\0\0\0\0" "\0\0\0\0\0\0\0\0", 16),
	    ROW("half of the fixed part", "l\4\0\1" "\0\0\0\0", 0),
	};
#undef ROW

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct dbus_message message = {.serial = 4711};
		ssize_t size = dbus_message_size(cases[i].data, cases[i].size);

		cr_expect_eq(size, cases[i].measured, "%s: measured %zd", cases[i].name, size);
		cr_expect_eq(dbus_parse(cases[i].data, cases[i].size, &message), -EPROTO, "%s: parsed", cases[i].name);
		cr_expect_eq(message.serial, 4711, "%s: the output was touched", cases[i].name);
	}
}
