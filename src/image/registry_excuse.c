#include "image/registry_excuse.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "image/document.h"
#include "image/http.h"
#include "util/mem.h"

/* The length of the UTF-8 character at `text` (RFC 3629), 0 where there is none. C1 controls count as none: some terminals obey them. */
static size_t character(const unsigned char *text, size_t left)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t least;
	} forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0xa0}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
	uint32_t value;

	for (size_t n = 0; n < ARRAY_SIZE(forms) && n < left; n++) {
		if ((text[0] & forms[n].mask) != forms[n].lead)
			continue;
		value = (uint32_t)(text[0] & (unsigned char)~forms[n].mask);
		for (size_t i = 1; i <= n; i++) {
			if ((text[i] & 0xc0) != 0x80)
				return 0;
			value = value << 6 | (text[i] & 0x3fU);
		}
		if (value < forms[n].least || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
			return 0;
		return value == 0x7f || value < 0x20 ? 0 : n + 1;
	}
	return 0;
}

void registry_excuse_clean(const char *text, size_t length, char *ret, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < length;) {
		size_t n = character((const unsigned char *)text + i, length - i);

		if (n == 0 || (n == 1 && text[i] == ' ')) {
			/* One blank for a run of whatever is not to be shown. */
			if (used && ret[used - 1] != ' ' && used + 1 < size)
				ret[used++] = ' ';
			i++;
			continue;
		}
		if (used + n >= size)
			break;
		memcpy(ret + used, text + i, n);
		used += n;
		i += n;
	}
	while (used && ret[used - 1] == ' ')
		used--;
	ret[used] = 0;
}

static void take(struct arena *arena, const struct document_value *object, const char *key, char *ret, size_t size)
{
	struct document_value value = document_field(object, key);
	const char *text = NULL;

	if (!ret[0] && document_is_text(&value) && document_text(arena, &value, &text, NULL) == 0)
		registry_excuse_clean(text, strlen(text), ret, size);
}

static void read_object(const struct document_value *root, struct registry_excuse *ret)
{
	static const char *const messages[] = {"message", "details", "error_description", "detail", "error"};
	struct document_value errors = document_field(root, "errors"), first = document_item(&errors, 0);
	struct arena arena = {0};

	take(&arena, &first, "code", ret->code, sizeof(ret->code));
	take(&arena, &first, "message", ret->message, sizeof(ret->message));
	take(&arena, &first, "detail", ret->message, sizeof(ret->message));
	for (size_t i = 0; i < ARRAY_SIZE(messages); i++)
		take(&arena, root, messages[i], ret->message, sizeof(ret->message));
	take(&arena, root, "code", ret->code, sizeof(ret->code));
	arena_done(&arena);
}

static void read_text(const char *body, size_t size, struct registry_excuse *ret)
{
	const char *end = memchr(body, '\n', size);

	registry_excuse_clean(body, end ? (size_t)(end - body) : size, ret->message, sizeof(ret->message));
}

void registry_excuse_parse(const char *media_type, const char *body, size_t size, struct registry_excuse *ret)
{
	cleanup_document struct document document = {0};
	struct document_value root;

	*ret = (struct registry_excuse){0};
	/* What goes over the bounds says nothing, like what is no JSON: the refusal itself is told anyway. */
	if (size && document_parse("the answer", body, size, HTTP_EXCUSE_MAX, &document, NULL) == 0) {
		root = document_root(&document);
		read_object(&root, ret);
	} else if (size && media_type && !strncasecmp(media_type, "text/plain", 10)) {
		read_text(body, size, ret);
	}
}
