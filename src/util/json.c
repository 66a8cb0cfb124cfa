#include "util/json.h"

#include <inttypes.h>
#include <string.h>

/* The length of the well-formed UTF-8 sequence at `text` (RFC 3629: no overlong forms, no surrogates, nothing
 * above U+10FFFF), or 0. The zero byte at the end ends any sequence too early. */
static size_t utf8_length(const unsigned char *text)
{
	unsigned char low = 0x80, high = 0xBF;
	size_t length, i;

	if (text[0] < 0x80)
		return 1;
	if (text[0] < 0xC2 || text[0] > 0xF4)
		return 0;
	length = text[0] < 0xE0 ? 2 : text[0] < 0xF0 ? 3 : 4;
	if (text[0] == 0xE0)
		low = 0xA0;
	else if (text[0] == 0xED)
		high = 0x9F;
	else if (text[0] == 0xF0)
		low = 0x90;
	else if (text[0] == 0xF4)
		high = 0x8F;
	for (i = 1; i < length; i++, low = 0x80, high = 0xBF)
		if (text[i] < low || text[i] > high)
			return 0;
	return length;
}

static void put_escaped(struct buf *out, unsigned char byte)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *at = memchr(from, byte, sizeof(from) - 1);

	if (at)
		buf_printf(out, "\\%c", to[at - from]);
	else
		buf_printf(out, "\\u%04x", byte);
}

/* C1 controls (U+0080 to U+009F), which some terminals obey. */
static bool is_c1(const unsigned char *text)
{
	return text[0] == 0xC2 && text[1] < 0xA0;
}

static void put_string(struct buf *out, const char *value)
{
	const unsigned char *text = (const unsigned char *)value;

	buf_puts(out, "\"");
	while (*text) {
		const unsigned char *plain = text;
		size_t length;

		while ((length = utf8_length(text)) && *text >= 0x20 && *text != '"' && *text != '\\' && *text != 0x7F && !is_c1(text))
			text += length;
		buf_add(out, plain, (size_t)(text - plain));
		if (!*text)
			break;
		if (!length)
			buf_puts(out, "\xEF\xBF\xBD"); /* U+FFFD, one for each byte */
		else
			put_escaped(out, is_c1(text) ? *++text : *text);
		text++;
	}
	buf_puts(out, "\"");
}

static void new_line(struct json *json)
{
	if (json->compact)
		return;
	buf_puts(json->out, "\n");
	for (unsigned i = 0; i < json->depth; i++)
		buf_puts(json->out, "  ");
}

/* What stands before each value: comma, line, key. */
static void begin_value(struct json *json, const char *key)
{
	if (json->has_items)
		buf_puts(json->out, ",");
	if (json->depth)
		new_line(json);
	if (key) {
		put_string(json->out, key);
		buf_puts(json->out, json->compact ? ":" : ": ");
	}
	json->has_items = true;
}

static void open_container(struct json *json, const char *key, const char *bracket)
{
	begin_value(json, key);
	buf_puts(json->out, bracket);
	json->depth++;
	json->has_items = false;
}

static void close_container(struct json *json, const char *bracket)
{
	bool empty = !json->has_items;

	json->depth--;
	if (!empty)
		new_line(json);
	buf_puts(json->out, bracket);
	json->has_items = json->depth > 0; /* documents follow each other without a comma */
	if (!json->depth && !json->compact)
		buf_puts(json->out, "\n");
}

void json_open_object(struct json *json, const char *key)
{
	open_container(json, key, "{");
}

void json_open_array(struct json *json, const char *key)
{
	open_container(json, key, "[");
}

void json_close_object(struct json *json)
{
	close_container(json, "}");
}

void json_close_array(struct json *json)
{
	close_container(json, "]");
}

void json_string(struct json *json, const char *key, const char *value)
{
	begin_value(json, key);
	if (value)
		put_string(json->out, value);
	else
		buf_puts(json->out, "null");
}

void json_number(struct json *json, const char *key, int64_t value)
{
	begin_value(json, key);
	buf_printf(json->out, "%" PRId64, value);
}

void json_bool(struct json *json, const char *key, bool value)
{
	begin_value(json, key);
	buf_puts(json->out, value ? "true" : "false");
}
