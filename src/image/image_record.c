/* The record of an image: written and read by one table of keys. The launcher links this file: no JSON, no hashes. */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "image/image.h"
#include "image/image_check.h"
#include "image/platform.h"
#include "util/path.h"
#include "util/units.h"

#define FIRST_LINE "carrel-image 1"

/* --- one value of each kind --- */

struct reader {
	struct arena *arena;
	struct image *image;
};

/* `field` points into an image. Taking changes the text in place and keeps it. */
typedef bool take_value(struct reader *reader, void *field, char *text);
typedef void put_value(const void *field, const char *key, struct buf *out);

static void put_line(struct buf *out, const char *key, const char *value)
{
	buf_printf(out, "%s ", key);
	for (;;) {
		size_t plain = 0;

		while ((unsigned char)value[plain] >= 0x20 && value[plain] != 0x7f && value[plain] != '\\')
			plain++;
		buf_add(out, value, plain);
		value += plain;
		if (!*value)
			break;
		buf_printf(out, "\\x%02x", (unsigned char)*value++);
	}
	buf_puts(out, "\n");
}

static void put_text(const void *field, const char *key, struct buf *out)
{
	const char *text = *(const char *const *)field;

	if (text)
		put_line(out, key, text);
}

static bool take_text(struct reader *reader, void *field, char *text)
{
	(void)reader;
	*(const char **)field = text;
	return *text;
}

static bool take_time(struct reader *reader, void *field, char *text)
{
	return image_time_is_valid(text) && take_text(reader, field, text);
}

static bool take_word(struct reader *reader, void *field, char *text)
{
	return platform_word_is_valid(text) && take_text(reader, field, text);
}

static bool take_signal(struct reader *reader, void *field, char *text)
{
	return image_signal_is_valid(text) && take_text(reader, field, text);
}

static bool take_path(struct reader *reader, void *field, char *text)
{
	return *text == '/' && take_text(reader, field, path_clean(reader->arena, text));
}

static void put_digest(const void *field, const char *key, struct buf *out)
{
	const struct digest *digest = field;

	if (digest_is_set(digest))
		put_line(out, key, digest->text);
}

static bool take_digest(struct reader *reader, void *field, char *text)
{
	(void)reader;
	return digest_parse(text, field, NULL) == 0;
}

static void put_size(const void *field, const char *key, struct buf *out)
{
	buf_printf(out, "%s %" PRIu64 "\n", key, *(const uint64_t *)field);
}

static bool take_size(struct reader *reader, void *field, char *text)
{
	int64_t number;

	(void)reader;
	if (units_parse_number(text, 0, INT64_MAX, &number) < 0)
		return false;
	*(uint64_t *)field = (uint64_t)number;
	return true;
}

static void put_texts(const void *field, const char *key, struct buf *out)
{
	const struct image_texts *texts = field;

	for (size_t i = 0; i < texts->count; i++)
		put_line(out, key, texts->items[i]);
}

static bool take_item(struct reader *reader, void *field, char *text)
{
	struct image_texts *texts = field;

	texts->items = arena_grow(reader->arena, texts->items, texts->count, sizeof(*texts->items));
	texts->items[texts->count++] = text;
	return true;
}

static bool take_variable(struct reader *reader, void *field, char *text)
{
	return image_variable_is_valid(text) && take_item(reader, field, text);
}

static bool take_volume(struct reader *reader, void *field, char *text)
{
	return *text == '/' && take_item(reader, field, path_clean(reader->arena, text));
}

static bool take_name(struct reader *reader, void *field, char *text)
{
	return *text && take_item(reader, field, text);
}

/* Lists of digests: a pointer, and a count in a field of its own. Their functions are told the whole image. */
static void put_digests(const struct digest *digests, size_t count, const char *key, struct buf *out)
{
	for (size_t i = 0; i < count; i++)
		put_line(out, key, digests[i].text);
}

static void put_layers(const void *image, const char *key, struct buf *out)
{
	put_digests(((const struct image *)image)->layers, ((const struct image *)image)->layer_count, key, out);
}

static void put_blobs(const void *image, const char *key, struct buf *out)
{
	put_digests(((const struct image *)image)->blobs, ((const struct image *)image)->blob_count, key, out);
}

static bool add_digest(struct reader *reader, struct digest **digests, size_t *count, char *text)
{
	if (*count == MANIFEST_LAYERS_MAX)
		return false;
	*digests = arena_grow(reader->arena, *digests, *count, sizeof(**digests));
	return take_digest(reader, &(*digests)[(*count)++], text);
}

static bool take_layer(struct reader *reader, void *image, char *text)
{
	(void)image;
	return add_digest(reader, &reader->image->layers, &reader->image->layer_count, text);
}

static bool take_blob(struct reader *reader, void *image, char *text)
{
	(void)image;
	return add_digest(reader, &reader->image->blobs, &reader->image->blob_count, text);
}

