/* The text of a record: written and read by one table of keys. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "state/instance.h"
#include "util/units.h"

#define FIRST_LINE "carrel-instance 1"

enum { WORD_MAX = 31 };

/* --- writing --- */

static void put_line(struct buf *out, const char *key, const char *value)
{
	buf_printf(out, "%s ", key);
	for (const unsigned char *c = (const unsigned char *)value; *c; c++) {
		if (*c < 0x20 || *c == 0x7f || *c == '\\')
			buf_printf(out, "\\x%02x", *c);
		else
			buf_add(out, c, 1);
	}
	buf_puts(out, "\n");
}

static void put_optional(struct buf *out, const char *key, const char *value)
{
	if (value)
		put_line(out, key, value);
}

static void put_args(struct buf *out, const char *const *argv)
{
	size_t bytes = 0;

	for (size_t i = 0; i < INSTANCE_ARGS_MAX && argv[i]; i++) {
		size_t length = strlen(argv[i]);

		if (length > INSTANCE_COMMAND_MAX - bytes)
			break;
		bytes += length;
		put_line(out, "arg", argv[i]);
	}
}

void instance_format(const struct instance *instance, struct buf *out)
{
	buf_puts(out, FIRST_LINE "\n");
	put_line(out, "id", instance->id);
	put_optional(out, "name", instance->name);
	put_line(out, "profile", instance->profile);
	put_optional(out, "root", instance->root);
	put_optional(out, "cgroup", instance->cgroup);
	buf_printf(out, "launcher %d %" PRIu64 "\n", (int)instance->launcher.pid, instance->launcher.start_ticks);
	buf_printf(out, "init %d %" PRIu64 "\n", (int)instance->init.pid, instance->init.start_ticks);
	buf_printf(out, "started %" PRIu64 " %" PRIu64 "\n", instance->started_boot_ms, instance->started_wall_ms);
	for (size_t i = 0; i < instance->limit_count; i++)
		buf_printf(out, "limit %s %" PRIu64 " %s\n", instance->limits[i].name, instance->limits[i].value, instance->limits[i].rung);
	put_args(out, instance->argv);
	buf_puts(out, "end\n");
}

/* --- reading --- */

struct reader {
	struct arena *arena;
	struct instance *instance;
	const char **argv;
	size_t argc;
};

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place. What put_line would have escaped must not stand there as it is, and no zero byte can hide behind an escape. */
static bool unescape(char *text)
{
	char *to = text;

	for (const char *c = text; *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return false;
		if (*c != '\\') {
			*to++ = *c;
			continue;
		}
		int high = c[1] == 'x' ? hex_digit(c[2]) : -1, low = high < 0 ? -1 : hex_digit(c[3]);
		if (low < 0 || high + low == 0)
			return false;
		*to++ = (char)(high * 16 + low);
		c += 3;
	}
	*to = 0;
	return true;
}

static bool take_text(const char **field, char *value)
{
	*field = value;
	return unescape(value);
}

static bool take_number(char **text, int64_t max, uint64_t *ret)
{
	char *word = strsep(text, " ");
	int64_t number;

	if (!word || units_parse_number(word, 0, max, &number) < 0)
		return false;
	*ret = (uint64_t)number;
	return true;
}

static bool take_word(char **text, const char **ret)
{
	char *word = strsep(text, " ");
	size_t length = word ? strspn(word, "abcdefghijklmnopqrstuvwxyz_-") : 0;

	if (!length || length > WORD_MAX || word[length])
		return false;
	*ret = word;
	return true;
}

static bool take_process(struct instance_process *process, char *value)
{
	uint64_t pid, ticks;

	if (!take_number(&value, INT_MAX, &pid) || !take_number(&value, INT64_MAX, &ticks) || value || pid < 1)
		return false;
	*process = (struct instance_process){.pid = (pid_t)pid, .start_ticks = ticks};
	return true;
}

