#include "profile/print.h"

#include <stdio.h>
#include <string.h>

#include "profile/node.h"
#include "profile/number.h"
#include "profile/schema.h"

struct printing {
	struct buf *out;
	bool origins;
};

enum { ORIGIN_COLUMN = 56 };

static void end_line(const struct printing *p, size_t start, const struct origin *at)
{
	if (p->origins && at) {
		size_t width = p->out->size - start;

		buf_printf(p->out, "%*s# ", width < ORIGIN_COLUMN ? (int)(ORIGIN_COLUMN - width) : 1, "");
		if (!at->file)
			buf_puts(p->out, "default");
		else if (at->line)
			buf_printf(p->out, "%s:%u", at->file, at->line);
		else
			buf_puts(p->out, at->file);
	}
	buf_puts(p->out, "\n");
}

/* The value of a single key. NULL: it has none. The origin is the member's own. */
static const struct origin *put_scalar(const struct schema_key *key, const void *object, struct buf *out)
{
	const void *member = (const char *)object + key->offset;
	char number[NUMBER_TEXT];

	if (key->type == SCHEMA_TEXT) {
		const struct text_value *text = member;

		if (text->v)
			node_put_text(out, text->v);
		return text->v ? &text->at : NULL;
	}
	if (key->type == SCHEMA_BOOL) {
		const struct bool_value *flag = member;

		buf_puts(out, flag->v ? "true" : "false");
		return &flag->at;
	}
	if (key->type == SCHEMA_CHOICE || key->type == SCHEMA_ROOT) {
		const struct choice_value *choice = member;
		const struct text_value *argument = (const void *)((const char *)object + key->extra);

		if (key->type == SCHEMA_ROOT && argument->v) {
			struct buf text = {0};

			buf_printf(&text, "%s:%s", key->words[choice->v], argument->v);
			node_put_text(out, text.text);
			buf_done(&text);
		} else {
			node_put_text(out, key->words[choice->v]);
		}
		return &choice->at;
	}
	const struct number_value *value = member;
	if (value->v == -1 && !value->at.file && !key->fallback)
		return NULL;
	buf_puts(out, value->v == -1 && key->type != SCHEMA_BITS ? "none" : number_format(key, value->v, number));
	return &value->at;
}

/* Does the document say this field of a record? What has its default is left out. */
static bool is_said(const struct schema_key *field, const void *record)
{
	const char *member = (const char *)record + field->offset;

	switch (field->type) {
	case SCHEMA_TEXT:
		return ((const struct text_value *)(const void *)member)->v;
	case SCHEMA_BOOL:
		return ((const struct bool_value *)(const void *)member)->at.file;
	case SCHEMA_CHOICE:
		return ((const struct choice_value *)(const void *)member)->at.file;
	default:
		return ((const struct number_value *)(const void *)member)->at.file;
	}
}

static void put_list_head(const struct printing *p, const char *indent, const struct schema_key *key, bool is_empty, const struct origin *at)
{
	size_t start = p->out->size;

	buf_printf(p->out, "%s%s:%s", indent, schema_leaf(key), is_empty ? " []" : "");
	end_line(p, start, is_empty ? at : NULL);
}

static void put_texts(const struct printing *p, const char *indent, const struct schema_key *key, const struct text_list *list)
{
	put_list_head(p, indent, key, !list->count, &list->at);
	for (size_t i = 0; i < list->count; i++) {
		size_t start = p->out->size;

		buf_printf(p->out, "%s  - ", indent);
		node_put_text(p->out, list->items[i].v);
		end_line(p, start, &list->items[i].at);
	}
}

static void put_pairs(const struct printing *p, const char *indent, const struct schema_key *key, const struct text_pair *pairs, size_t count)
{
	static const struct origin nowhere = {0};
	size_t head = p->out->size;

	buf_printf(p->out, "%s%s:%s", indent, schema_leaf(key), count ? "" : " {}");
	end_line(p, head, count ? NULL : &nowhere);
	for (size_t i = 0; i < count; i++) {
		size_t start = p->out->size;

		buf_printf(p->out, "%s  ", indent);
		node_put_text(p->out, pairs[i].key.v);
		buf_puts(p->out, ": ");
		node_put_text(p->out, pairs[i].value.v);
		end_line(p, start, &pairs[i].value.at);
	}
}

static void put_records(const struct printing *p, const char *indent, const struct schema_key *key, const char *records, size_t count)
{
	static const struct origin nowhere = {0};

	put_list_head(p, indent, key, !count, &nowhere);
	for (size_t i = 0; i < count; i++, records += key->record_size) {
		size_t start = p->out->size;
		const char *comma = "";

		buf_printf(p->out, "%s  - {", indent);
		for (const struct schema_key *field = key->fields; field->name; field++) {
			if (!is_said(field, records))
				continue;
			buf_printf(p->out, "%s%s: ", comma, field->name);
			(void)put_scalar(field, records, p->out); /* the record's origin stands for all */
			comma = ", ";
		}
		buf_puts(p->out, "}");
		end_line(p, start, (const struct origin *)(const void *)(records + key->record_size - sizeof(struct origin)));
	}
}

static void put_key(const struct printing *p, const struct schema_key *key, const struct profile *profile)
{
	const char *indent = strchr(key->name, '.') ? "  " : "";
	const char *member = (const char *)profile + key->offset, *extra = (const char *)profile + key->extra;
	size_t start = p->out->size;
	struct buf value = {0};

	switch (key->type) {
	case SCHEMA_SECTION:
		buf_printf(p->out, "%s:\n", key->name);
		return;
	case SCHEMA_EXTENDS: /* what is printed stands by itself */
		return;
	case SCHEMA_TEXTS:
		put_texts(p, indent, key, (const void *)member);
		return;
	case SCHEMA_PAIRS:
		put_pairs(p, indent, key, *(const struct text_pair *const *)(const void *)member, *(const size_t *)(const void *)extra);
		return;
	case SCHEMA_RECORDS:
		put_records(p, indent, key, *(const char *const *)(const void *)member, *(const size_t *)(const void *)extra);
		return;
	default:
		break;
	}
	const struct origin *at = put_scalar(key, profile, &value);
	if (at) {
		buf_printf(p->out, "%s%s: %s", indent, schema_leaf(key), value.text);
		end_line(p, start, at);
	}
	buf_done(&value);
}

void print_profile(const struct profile *profile, bool origins, struct buf *out)
{
	const struct printing printing = {out, origins};

	for (const struct schema_key *key = schema_table; key->name; key++)
		put_key(&printing, key, profile);
}
