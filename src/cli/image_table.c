#include "cli/image_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/top.h"
#include "image/image_check.h"
#include "util/units.h"

enum { GAP = 3, WIDTH_LEAST = 10 };

#define MINUTE INT64_C(60)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

void image_table_add(struct image_table *table, const char *text)
{
	table->cells = arena_grow(&table->arena, table->cells, table->count, sizeof(*table->cells));
	table->cells[table->count++] = arena_strdup(&table->arena, text);
}

void image_table_done(struct image_table *table)
{
	arena_done(&table->arena);
}

/* A cell without anything special, as nearly all are, takes as many columns as bytes. */
static size_t put_cell(struct buf *out, const char *text)
{
	size_t length = strlen(text);

	for (size_t i = 0; i < length; i++)
		if (text[i] < ' ' || text[i] > '~')
			return top_put_text(out, text, SIZE_MAX);
	buf_add(out, text, length);
	return length;
}

void image_table_format(const struct image_table *table, struct buf *out)
{
	cleanup_free size_t *widths = mem_resize(NULL, table->columns, sizeof(*widths));
	cleanup_buf struct buf text = {0};

	memset(widths, 0, table->columns * sizeof(*widths));
	for (size_t i = 0; i < table->count; i++) {
		text.size = 0;
		size_t width = put_cell(&text, table->cells[i]);

		widths[i % table->columns] = width > widths[i % table->columns] ? width : widths[i % table->columns];
	}
	for (size_t i = 0; i < table->count; i++) {
		size_t column = i % table->columns, width = widths[column] + GAP < WIDTH_LEAST ? WIDTH_LEAST : widths[column] + GAP;
		size_t used = put_cell(out, table->cells[i]);

		if (column + 1 == table->columns)
			buf_puts(out, "\n");
		for (; column + 1 < table->columns && used < width; used++)
			buf_add(out, " ", 1);
	}
}

char *image_format_size(uint64_t bytes, char buffer[IMAGE_SIZE_TEXT])
{
	double value;
	const char *unit = units_decimal(bytes, &value);

	(void)snprintf(buffer, IMAGE_SIZE_TEXT, "%.3g%s", value, unit);
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

/* `count` digits, which are there. */
static int digits(const char *text, size_t count)
{
	int value = 0;

	for (size_t i = 0; i < count; i++)
		value = value * 10 + (text[i] - '0');
	return value;
}

/* Of 1970, in the calendar that goes on for ever (days_from_civil, Howard Hinnant). */
static int64_t days(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year, era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

bool image_parse_time(const char *text, int64_t *ret_seconds)
{
	const char *zone;
	int64_t seconds;

	if (!text || !image_time_is_valid(text))
		return false;
	/* "2024-05-06T07:08:09", digits of a fraction, and Z or +02:00. Read by hand: a list of images needs a thousand of them. */
	seconds = days(digits(text, 4), digits(text + 5, 2), digits(text + 8, 2)) * DAY + digits(text + 11, 2) * HOUR + digits(text + 14, 2) * MINUTE + digits(text + 17, 2);
	zone = text + strlen("2024-05-06T07:08:09");
	zone += strcspn(zone, "Zz+-");
	if (*zone == '+' || *zone == '-')
		seconds += (*zone == '+' ? -1 : 1) * (digits(zone + 1, 2) * HOUR + digits(zone + 4, 2) * MINUTE);
	*ret_seconds = seconds;
	return true;
}

char *image_format_created(const char *created, int64_t now, char buffer[IMAGE_AGE_TEXT])
{
	int64_t then;

	return image_parse_time(created, &then) ? image_format_age(now - then, buffer) : strcpy(buffer, "N/A");
}
