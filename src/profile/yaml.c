/* From libyaml's events to a tree of nodes, in one pass.
 *
 * A stack of open lists and maps (at most NODE_DEPTH_MAX) stands for recursion. Every value is counted when it is
 * attached: an alias with the whole size of its anchor, so that the bound holds for what a reader of the tree will
 * walk, not for what stands in the file. */
#include <errno.h>
#include <string.h>
#include <yaml.h>

#include "profile/node.h"

struct anchor {
	const char *name;
	struct node *node;
	bool closed; /* an alias inside its own anchor would be a tree without end */
	struct anchor *next;
};

struct frame {
	struct node *node;
	struct node **tail;
	struct node *merge; /* the value of `<<` */
	const char *key;    /* read, its value is still to come */
	struct origin key_at;
	struct anchor *anchor;
};

struct reader {
	struct arena *arena;
	const char *file;
	struct error *err;
	yaml_parser_t parser;
	struct anchor *anchors;
	unsigned anchor_count, node_count, depth, documents;
	struct frame frames[NODE_DEPTH_MAX];
	struct node *root;
};

static struct origin origin_of(const struct reader *reader, yaml_mark_t mark)
{
	return (struct origin){reader->file, (unsigned)mark.line + 1, (unsigned)mark.column + 1};
}

static int fail(struct reader *reader, struct origin at, const char *cause)
{
	error_set(reader->err, EINVAL, "cannot read profile '%s'", reader->file);
	error_cause(reader->err, "%s", cause);
	error_at(reader->err, &at, NULL);
	return -EINVAL;
}

static int fail_with(struct reader *reader, struct origin at, const char *cause, const char *hint)
{
	(void)fail(reader, at, cause); /* the code is the same below */
	error_hint(reader->err, "%s", hint);
	return -EINVAL;
}

static int count_nodes(struct reader *reader, unsigned more, struct origin at)
{
	reader->node_count += more;
	if (reader->node_count <= NODE_COUNT_MAX)
		return 0;
	return fail_with(reader, at, "it has more than 10,000 values once its aliases are expanded", "a profile is small: look at the anchors (&name) and aliases (*name)");
}

static struct frame *top(struct reader *reader)
{
	return reader->depth ? &reader->frames[reader->depth - 1] : NULL;
}

static void account_for(struct node *parent, const struct node *child)
{
	parent->size += child->size;
	if (parent->height < child->height + 1)
		parent->height = child->height + 1;
}

/* Put a finished or just opened value where it belongs: the root, the next item, the value of the pending key. */
static int attach(struct reader *reader, struct node *node)
{
	struct frame *frame = top(reader);

	if (!frame) {
		reader->root = node;
		return 0;
	}
	if (frame->node->kind == NODE_MAP) {
		node->key = frame->key;
		node->key_at = frame->key_at;
		frame->key = NULL;
		if (strcmp(node->key, "<<") == 0) {
			frame->merge = node;
			return 0;
		}
	}
	*frame->tail = node;
	frame->tail = &node->next;
	return 0;
}

static int read_key(struct reader *reader, struct frame *frame, const yaml_event_t *event)
{
	struct origin at = origin_of(reader, event->start_mark);
	const char *text = (const char *)event->data.scalar.value;

	if (event->data.scalar.anchor || event->data.scalar.tag)
		return fail(reader, at, "an anchor or a tag on a key has no meaning");
	if (strlen(text) != event->data.scalar.length)
		return fail(reader, at, "a key holds a zero byte");
	if (node_get(frame->node, text) || (frame->merge && strcmp(text, "<<") == 0)) {
		(void)fail(reader, at, "");
		error_cause(reader->err, "the key '%s' stands twice in the same map", text);
		return error_hint(reader->err, "keep one of them");
	}
	frame->key = arena_strndup(reader->arena, text, event->data.scalar.length);
	frame->key_at = at;
	return count_nodes(reader, 1, at);
}

static int add_anchor(struct reader *reader, const yaml_char_t *name, struct node *node, struct anchor **ret)
{
	if (!name)
		return 0;
	if (++reader->anchor_count > NODE_ANCHOR_MAX)
		return fail(reader, node->at, "it has more than 1,000 anchors");
	struct anchor *anchor = arena_alloc(reader->arena, sizeof(*anchor));

	anchor->name = arena_strdup(reader->arena, (const char *)name);
	anchor->node = node;
	anchor->closed = node->kind == NODE_TEXT;
	anchor->next = reader->anchors;
	reader->anchors = anchor;
	*ret = anchor;
	return 0;
}

