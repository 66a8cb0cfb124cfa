#include <errno.h>
#include <fnmatch.h>
#include <string.h>
#include <time.h>

#include "cli/image_context.h"
#include "cli/image_table.h"
#include "cli/report.h"
#include "util/json.h"

enum { SHORT_ID = 12 };

#define NONE "<none>"

/* A line of the list: a name, or an image without one. */
struct row {
	const char *repository, *tag; /* as people write them; NULL: none */
	const struct image *image;
	int64_t created; /* INT64_MIN: nobody knows */
};

struct rows {
	struct row *items;
	size_t count;
};

/* What the words ask for: "debian", "debian:12", or a pattern of the shell's. */
struct filter {
	const char *word; /* NULL: all */
	const char *repository, *tag;
};

static const char *familiar_repository(struct arena *arena, const struct reference *reference)
{
	const struct reference bare = {.registry = reference->registry, .repository = reference->repository};

	return reference_familiar(arena, &bare);
}

static int read_filter(struct arena *arena, const char *word, struct filter *ret, struct error *err)
{
	const char *base = word ? strrchr(word, '/') : NULL;
	struct reference reference;
	int r;

	*ret = (struct filter){.word = word};
	if (!word || strpbrk(word, "*?["))
		return 0;
	r = reference_parse(arena, word, &reference, err);
	if (r < 0)
		return r;
	ret->repository = familiar_repository(arena, &reference);
	ret->tag = strchr(base ? base : word, ':') ? reference.tag : NULL;
	return 0;
}

static bool matches(struct arena *arena, const struct filter *filter, const struct row *row)
{
	if (!filter->word)
		return true;
	if (!row->repository)
		return false;
	if (filter->repository)
		return !strcmp(filter->repository, row->repository) && (!filter->tag || (row->tag && !strcmp(filter->tag, row->tag)));
	if (strchr(filter->word, ':'))
		return row->tag && fnmatch(filter->word, arena_printf(arena, "%s:%s", row->repository, row->tag), 0) == 0;
	return fnmatch(filter->word, row->repository, 0) == 0;
}

static void add(struct arena *arena, struct rows *rows, const struct row *row)
{
	rows->items = arena_grow(arena, rows->items, rows->count, sizeof(*rows->items));
	rows->items[rows->count] = *row;
	rows->items[rows->count].created = INT64_MIN;
	(void)image_parse_time(row->image->created, &rows->items[rows->count].created);
	rows->count++;
}

static int collect_named(struct image_context *context, const struct filter *filter, struct rows *rows, struct error *err)
{
	struct arena *arena = &context->arena;
	struct store_ref *refs;
	size_t count;
	int r = store_refs(&context->store, arena, &refs, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++) {
		struct image *image = arena_alloc(arena, sizeof(*image));
		struct reference reference;
		struct row row;
		struct error why;

		if (reference_parse(arena, refs[i].name, &reference, NULL) < 0)
			continue;
		row = (struct row){familiar_repository(arena, &reference), digest_is_set(&reference.digest) ? NULL : reference.tag, image, 0};
		if (!matches(arena, filter, &row))
			continue;
		if (store_image(&context->store, arena, &refs[i].manifest, image, &why) < 0)
			report_note("the image '%s' is not whole: %s; `carrel pull` mends it", refs[i].name, why.cause);
		else
			add(arena, rows, &row);
	}
	return r;
}

static int by_manifest(const void *a, const void *b)
{
	return strcmp(((const struct digest *)a)->text, ((const struct digest *)b)->text);
}

static int collect_nameless(struct image_context *context, struct rows *rows, struct error *err)
{
	size_t named = rows->count, count;
	struct digest *manifests = arena_alloc(&context->arena, named * sizeof(*manifests));
	struct image *images;
	int r = store_images(&context->store, &context->arena, &images, &count, err);

	for (size_t i = 0; i < named; i++)
		manifests[i] = rows->items[i].image->manifest;
	if (named)
		qsort(manifests, named, sizeof(*manifests), by_manifest);
	for (size_t i = 0; r == 0 && i < count; i++)
		if (!named || !bsearch(&images[i].manifest, manifests, named, sizeof(*manifests), by_manifest))
			add(&context->arena, rows, &(struct row){NULL, NULL, &images[i], 0});
	return r;
}