/* --- all keys, in the order in which they are written --- */

#define FIELD(field) offsetof(struct image, field)

static const struct key {
	const char *name;
	size_t offset;
	put_value *put;
	take_value *take;
	bool repeated;
} keys[] = {
	{"manifest", FIELD(manifest), put_digest, take_digest, false},
	{"config", FIELD(config), put_digest, take_digest, false},
	{"media-type", FIELD(media_type), put_text, take_text, false},
	{"size", FIELD(size), put_size, take_size, false},
	{"created", FIELD(created), put_text, take_time, false},
	{"os", FIELD(platform.os), put_text, take_word, false},
	{"architecture", FIELD(platform.architecture), put_text, take_word, false},
	{"variant", FIELD(platform.variant), put_text, take_word, false},
	{"layer", 0, put_layers, take_layer, true},
	{"blob", 0, put_blobs, take_blob, true},
	{"entrypoint", FIELD(entrypoint), put_texts, take_item, true},
	{"command", FIELD(command), put_texts, take_item, true},
	{"environment", FIELD(environment), put_texts, take_variable, true},
	{"volume", FIELD(volumes), put_texts, take_volume, true},
	{"port", FIELD(ports), put_texts, take_name, true},
	{"label", FIELD(labels), put_texts, take_item, true},
	{"user", FIELD(user), put_text, take_text, false},
	{"workdir", FIELD(workdir), put_text, take_path, false},
	{"stop-signal", FIELD(stop_signal), put_text, take_signal, false},
};

void image_record_format(const struct image *image, struct buf *out)
{
	buf_puts(out, FIRST_LINE "\n");
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		keys[i].put((const char *)image + keys[i].offset, keys[i].name, out);
	buf_puts(out, "end\n");
}

/* --- reading --- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place. What put_line would have escaped must not stand there as it is, and no zero byte can hide behind an escape. */
static bool unescape(char *text)
{
	char *to = text;

	for (const char *c = text; *c; c++) {
		int high, low;

		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return false;
		if (*c != '\\') {
			*to++ = *c;
			continue;
		}
		high = c[1] == 'x' ? hex_digit(c[2]) : -1;
		low = high < 0 ? -1 : hex_digit(c[3]);
		if (low < 0 || high + low == 0)
			return false;
		*to++ = (char)(high * 16 + low);
		c += 3;
	}
	*to = 0;
	return true;
}

static int fail_line(struct error *err, size_t number, const char *cause, const char *line)
{
	(void)error_cause(err, "line %zu %s: '%.100s'", number, cause, line);
	return -EINVAL;
}

static int take_line(struct reader *reader, char *line, size_t number, unsigned *seen, struct error *err)
{
	size_t len = strcspn(line, " ");
	char *value = line + len;

	if (!*value)
		return fail_line(err, number, "has no value", line);
	*value++ = 0;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(keys[i].name, line) != 0)
			continue;
		if (*seen & 1U << i && !keys[i].repeated)
			return fail_line(err, number, "says again what may be said once", line);
		*seen |= 1U << i;
		if (!unescape(value) || !keys[i].take(reader, (char *)reader->image + keys[i].offset, value))
			return fail_line(err, number, "has a value that is not valid", line);
		return 0;
	}
	return 0; /* of a later version */
}

int image_record_parse(struct arena *arena, const char *text, size_t size, struct image *ret, struct error *err)
{
	struct image image = {0};
	struct reader reader = {.arena = arena, .image = &image};
	struct error mine;
	unsigned seen = 0;
	char *rest, *line;

	if (!err)
		err = &mine;
	(void)error_set(err, EINVAL, "the image's record is not valid");
	if (size > IMAGE_RECORD_MAX)
		return error_cause(err, "it has %zu bytes, and %d are the most", size, IMAGE_RECORD_MAX);
	if (!size || memchr(text, 0, size) || text[size - 1] != '\n')
		return error_cause(err, size ? "it is no text that ends with a line" : "it is empty");
	rest = arena_strndup(arena, text, size - 1);
	line = strsep(&rest, "\n");
	if (strcmp(line, FIRST_LINE) != 0)
		return error_cause(err, "it does not begin with '" FIRST_LINE "'");
	for (size_t number = 2;; number++) {
		line = strsep(&rest, "\n");
		if (!line)
			return error_cause(err, "it is cut off: its last line is not 'end'");
		if (!strcmp(line, "end"))
			break;
		if (take_line(&reader, line, number, &seen, err) < 0)
			return -EINVAL;
	}
	if (rest)
		return error_cause(err, "it goes on behind its end");
	if (image.blob_count && image.blob_count != image.layer_count)
		return error_cause(err, "it names %zu layers and %zu blobs for them", image.layer_count, image.blob_count);
	*err = (struct error){0};
	*ret = image;
	return 0;
}