static int check_tag(struct reader *reader, struct node *node, const yaml_char_t *tag)
{
	if (!tag)
		return 0;
	if (strcmp((const char *)tag, "!replace") != 0) {
		(void)fail(reader, node->at, "");
		error_cause(reader->err, "the tag '%s' has no meaning here", (const char *)tag);
		return error_hint(reader->err, "the only tag is !replace, before a list or a map");
	}
	if (node->kind == NODE_TEXT)
		return fail_with(reader, node->at, "!replace stands before a single value", "a single value always replaces; !replace is for lists and maps");
	node->replace = true;
	return 0;
}

static struct node *new_node(struct reader *reader, enum node_kind kind, const yaml_event_t *event)
{
	struct node *node = arena_alloc(reader->arena, sizeof(*node));

	node->kind = kind;
	node->size = node->height = 1;
	node->at = origin_of(reader, event->start_mark);
	return node;
}

static int read_scalar(struct reader *reader, const yaml_event_t *event)
{
	struct frame *frame = top(reader);
	struct anchor *anchor;

	if (frame && frame->node->kind == NODE_MAP && !frame->key)
		return read_key(reader, frame, event);
	struct node *node = new_node(reader, NODE_TEXT, event);

	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->text = arena_strndup(reader->arena, (const char *)event->data.scalar.value, event->data.scalar.length);
	if (strlen(node->text) != event->data.scalar.length)
		return fail(reader, node->at, "a text holds a zero byte");
	int r = check_tag(reader, node, event->data.scalar.tag);
	if (r == 0)
		r = add_anchor(reader, event->data.scalar.anchor, node, &anchor);
	if (r == 0)
		r = count_nodes(reader, 1, node->at);
	return r < 0 ? r : attach(reader, node);
}

static int open_node(struct reader *reader, const yaml_event_t *event, enum node_kind kind, const yaml_char_t *tag, const yaml_char_t *name)
{
	struct frame *frame = top(reader);
	struct node *node = new_node(reader, kind, event);
	struct anchor *anchor = NULL;

	if (frame && frame->node->kind == NODE_MAP && !frame->key)
		return fail(reader, node->at, "a key must be a text, and here stands a list or a map");
	if (reader->depth == NODE_DEPTH_MAX)
		return fail(reader, node->at, "it is nested more than 64 levels deep");
	int r = check_tag(reader, node, tag);
	if (r == 0)
		r = add_anchor(reader, name, node, &anchor);
	if (r == 0)
		r = count_nodes(reader, 1, node->at);
	if (r == 0)
		r = attach(reader, node);
	if (r < 0)
		return r;
	reader->frames[reader->depth++] = (struct frame){.node = node, .tail = &node->first, .anchor = anchor};
	return 0;
}

/* Append to the open map what `source` has and it has not. */
static int merge_map(struct reader *reader, struct frame *frame, const struct node *source)
{
	if (source->kind != NODE_MAP)
		return fail_with(reader, source->at, "the value of << is neither a map nor a list of maps", "write  <<: *name  where &name stands before a map");
	for (const struct node *child = source->first; child; child = child->next) {
		if (node_get(frame->node, child->key))
			continue;
		struct node *copy = arena_alloc(reader->arena, sizeof(*copy));
		int r = count_nodes(reader, child->size, child->at);

		if (r < 0)
			return r;
		*copy = *child;
		copy->next = NULL;
		*frame->tail = copy;
		frame->tail = &copy->next;
	}
	return 0;
}

static int close_node(struct reader *reader)
{
	struct frame *frame = &reader->frames[reader->depth - 1]; /* libyaml ends only what it began */
	struct node *node = frame->node;
	int r = 0;

	if (frame->merge && frame->merge->kind == NODE_LIST) {
		for (const struct node *item = frame->merge->first; item && r == 0; item = item->next)
			r = merge_map(reader, frame, item);
	} else if (frame->merge) {
		r = merge_map(reader, frame, frame->merge);
	}
	if (r < 0)
		return r;
	for (const struct node *child = node->first; child; child = child->next)
		account_for(node, child);
	if (frame->anchor)
		frame->anchor->closed = true;
	reader->depth--;
	return 0;
}

