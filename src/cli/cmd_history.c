/* The history stands in the configuration, JSON from somebody else: it is read after the process has given up everything but reading the store. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cli/image_context.h"
#include "cli/image_table.h"
#include "cli/paths.h"
#include "cli/report.h"
#include "image/history.h"
#include "run/confine.h"
#include "util/fd.h"
#include "util/json.h"

enum { SHORT_ID = 12, SHORT_COMMAND = 45 };

#define MISSING "<missing>" /* the images that Docker had in between, and nobody sends any more */

struct step {
	const struct image_history *history;
	uint64_t size;   /* of its layer as it is stored */
	const char *id;  /* of the whole image, at the last step */
};

struct steps {
	struct step *items; /* the newest first, as Docker shows them */
	size_t count;
};

static uint64_t blob_size(const struct store *store, const struct digest *digest)
{
	cleanup_close int fd = store_open_blob(store, digest, UINT64_MAX);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static void take_steps(struct image_context *context, const struct image *image, const struct image_history *history, size_t count, struct steps *ret)
{
	size_t layer = 0;

	ret->items = arena_alloc(&context->arena, (count ? count : 1) * sizeof(*ret->items));
	ret->count = count;
	for (size_t i = 0; i < count; i++) {
		struct step *step = &ret->items[count - 1 - i];

		*step = (struct step){.history = &history[i], .id = MISSING};
		/* How many made a layer is what the maker says; the layers themselves are what there is. */
		if (!history[i].empty_layer && layer < image->blob_count)
			step->size = blob_size(&context->store, &image->blobs[layer++]);
	}
	if (count)
		ret->items[0].id = context->use->no_trunc ? image->config.text : arena_strndup(&context->arena, digest_hex(&image->config), SHORT_ID);
}

/* In one line. */
static const char *command_of(struct image_context *context, const struct step *step)
{
	char *text = arena_strdup(&context->arena, step->history->created_by ? step->history->created_by : "");

	for (char *c = text; *c; c++)
		if (*c == '\t' || *c == '\n')
			*c = ' ';
	if (context->use->no_trunc || strlen(text) <= SHORT_COMMAND)
		return text;
	size_t length = SHORT_COMMAND - 1;
	while (length && ((unsigned char)text[length] & 0xc0) == 0x80) /* not within a character */
		length--;
	return arena_printf(&context->arena, "%.*s…", (int)length, text);
}

static void format_table(struct image_context *context, const struct steps *steps, struct buf *out)
{
	static const char *const headings[] = {"IMAGE", "CREATED", "CREATED BY", "SIZE", "COMMENT"};
	struct image_table table = {.columns = ARRAY_SIZE(headings)};
	int64_t now = time(NULL);

	for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
		image_table_add(&table, headings[i]);
	for (size_t i = 0; i < steps->count; i++) {
		const struct step *step = &steps->items[i];
		char age[IMAGE_AGE_TEXT], size[IMAGE_SIZE_TEXT];

		image_table_add(&table, step->id);
		image_table_add(&table, image_format_created(step->history->created, now, age));
		image_table_add(&table, command_of(context, step));
		image_table_add(&table, image_format_size(step->size, size));
		image_table_add(&table, step->history->comment ? step->history->comment : "");
	}
	image_table_format(&table, out);
	image_table_done(&table);
}

static void format_json(const struct image *image, const struct steps *steps, struct buf *out)
{
	struct json json = {.out = out};

	json_open_array(&json, NULL);
	for (size_t i = 0; i < steps->count; i++) {
		const struct step *step = &steps->items[i];

		json_open_object(&json, NULL);
		json_string(&json, "Id", i ? MISSING : image->config.text);
		json_string(&json, "Created", step->history->created);
		json_string(&json, "CreatedBy", step->history->created_by ? step->history->created_by : "");
		json_number(&json, "Size", (int64_t)step->size);
		json_string(&json, "Comment", step->history->comment ? step->history->comment : "");
		json_close_object(&json);
	}
	json_close_array(&json);
}

static int show(struct image_context *context, const char *word, struct buf *out, struct error *err)
{
	const struct image_use *use = context->use;
	struct image_history *history = NULL;
	cleanup_free char *config = NULL;
	struct steps steps;
	struct image image;
	size_t size, count = 0;
	int r = image_context_read(context, true, err);

	if (r == 0)
		r = store_find(&context->store, &context->arena, word, &image, NULL, err);
	if (r == 0)
		r = confine_self(&context->host, CONFINE_READ, context->store.path, err);
	if (r == 0)
		r = store_read_blob(&context->store, &image.config, CONFIG_SIZE_MAX, &config, &size, err);
	if (r == 0)
		r = image_parse_history(&context->arena, config, size, &history, &count, err);
	if (r < 0)
		return r;
	take_steps(context, &image, history, count, &steps);
	if (use->json)
		format_json(&image, &steps, out);
	else if (!use->quiet)
		format_table(context, &steps, out);
	for (size_t i = 0; use->quiet && !use->json && i < steps.count; i++)
		buf_printf(out, "%s\n", steps.items[i].id);
	return 0;
}

int image_history(const struct image_use *use, int argc, char **argv)
{
	cleanup_buf struct buf out = {0};
	struct image_context context;
	struct error err = {0};
	int r;

	if (argc != 1)
		return image_usage("history", argc ? "more than one image" : "no image was named");
	r = image_context_init(&context, use, &err);
	if (r == 0)
		r = show(&context, argv[0], &out, &err);
	image_context_done(&context);
	return r < 0 ? image_fail(&err) : report_print(&out);
}
