#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/top.h"
#include "util/json.h"
#include "util/path.h"
#include "util/units.h"

enum { NAME_WIDTH = 20, ROOT_WIDTH = 32, GAP = 2 };

/* --- text of others, by columns --- */

/* One character: its bytes, or 0 where they are no UTF-8. */
static size_t decode(const unsigned char *text, uint32_t *ret)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = *text < 0x80 ? 1 : *text < 0xc0 ? 0 : *text < 0xe0 ? 2 : *text < 0xf0 ? 3 : *text < 0xf8 ? 4 : 0;
	uint32_t code = length == 1 ? *text : length ? *text & (0x7fU >> length) : 0;

	for (size_t i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	if (length && (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)))
		return 0;
	*ret = code;
	return length;
}

struct range {
	uint32_t first, last;
};

static bool is_in(const struct range *ranges, size_t count, uint32_t code)
{
	for (size_t i = 0; i < count; i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	return false;
}

/* Controls, what turns the direction of writing, and what joins or takes no place: a terminal would draw something else than the name. */
static const struct range obeyed[] = {
    {0, 0x1f}, {0x7f, 0x9f}, {0xad, 0xad}, {0x300, 0x36f}, {0x61c, 0x61c}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xfff0, 0xffff}, {0xe0000, 0x10ffff}};
/* Two columns: East Asian Width W and F (Unicode Standard Annex 11), by blocks. */
static const struct range wide[] = {
    {0x1100, 0x115f}, {0x2e80, 0xa4cf}, {0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1faff}, {0x20000, 0x3fffd}};

size_t top_put_text(struct buf *out, const char *text, size_t width)
{
	const unsigned char *c = (const unsigned char *)text;
	size_t used = 0;

	while (*c) {
		uint32_t code = 0;
		size_t length = decode(c, &code), bytes = length ? length : 1;
		bool escape = !length || is_in(obeyed, ARRAY_SIZE(obeyed), code);
		size_t columns = escape ? 4 * bytes : is_in(wide, ARRAY_SIZE(wide), code) ? 2 : 1;

		if (columns > width - used)
			break;
		for (size_t i = 0; escape && i < bytes; i++)
			buf_printf(out, "\\x%02x", c[i]);
		if (!escape)
			buf_add(out, c, bytes);
		used += columns;
		c += bytes;
	}
	return used;
}

/* --- cells --- */

static void human_size(uint64_t bytes, char text[UNITS_TEXT])
{
	static const char units[] = "BKMGTP";
	double value = (double)bytes;
	size_t unit = 0;

	for (; value >= 1000 && units[unit + 1]; unit++)
		value /= 1024;
	(void)snprintf(text, UNITS_TEXT, unit && value < 99.95 ? "%.1f%c" : "%.0f%c", value, units[unit]);
}

static uint64_t limit_of(const struct top_row *row, const char *name)
{
	const struct instance_limit *limit = instance_limit(row->instance, name);

	return limit ? limit->value : 0;
}

static void put_uptime(const struct top_row *row, struct buf *out)
{
	uint64_t s = row->uptime_ms / 1000;

	if (s < 86400)
		buf_printf(out, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, s / 3600, s / 60 % 60, s % 60);
	else
		buf_printf(out, "%" PRIu64 "d%02" PRIu64 "h", s / 86400, s / 3600 % 24);
}

static void put_memory(const struct top_row *row, struct buf *out)
{
	uint64_t limit = limit_of(row, INSTANCE_MEMORY);
	char text[UNITS_TEXT];

	human_size(row->usage.memory, text);
	buf_puts(out, text);
	if (!limit)
		return;
	units_format_size(limit, text);
	if (strlen(text) > 6)
		human_size(limit, text);
	buf_printf(out, "/%s", text);
}

static void put_cpu(const struct top_row *row, struct buf *out)
{
	uint64_t limit = limit_of(row, INSTANCE_CPUS);

	buf_printf(out, "%" PRIu64 ".%" PRIu64, row->cpu_milli / 10, row->cpu_milli % 10);
	if (limit)
		buf_printf(out, "/%" PRIu64, limit / 10);
}

static void put_tasks(const struct top_row *row, struct buf *out)
{
	uint64_t limit = limit_of(row, INSTANCE_TASKS);

	buf_printf(out, "%" PRIu64, row->usage.tasks);
	if (limit)
		buf_printf(out, "/%" PRIu64, limit);
}

static void put_id(const struct top_row *row, struct buf *out)
{
	buf_puts(out, row->instance->id);
}

static void put_name(const struct top_row *row, struct buf *out)
{
	(void)top_put_text(out, row->instance->name ? row->instance->name : "-", NAME_WIDTH);
}

static void put_profile(const struct top_row *row, struct buf *out)
{
	(void)top_put_text(out, row->instance->profile, NAME_WIDTH);
}

/* An image as people write it, or where an extracted root ends. */
static void put_root(const struct top_row *row, struct buf *out)
{
	static const char *const implied[] = {"docker.io/library/", "docker.io/"};
	const char *root = row->instance->root;

	for (size_t i = 0; root && i < ARRAY_SIZE(implied); i++) {
		if (strncmp(root, implied[i], strlen(implied[i])) != 0)
			continue;
		root += strlen(implied[i]);
		break;
	}
	if (root)
		(void)top_put_text(out, root[0] == '/' ? path_basename(root) : root, ROOT_WIDTH);
}

static void put_command(const struct top_row *row, struct buf *out)
{
	for (const char *const *arg = row->instance->argv; *arg; arg++) {
		if (arg != row->instance->argv)
			buf_puts(out, " ");
		(void)top_put_text(out, *arg, (size_t)INSTANCE_COMMAND_MAX * 4);
	}
}