static bool take_id(struct reader *r, char *value)
{
	if (strlen(value) != INSTANCE_ID || strspn(value, "0123456789abcdef") != INSTANCE_ID)
		return false;
	memcpy(r->instance->id, value, INSTANCE_ID + 1);
	return true;
}

static bool take_name(struct reader *r, char *value)
{
	return take_text(&r->instance->name, value);
}

static bool take_profile(struct reader *r, char *value)
{
	return take_text(&r->instance->profile, value);
}

static bool take_root(struct reader *r, char *value)
{
	return take_text(&r->instance->root, value);
}

static bool take_cgroup(struct reader *r, char *value)
{
	return take_text(&r->instance->cgroup, value) && value[0] == '/' && !strstr(value, "/..");
}

static bool take_launcher(struct reader *r, char *value)
{
	return take_process(&r->instance->launcher, value);
}

static bool take_init(struct reader *r, char *value)
{
	return take_process(&r->instance->init, value);
}

static bool take_started(struct reader *r, char *value)
{
	return take_number(&value, INT64_MAX, &r->instance->started_boot_ms) && take_number(&value, INT64_MAX, &r->instance->started_wall_ms) && !value;
}

static bool take_limit(struct reader *r, char *value)
{
	struct instance_limit limit;

	if (r->instance->limit_count == INSTANCE_LIMITS_MAX)
		return false;
	if (!take_word(&value, &limit.name) || !take_number(&value, INT64_MAX, &limit.value) || !take_word(&value, &limit.rung) || value)
		return false;
	r->instance->limits[r->instance->limit_count++] = limit;
	return true;
}

static bool take_arg(struct reader *r, char *value)
{
	if (r->argc == INSTANCE_ARGS_MAX || !unescape(value))
		return false;
	r->argv = arena_grow(r->arena, r->argv, r->argc, sizeof(*r->argv));
	r->argv[r->argc++] = value;
	return true;
}

static const struct key {
	const char *name;
	bool required, repeated;
	bool (*take)(struct reader *reader, char *value);
} keys[] = {
    {"id", true, false, take_id},
    {"name", false, false, take_name},
    {"profile", true, false, take_profile},
    {"root", false, false, take_root},
    {"cgroup", false, false, take_cgroup},
    {"launcher", true, false, take_launcher},
    {"init", true, false, take_init},
    {"started", true, false, take_started},
    {"limit", false, true, take_limit},
    {"arg", false, true, take_arg},
};

static bool take_line(struct reader *reader, char *line, unsigned *seen)
{
	char *value = strchr(line, ' ');

	if (!value)
		return false;
	*value++ = 0;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(keys[i].name, line) != 0)
			continue;
		if (*seen & 1U << i && !keys[i].repeated)
			return false;
		*seen |= 1U << i;
		return keys[i].take(reader, value);
	}
	return false;
}

static bool has_all(unsigned seen)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].required && !(seen & 1U << i))
			return false;
	return true;
}

int instance_parse(struct arena *arena, const char *text, size_t size, struct instance *ret)
{
	struct instance instance = {0};
	struct reader reader = {.arena = arena, .instance = &instance};
	unsigned seen = 0;
	bool ended = false;

	if (!size || size > INSTANCE_SIZE_MAX || memchr(text, 0, size) || text[size - 1] != '\n')
		return -EBADMSG;
	char *rest = arena_strndup(arena, text, size - 1), *line = strsep(&rest, "\n");
	if (strcmp(line, FIRST_LINE) != 0)
		return -EBADMSG;
	while (!ended && (line = strsep(&rest, "\n"))) {
		ended = !strcmp(line, "end");
		if (!ended && !take_line(&reader, line, &seen))
			return -EBADMSG;
	}
	if (!ended || rest || !has_all(seen))
		return -EBADMSG;
	reader.argv = arena_grow(arena, reader.argv, reader.argc, sizeof(*reader.argv));
	reader.argv[reader.argc] = NULL;
	instance.argv = reader.argv;
	*ret = instance;
	return 0;
}
