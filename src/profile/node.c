#include "profile/node.h"

#include <string.h>
#include <strings.h>

const struct node *node_get(const struct node *map, const char *key)
{
	if (!map || map->kind != NODE_MAP)
		return NULL;
	for (const struct node *child = map->first; child; child = child->next)
		if (strcmp(child->key, key) == 0)
			return child;
	return NULL;
}

bool node_is_nothing(const struct node *node, bool tilde)
{
	if (node->kind != NODE_TEXT || !node->plain)
		return false;
	return !*node->text || strcasecmp(node->text, "null") == 0 || (tilde && strcmp(node->text, "~") == 0);
}

const char *node_describe(const struct node *node)
{
	static const char *const kinds[] = {[NODE_TEXT] = "a text", [NODE_LIST] = "a list", [NODE_MAP] = "a map"};

	return node_is_nothing(node, true) ? "nothing" : kinds[node->kind];
}

static bool is_plain_safe(const char *text)
{
	static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./~$";
	/* Texts to us, by the schema, and something else to other readers of YAML. */
	static const char *const words[] = {"null", "~", "true", "false", "yes", "no", "on", "off", "y", "n", NULL};

	if (!*text || !strchr(first, *text) || strchr("0123456789.", *text))
		return false;
	for (int i = 0; words[i]; i++)
		if (strcasecmp(text, words[i]) == 0)
			return false;
	/* `<<` and the colon, comma, brace and hash family are outside this set. */
	for (const char *c = text; *c; c++)
		if (!strchr(first, *c) && !strchr("+-@=%", *c))
			return false;
	return true;
}

/* The length of the UTF-8 sequence at `s` that may stand in a quoted scalar as it is; 0: escape this byte. YAML takes
 * U+0085, U+2028 and U+2029 for line breaks, so they are escaped too. */
static size_t printable_sequence(const unsigned char *s)
{
	size_t len;

	if (*s >= 0x20 && *s < 0x7f)
		return *s != '"' && *s != '\\';
	if (*s >= 0xc3 && *s <= 0xdf)
		len = 2;
	else if (*s >= 0xe1 && *s <= 0xec)
		len = 3;
	else
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return len == 3 && s[0] == 0xe2 && s[1] == 0x80 && s[2] >= 0xa8 ? 0 : len;
}

/* Decode one sequence for a \U escape; an invalid byte stands for itself (Latin-1), as no better reading exists. */
static size_t decode(const unsigned char *s, unsigned *ret)
{
	size_t len = *s >= 0xf0 ? 4 : *s >= 0xe0 ? 3 : *s >= 0xc2 ? 2 : 1;
	unsigned code = len == 1 ? *s : *s & (0x7fU >> len);

	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80) {
			*ret = *s;
			return 1;
		}
		code = code << 6 | (s[i] & 0x3fU);
	}
	*ret = code;
	return len;
}

void node_put_text(struct buf *out, const char *text)
{
	if (is_plain_safe(text)) {
		buf_puts(out, text);
		return;
	}
	buf_puts(out, "\"");
	for (const unsigned char *s = (const unsigned char *)text; *s;) {
		size_t len = printable_sequence(s);
		unsigned code;

		if (len) {
			buf_add(out, s, len);
			s += len;
			continue;
		}
		s += decode(s, &code);
		if (code == '"' || code == '\\')
			buf_printf(out, "\\%c", (char)code);
		else if (code == '\n')
			buf_puts(out, "\\n");
		else if (code == '\t')
			buf_puts(out, "\\t");
		else
			buf_printf(out, "\\U%08X", code);
	}
	buf_puts(out, "\"");
}