/* The newest first, and of one age by name. */
static int by_age(const void *a, const void *b)
{
	const struct row *one = a, *other = b;
	int order;

	if (one->created != other->created)
		return one->created > other->created ? -1 : 1;
	order = strcmp(one->repository ? one->repository : "", other->repository ? other->repository : "");
	return order ? order : strcmp(one->tag ? one->tag : "", other->tag ? other->tag : "");
}

static const char *id_of(struct arena *arena, const struct image_use *use, const struct digest *digest)
{
	return use->no_trunc ? digest->text : arena_strndup(arena, digest_hex(digest), SHORT_ID);
}

static void format_table(struct arena *arena, const struct image_use *use, const struct rows *rows, struct buf *out)
{
	struct image_table table = {.columns = use->digests ? 6 : 5};
	int64_t now = time(NULL);

	image_table_add(&table, "REPOSITORY");
	image_table_add(&table, "TAG");
	if (use->digests)
		image_table_add(&table, "DIGEST");
	image_table_add(&table, "IMAGE ID");
	image_table_add(&table, "CREATED");
	image_table_add(&table, "SIZE");
	for (size_t i = 0; i < rows->count; i++) {
		const struct row *row = &rows->items[i];
		char age[IMAGE_AGE_TEXT], size[IMAGE_SIZE_TEXT];

		image_table_add(&table, row->repository ? row->repository : NONE);
		image_table_add(&table, row->tag ? row->tag : NONE);
		if (use->digests)
			image_table_add(&table, row->image->manifest.text);
		image_table_add(&table, id_of(arena, use, &row->image->config));
		image_table_add(&table, row->created == INT64_MIN ? "N/A" : image_format_age(now - row->created, age));
		image_table_add(&table, image_format_size(row->image->size, size));
	}
	image_table_format(&table, out);
	image_table_done(&table);
}

static void format_json(const struct rows *rows, struct buf *out)
{
	struct json json = {.out = out};

	json_open_array(&json, NULL);
	for (size_t i = 0; i < rows->count; i++) {
		const struct row *row = &rows->items[i];

		json_open_object(&json, NULL);
		json_string(&json, "Repository", row->repository);
		json_string(&json, "Tag", row->tag);
		json_string(&json, "Digest", row->image->manifest.text);
		json_string(&json, "ID", row->image->config.text);
		json_string(&json, "CreatedAt", row->image->created);
		json_number(&json, "Size", (int64_t)row->image->size);
		json_close_object(&json);
	}
	json_close_array(&json);
}

static int list(struct image_context *context, const char *word, struct buf *out, struct error *err)
{
	const struct image_use *use = context->use;
	struct rows rows = {0};
	struct filter filter;
	int r = read_filter(&context->arena, word, &filter, err);

	if (r == 0)
		r = image_context_read(context, true, err);
	if (r == 0)
		r = collect_named(context, &filter, &rows, err);
	if (r == 0 && use->all && !word)
		r = collect_nameless(context, &rows, err);
	if (r < 0)
		return r;
	if (rows.count)
		qsort(rows.items, rows.count, sizeof(*rows.items), by_age);
	if (use->json)
		format_json(&rows, out);
	else if (!use->quiet)
		format_table(&context->arena, use, &rows, out);
	for (size_t i = 0; use->quiet && !use->json && i < rows.count; i++)
		buf_printf(out, "%s\n", id_of(&context->arena, use, &rows.items[i].image->config));
	return 0;
}

int image_images(const struct image_use *use, int argc, char **argv)
{
	cleanup_buf struct buf out = {0};
	struct image_context context;
	struct error err = {0};
	int r;

	if (argc > 1)
		return image_usage("images", "more than one name");
	r = image_context_init(&context, use, &err);
	if (r == 0)
		r = list(&context, argc ? argv[0] : NULL, &out, &err);
	image_context_done(&context);
	return r < 0 ? image_fail(&err) : report_print(&out);
}