static const struct column {
	const char *heading;
	bool right;
	bool optional; /* left out where no row has anything in it */
	void (*put)(const struct top_row *row, struct buf *out);
} columns[] = {
    {"ID", false, false, put_id},
    {"NAME", false, false, put_name},
    {"PROFILE", false, false, put_profile},
    {"ROOT", false, true, put_root},
    {"UPTIME", true, false, put_uptime},
    {"MEMORY", true, false, put_memory},
    {"CPU%", true, false, put_cpu},
    {"TASKS", true, false, put_tasks},
    {"COMMAND", false, false, put_command},
};

enum { COLUMNS = ARRAY_SIZE(columns) };

/* --- the table --- */

static size_t text_width(const char *text)
{
	struct buf sink = {0};
	size_t width = top_put_text(&sink, text, SIZE_MAX);

	buf_done(&sink);
	return width;
}

/* `row` NULL: the headings. */
static void make_cell(const struct top_row *row, size_t column, struct buf *out)
{
	out->size = 0;
	if (row)
		columns[column].put(row, out);
	else
		buf_puts(out, columns[column].heading);
	buf_add(out, "", 0);
}

static void measure(const struct top_sample *sample, size_t widths[COLUMNS])
{
	cleanup_buf struct buf cell = {0};

	for (size_t column = 0; column < COLUMNS; column++) {
		bool is_empty = columns[column].optional;

		widths[column] = text_width(columns[column].heading);
		for (size_t i = 0; i < sample->count; i++) {
			make_cell(&sample->rows[i], column, &cell);
			size_t width = text_width(cell.text);
			widths[column] = width > widths[column] ? width : widths[column];
			is_empty = is_empty && !width;
		}
		if (is_empty)
			widths[column] = 0;
	}
}

static void pad(struct buf *line, size_t count)
{
	while (count--)
		buf_puts(line, " ");
}

static void put_row(const struct top_row *row, const size_t widths[COLUMNS], size_t width, struct buf *out)
{
	cleanup_buf struct buf cell = {0}, line = {0};

	for (size_t column = 0; column < COLUMNS; column++) {
		bool last = column == COLUMNS - 1;

		if (!widths[column])
			continue;
		make_cell(row, column, &cell);
		size_t missing = widths[column] - text_width(cell.text);
		if (columns[column].right)
			pad(&line, missing);
		buf_puts(&line, cell.text);
		if (!columns[column].right && !last)
			pad(&line, missing);
		if (!last)
			pad(&line, GAP);
	}
	(void)top_put_text(out, line.text, width ? width : SIZE_MAX);
}

void top_format_table(const struct top_sample *sample, size_t width, size_t height, const char *line_end, struct buf *out)
{
	size_t widths[COLUMNS];

	measure(sample, widths);
	for (size_t line = 0; line <= sample->count && (!height || line < height); line++) {
		put_row(line ? &sample->rows[line - 1] : NULL, widths, width, out);
		buf_puts(out, line_end);
	}
}

/* --- JSON --- */

static void put_amount(struct json *json, const char *key, const char *limit_key, uint64_t used, uint64_t limit)
{
	json_number(json, key, used < INT64_MAX ? (int64_t)used : INT64_MAX);
	if (limit)
		json_number(json, limit_key, (int64_t)limit);
	else
		json_string(json, limit_key, NULL);
}

static void put_limits(struct json *json, const struct instance *instance)
{
	json_open_array(json, "limits");
	for (size_t i = 0; i < instance->limit_count; i++) {
		json_open_object(json, NULL);
		json_string(json, "name", instance->limits[i].name);
		json_number(json, "value", (int64_t)instance->limits[i].value);
		json_string(json, "rung", instance->limits[i].rung);
		json_close_object(json);
	}
	json_close_array(json);
}

static void put_object(struct json *json, const struct top_row *row)
{
	const struct instance *instance = row->instance;

	json_open_object(json, NULL);
	json_string(json, "id", instance->id);
	json_string(json, "name", instance->name);
	json_string(json, "profile", instance->profile);
	json_string(json, "root", instance->root);
	json_open_array(json, "command");
	for (const char *const *arg = instance->argv; *arg; arg++)
		json_string(json, NULL, *arg);
	json_close_array(json);
	json_number(json, "launcher_pid", instance->launcher.pid);
	json_number(json, "init_pid", instance->init.pid);
	json_string(json, "cgroup", instance->cgroup);
	json_number(json, "started_us", (int64_t)(instance->started_wall_ms % (INT64_MAX / 1000) * 1000));
	json_number(json, "uptime_us", (int64_t)(row->uptime_ms * 1000));
	put_amount(json, "memory_bytes", "memory_limit_bytes", row->usage.memory, limit_of(row, INSTANCE_MEMORY));
	json_number(json, "cpu_us", (int64_t)row->usage.cpu_us);
	put_amount(json, "cpu_us_per_s", "cpu_limit_us_per_s", row->cpu_milli * 1000, limit_of(row, INSTANCE_CPUS) * 1000);
	put_amount(json, "tasks", "tasks_limit", row->usage.tasks, limit_of(row, INSTANCE_TASKS));
	json_string(json, "source", row->usage.is_cgroup ? "cgroup" : "processes");
	put_limits(json, instance);
	json_close_object(json);
}

void top_format_json(const struct top_sample *sample, struct buf *out)
{
	struct json json = {.out = out};

	json_open_array(&json, NULL);
	for (size_t i = 0; i < sample->count; i++)
		put_object(&json, &sample->rows[i]);
	json_close_array(&json);
}
