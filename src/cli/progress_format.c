#include "cli/progress_format.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/top.h"
#include "util/mem.h"
#include "util/units.h"

enum {
	NAME_WIDTH = 32,   /* of a file's name; a digest is shown as its first digits */
	DIGEST_SHOWN = 12,
	WORD_WIDTH = 11,   /* "Downloading" */
	NUMBERS_WIDTH = 28, /* "  12.3MB/45.6MB  8.1MB/s" at its widest */
	BAR_MOST = 40, BAR_LEAST = 8,
};

static const char *const now[] = {
	[PROGRESS_WAITING] = "Waiting", [PROGRESS_DOWNLOADING] = "Downloading", [PROGRESS_UNPACKING] = "Extracting", [PROGRESS_UPLOADING] = "Pushing",
	[PROGRESS_READING] = "Reading", [PROGRESS_WRITING] = "Writing", [PROGRESS_RETRYING] = "Retrying", [PROGRESS_EXISTS] = "Already exists", [PROGRESS_DONE] = "Done"};

/* What DONE is called depends on what was done. */
static const char *const finished[] = {
	[PROGRESS_DOWNLOADING] = "Pull complete", [PROGRESS_UNPACKING] = "Pull complete", [PROGRESS_UPLOADING] = "Pushed", [PROGRESS_READING] = "Read",
	[PROGRESS_WRITING] = "Written", [PROGRESS_DONE] = NULL};

static const char *word_of(const struct progress_item *item)
{
	if (item->phase == PROGRESS_DONE && finished[item->work])
		return finished[item->work];
	return now[item->phase];
}

static bool is_at_work(const struct progress_item *item)
{
	return item->phase != PROGRESS_WAITING && item->phase != PROGRESS_EXISTS && item->phase != PROGRESS_DONE;
}

static bool is_finished(const struct progress_item *item)
{
	return item->phase == PROGRESS_EXISTS || item->phase == PROGRESS_DONE;
}

char *progress_format_bytes(uint64_t bytes, char buffer[PROGRESS_BYTES])
{
	double value;
	const char *unit = units_decimal(bytes, &value);

	(void)snprintf(buffer, PROGRESS_BYTES, bytes >= 1000 && value < 99.95 ? "%.1f%s" : "%.0f%s", value, unit);
	return buffer;
}

static size_t put_name(const char *name, size_t width, struct buf *out)
{
	static const char algorithm[] = "sha256:";
	bool is_digest = !strncmp(name, algorithm, sizeof(algorithm) - 1);
	size_t room = is_digest ? DIGEST_SHOWN : NAME_WIDTH;

	return top_put_text(out, name + (is_digest ? sizeof(algorithm) - 1 : 0), room < width ? room : width);
}

static void put_bar(const struct progress_item *item, size_t inner, struct buf *out)
{
	double part = (double)item->done / (double)item->total;
	size_t filled = part >= 1 ? inner : (size_t)(part * (double)inner);

	buf_puts(out, "[");
	for (size_t i = 0; i < inner; i++)
		buf_puts(out, i < filled ? "=" : i == filled ? ">" : " ");
	buf_puts(out, "]");
}

/* "  12.3MB/45.6MB  8.1MB/s" */
static void put_numbers(const struct progress_item *item, struct buf *out)
{
	char text[PROGRESS_BYTES];

	buf_printf(out, " %7s", progress_format_bytes(item->done, text));
	if (item->total)
		buf_printf(out, "/%s", progress_format_bytes(item->total, text));
	if (item->rate)
		buf_printf(out, "  %s/s", progress_format_bytes(item->rate, text));
}

void progress_format_line(const struct progress_item *item, size_t width, struct buf *out)
{
	cleanup_buf struct buf numbers = {0};
	const char *word = word_of(item);
	size_t used = put_name(item->name, width, out) + 2, fixed = used + WORD_WIDTH + 1 + 2 + NUMBERS_WIDTH;

	if (used + strlen(word) > width)
		return;
	buf_printf(out, ": %s", word);
	if (!is_at_work(item))
		return;
	if (item->done || item->total)
		put_numbers(item, &numbers);
	used += strlen(word);
	/* Bars stand below each other and do not dance with the numbers behind them; where the line is short, the numbers matter more. */
	if (item->total && fixed + BAR_LEAST <= width) {
		buf_printf(out, "%*s ", (int)(WORD_WIDTH - strlen(word)), "");
		put_bar(item, width - fixed < BAR_MOST ? width - fixed : BAR_MOST, out);
		used = fixed - NUMBERS_WIDTH;
	}
	if (numbers.size && used + numbers.size <= width)
		buf_add(out, numbers.text, numbers.size);
}

static void put_end(struct buf *out)
{
	buf_puts(out, "\033[K\n");
}

size_t progress_format_picture(const struct progress_item *items, size_t count, size_t width, size_t height, struct buf *out)
{
	bool all = count <= height;
	size_t lines = 0, done = 0;
	char summary[64];

	if (!height)
		return 0;
	for (size_t i = 0; i < count; i++) {
		done += is_finished(&items[i]);
		if (!all && (!is_at_work(&items[i]) || lines + 1 >= height))
			continue;
		progress_format_line(&items[i], width, out);
		put_end(out);
		lines++;
	}
	if (all)
		return lines;
	(void)snprintf(summary, sizeof(summary), "%zu of %zu done", done, count);
	(void)top_put_text(out, summary, width);
	put_end(out);
	return lines + 1;
}

void progress_format_log(const struct progress_item *item, struct buf *out)
{
	char text[PROGRESS_BYTES];

	if (item->phase == PROGRESS_WAITING || item->phase == PROGRESS_UNPACKING)
		return;
	(void)put_name(item->name, SIZE_MAX, out);
	buf_printf(out, ": %s", word_of(item));
	if (is_at_work(item) && item->total)
		buf_printf(out, " %s", progress_format_bytes(item->total, text));
	buf_puts(out, "\n");
}
