#include "cli/image_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/top.h"
#include "image/image_check.h"

enum { GAP = 3, WIDTH_LEAST = 10, MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

void image_table_add(struct image_table *table, const char *text)
{
	table->cells = arena_grow(&table->arena, table->cells, table->count, sizeof(*table->cells));
	table->cells[table->count++] = arena_strdup(&table->arena, text);
}

void image_table_done(struct image_table *table)
{
	arena_done(&table->arena);
}

void image_table_format(const struct image_table *table, struct buf *out)
{
	cleanup_free size_t *widths = mem_resize(NULL, table->columns, sizeof(*widths));

	memset(widths, 0, table->columns * sizeof(*widths));
	for (size_t i = 0; i < table->count; i++) {
		cleanup_buf struct buf text = {0};
		size_t width = top_put_text(&text, table->cells[i], SIZE_MAX);

		widths[i % table->columns] = width > widths[i % table->columns] ? width : widths[i % table->columns];
	}
	for (size_t i = 0; i < table->count; i++) {
		size_t column = i % table->columns, width = widths[column] + GAP < WIDTH_LEAST ? WIDTH_LEAST : widths[column] + GAP;
		size_t used = top_put_text(out, table->cells[i], SIZE_MAX);

		if (column + 1 == table->columns)
			buf_puts(out, "\n");
		else
			buf_printf(out, "%*s", (int)(width - used), "");
	}
}

char *image_format_size(uint64_t bytes, char buffer[IMAGE_SIZE_TEXT])
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	double value = (double)bytes;
	size_t unit = 0;

	/* 999.9 would be printed as 1e+03. */
	for (; value >= 999.5 && unit + 1 < ARRAY_SIZE(units); unit++)
		value /= 1000;
	(void)snprintf(buffer, IMAGE_SIZE_TEXT, "%.3g%s", value, units[unit]);
	return buffer;
}

/* Docker's words (go-units, HumanDuration). */
char *image_format_age(int64_t seconds, char buffer[IMAGE_AGE_TEXT])
{
	static const struct {
		int64_t below, unit;
		const char *word;
	} steps[] = {
		{MINUTE, 1, "seconds"}, {HOUR, MINUTE, "minutes"}, {2 * DAY, HOUR, "hours"}, {14 * DAY, DAY, "days"},
		{60 * DAY, 7 * DAY, "weeks"}, {730 * DAY, 30 * DAY, "months"}, {INT64_MAX, 365 * DAY, "years"},
	};
	size_t step = 0;

	if (seconds < 1)
		return strcpy(buffer, "Less than a second ago");
	if (seconds == 1)
		return strcpy(buffer, "1 second ago");
	if (seconds >= MINUTE && seconds < 2 * MINUTE)
		return strcpy(buffer, "About a minute ago");
	if (seconds >= HOUR && seconds < HOUR + HOUR / 2)
		return strcpy(buffer, "About an hour ago");
	while (seconds >= steps[step].below && step + 1 < ARRAY_SIZE(steps))
		step++;
	(void)snprintf(buffer, IMAGE_AGE_TEXT, "%" PRId64 " %s ago", seconds / steps[step].unit, steps[step].word);
	return buffer;
}

bool image_parse_time(const char *text, int64_t *ret_seconds)
{
	struct tm tm = {0};
	const char *zone;
	int64_t seconds;

	if (!text || !image_time_is_valid(text))
		return false;
	/* "2024-05-06T07:08:09", digits of a fraction, and Z or +02:00 */
	if (sscanf(text, "%4d-%2d-%2d%*1[Tt]%2d:%2d:%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec) != 6)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	seconds = timegm(&tm);
	zone = text + strlen("2024-05-06T07:08:09");
	zone += strcspn(zone, "Zz+-");
	if (*zone == '+' || *zone == '-') {
		int hours = 0, minutes = 0;

		(void)sscanf(zone + 1, "%2d:%2d", &hours, &minutes); /* is valid, as seen above */
		seconds += (*zone == '+' ? -1 : 1) * (int64_t)(hours * HOUR + minutes * MINUTE);
	}
	*ret_seconds = seconds;
	return true;
}

char *image_format_created(const char *created, int64_t now, char buffer[IMAGE_AGE_TEXT])
{
	int64_t then;

	return image_parse_time(created, &then) ? image_format_age(now - then, buffer) : strcpy(buffer, "N/A");
}