static int read_alias(struct reader *reader, const yaml_event_t *event)
{
	const char *name = (const char *)event->data.alias.anchor;
	struct origin at = origin_of(reader, event->start_mark);
	const struct frame *frame = top(reader);
	const struct anchor *anchor = reader->anchors;

	while (anchor && strcmp(anchor->name, name) != 0)
		anchor = anchor->next;
	if (!anchor) {
		(void)fail(reader, at, "");
		error_cause(reader->err, "the alias '*%s' has no anchor '&%s' before it", name, name);
		return error_hint(reader->err, "a value that begins with * is an alias in YAML: quote it if it is a pattern");
	}
	if (!anchor->closed)
		return fail(reader, at, "an alias stands inside its own anchor");
	if (frame && frame->node->kind == NODE_MAP && !frame->key)
		return fail(reader, at, "a key must be a text, and here stands an alias");
	if (reader->depth + anchor->node->height > NODE_DEPTH_MAX)
		return fail(reader, at, "it is nested more than 64 levels deep");
	struct node *copy = arena_alloc(reader->arena, sizeof(*copy));

	*copy = *anchor->node;
	copy->next = NULL;
	int r = count_nodes(reader, copy->size, at);
	return r < 0 ? r : attach(reader, copy);
}

static int start_document(struct reader *reader, const yaml_event_t *event)
{
	if (reader->documents++ == 0)
		return 0;
	return fail_with(reader, origin_of(reader, event->start_mark), "a second document begins here (---)", "a profile is one document; put the other one in a file of its own");
}

static int read_event(struct reader *reader, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		return start_document(reader, event);
	case YAML_SCALAR_EVENT:
		return read_scalar(reader, event);
	case YAML_ALIAS_EVENT:
		return read_alias(reader, event);
	case YAML_SEQUENCE_START_EVENT:
		return open_node(reader, event, NODE_LIST, event->data.sequence_start.tag, event->data.sequence_start.anchor);
	case YAML_MAPPING_START_EVENT:
		return open_node(reader, event, NODE_MAP, event->data.mapping_start.tag, event->data.mapping_start.anchor);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return close_node(reader);
	default:
		return 0;
	}
}

/* What libyaml says, in our form. Errors of its reader have an offset in bytes instead of a mark. */
static int fail_syntax(struct reader *reader, const char *text, size_t size)
{
	const yaml_parser_t *parser = &reader->parser;
	struct origin at = origin_of(reader, parser->problem_mark);
	const char *hint = "";

	if (parser->error == YAML_READER_ERROR) {
		at.line = at.column = 1;
		for (size_t i = 0; i < size && i < parser->problem_offset; i++) {
			at.column = text[i] == '\n' ? 1 : at.column + 1;
			at.line += text[i] == '\n';
		}
	}
	if (parser->problem && strstr(parser->problem, "cannot start any token"))
		hint = "YAML reserves a leading @, ` and tab: quote names such as \"@docker-default\", and indent by spaces";
	(void)fail(reader, at, "");
	error_cause(reader->err, "%s%s%s", parser->problem ? parser->problem : "not YAML", parser->context ? ", " : "", parser->context ? parser->context : "");
	error_hint(reader->err, "%s", hint);
	return -EINVAL;
}

static int read_events(struct reader *reader, const char *text, size_t size)
{
	for (bool more = true; more;) {
		yaml_event_t event;

		if (!yaml_parser_parse(&reader->parser, &event))
			return fail_syntax(reader, text, size);
		int r = read_event(reader, &event);
		more = event.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
		if (r < 0)
			return r;
	}
	return 0;
}

int node_parse(struct arena *arena, const char *text, size_t size, const char *file, struct node **ret, struct error *err)
{
	struct reader reader;

	/* The frames need no zeroes: each is filled when it is opened. */
	memset(&reader, 0, offsetof(struct reader, frames));
	reader.root = NULL;
	reader.arena = arena;
	reader.file = file;
	reader.err = err;
	if (size > NODE_FILE_MAX)
		return fail(&reader, (struct origin){file, 0, 0}, "it is larger than 1 MiB");
	if (!yaml_parser_initialize(&reader.parser))
		return fail(&reader, (struct origin){file, 0, 0}, "out of memory");
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, size);
	int r = read_events(&reader, text, size);
	yaml_parser_delete(&reader.parser);
	if (r < 0)
		return r;
	*ret = reader.root;
	return 0;
}
