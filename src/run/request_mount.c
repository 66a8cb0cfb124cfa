/* Docker's --volume, --mount, --tmpfs and --device as entries of filesystem.mounts. Each notation is read into one struct entry, which is
 * then written as YAML: so what they can say is the same. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "run/request_parts.h"
#include "util/buf.h"

struct entry {
	const char *label, *text; /* the option and its value as given, for messages */
	const char *path, *from, *mode, *tmpfs, *file_mode;
	bool noexec, optional;
};

static int add_field(struct request *request, struct buf *out, const struct entry *entry, const char *key, const char *value, struct error *err)
{
	const char *yaml = NULL;
	int r;

	if (!value)
		return 0;
	r = request_quote_for(request, value, entry->label, &yaml, err);
	if (r == 0)
		buf_printf(out, "%s%s: %s", out->size > 2 ? ", " : "", key, yaml);
	return r;
}

static int add_entry(struct request *request, const struct entry *entry, struct error *err)
{
	const struct {
		const char *key, *value;
	} fields[] = {
		{"path", entry->path},
		{"from", entry->from},
		{"mode", entry->mode},
		{"tmpfs", entry->tmpfs},
		{"file_mode", entry->file_mode},
	};
	cleanup_buf struct buf out = {0};

	if (!entry->path || !request_is_absolute(entry->path)) {
		(void)request_bad(err, entry->label, entry->text, EINVAL);
		if (!entry->path || !entry->path[0])
			return error_cause(err, "it says no path in the sandbox");
		(void)error_cause(err, "the path in the sandbox, '%s', is not absolute", entry->path);
		return error_hint(err, "begin it with a slash: /%s", entry->path);
	}
	buf_puts(&out, "[{");
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		int r = add_field(request, &out, entry, fields[i].key, fields[i].value, err);
		if (r < 0)
			return r;
	}
	if (entry->noexec)
		buf_puts(&out, ", exec: false");
	if (entry->optional)
		buf_puts(&out, ", optional: true");
	buf_puts(&out, "}]");
	return request_set_yaml(request, "filesystem.mounts", out.text, entry->label, err);
}

/* Cut the text up to `separator` off `*rest`; *rest is NULL behind the last piece. */
static char *next_piece(char **rest, char separator)
{
	char *piece = *rest;
	char *end = strchr(piece, separator);

	if (end)
		*end = 0;
	*rest = end ? end + 1 : NULL;
	return piece;
}

/* ---- words without a value, in -v, --mount and --tmpfs ---- */

enum word_use { FOR_BIND = 1, FOR_TMPFS = 2 };

static const struct {
	const char *word;
	const char *mode; /* NULL: nothing to set */
	unsigned uses;
	bool noexec, optional;
} words[] = {
	{.word = "ro", .uses = FOR_BIND, .mode = "ro"},
	{.word = "readonly", .uses = FOR_BIND, .mode = "ro"},
	{.word = "rw", .uses = FOR_BIND, .mode = "rw"},
	{.word = "discard", .uses = FOR_BIND, .mode = "discard"},
	{.word = "O", .uses = FOR_BIND, .mode = "discard"}, /* podman's word */
	{.word = "keep", .uses = FOR_BIND, .mode = "keep"},
	{.word = "optional", .uses = FOR_BIND, .optional = true},
	{.word = "noexec", .uses = FOR_BIND | FOR_TMPFS, .noexec = true},
	{.word = "rw", .uses = FOR_TMPFS},
	/* These always hold, or have no meaning where no label is set. */
	{.word = "exec", .uses = FOR_BIND | FOR_TMPFS},
	{.word = "nosuid", .uses = FOR_BIND | FOR_TMPFS},
	{.word = "nodev", .uses = FOR_BIND | FOR_TMPFS},
	{.word = "rprivate", .uses = FOR_BIND},
	{.word = "private", .uses = FOR_BIND},
	{.word = "z", .uses = FOR_BIND},
	{.word = "Z", .uses = FOR_BIND},
};

static bool take_word(struct entry *entry, enum word_use use, const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!(words[i].uses & (unsigned)use) || strcmp(words[i].word, word) != 0)
			continue;
		if (words[i].mode && use == FOR_BIND)
			entry->mode = words[i].mode;
		entry->noexec |= words[i].noexec;
		entry->optional |= words[i].optional;
		return true;
	}
	return false;
}

/* ---- -v SRC:DST[:WORD,…] ---- */

/* A path without a place in the sandbox is no volume of Docker's, but a slip. */
static int refuse_bare_path(const struct entry *entry, const char *path, struct error *err)
{
	(void)request_bad(err, entry->label, entry->text, EINVAL);
	(void)error_cause(err, "it says no path in the sandbox");
	return error_hint(err, "write  -v %s:%s", path, path[0] == '/' ? path : "/PATH");
}

static int refuse_volume(const struct entry *entry, const char *name, struct error *err)
{
	(void)error_set(err, EOPNOTSUPP, "cannot mount the volume '%s' (%s)", name, strrchr(entry->label, ' ') + 1);
	(void)error_cause(err, "named volumes are not in this version");
	return error_hint(err, "for a directory write a path with a slash, such as  ./%s:/data", name);
}

int request_add_volume(struct request *request, const char *text, const char *label, struct error *err)
{
	struct entry entry = {.label = label, .text = text, .mode = "rw"};
	char *rest = arena_strdup(&request->arena, text);
	const char *source = next_piece(&rest, ':');

	if (!*source) {
		(void)request_bad(err, label, text, EINVAL);
		(void)error_cause(err, "it is not SOURCE:PATH[:MODE]");
		return error_hint(err, "for instance  --volume ./src:/src:ro");
	}
	if (!strchr(source, '/') && strcmp(source, ".") != 0 && strcmp(source, "..") != 0)
		return refuse_volume(&entry, source, err);
	if (!rest)
		return refuse_bare_path(&entry, source, err);
	int r = request_absolute(request, source, label, &entry.from, err);
	if (r < 0)
		return r;
	entry.path = next_piece(&rest, ':');
	while (rest) {
		const char *word = next_piece(&rest, ',');

		if (take_word(&entry, FOR_BIND, word))
			continue;
		(void)request_bad(err, label, text, EINVAL);
		(void)error_cause(err, "'%s' is no mode", word);
		return error_hint(err, "modes are ro, rw, discard (changes are thrown away), keep, noexec, optional");
	}
	return add_entry(request, &entry, err);
}

/* ---- --tmpfs PATH[:OPTION,…] ---- */

static bool take_tmpfs_option(struct entry *entry, const char *option)
{
	if (!strncmp(option, "size=", 5))
		entry->tmpfs = option + 5;
	else if (!strncmp(option, "mode=", 5))
		entry->file_mode = option + 5;
	else
		return take_word(entry, FOR_TMPFS, option);
	return true;
}

int request_add_tmpfs(struct request *request, const char *text, const char *label, struct error *err)
{
	struct entry entry = {.label = label, .text = text, .tmpfs = "0"};
	char *rest = arena_strdup(&request->arena, text);

	entry.path = next_piece(&rest, ':');
	while (rest) {
		const char *option = next_piece(&rest, ',');

		if (take_tmpfs_option(&entry, option))
			continue;
		(void)request_bad(err, label, text, EINVAL);
		(void)error_cause(err, "'%s' is no option of a tmpfs", option);
		return error_hint(err, "options are size=SIZE, mode=MODE, noexec");
	}
	return add_entry(request, &entry, err);
}

/* ---- --mount type=…,KEY=VALUE,… ---- */

static const struct {
	const char *key;
	size_t offset; /* of a text in struct entry */
	unsigned uses;
} mount_keys[] = {
	{"source", offsetof(struct entry, from), FOR_BIND},
	{"src", offsetof(struct entry, from), FOR_BIND},
	{"target", offsetof(struct entry, path), FOR_BIND | FOR_TMPFS},
	{"destination", offsetof(struct entry, path), FOR_BIND | FOR_TMPFS},
	{"dst", offsetof(struct entry, path), FOR_BIND | FOR_TMPFS},
	{"mode", offsetof(struct entry, mode), FOR_BIND},
	{"tmpfs-size", offsetof(struct entry, tmpfs), FOR_TMPFS},
	{"tmpfs-mode", offsetof(struct entry, file_mode), FOR_TMPFS},
};

static bool take_mount_field(struct entry *entry, enum word_use use, char *field)
{
	char *equals = strchr(field, '=');

	if (!equals)
		return take_word(entry, use, field);
	*equals = 0;
	for (size_t i = 0; i < ARRAY_SIZE(mount_keys); i++) {
		if (!(mount_keys[i].uses & (unsigned)use) || strcmp(mount_keys[i].key, field) != 0)
			continue;
		*(const char **)(void *)((char *)entry + mount_keys[i].offset) = equals + 1;
		return true;
	}
	if (!strcmp(equals + 1, "true") || !strcmp(equals + 1, "1"))
		return take_word(entry, use, field);
	bool off = !strcmp(equals + 1, "false") || !strcmp(equals + 1, "0");
	return off && take_word(&(struct entry){0}, use, field); /* a known word, switched off */
}

static int refuse_mount_type(struct error *err, const char *label, const char *text, const char *type)
{
	(void)request_bad(err, label, text, EINVAL);
	if (!type || !strcmp(type, "volume"))
		(void)error_cause(err, "named volumes are not in this version");
	else
		(void)error_cause(err, "'%s' is no type of mount", type);
	return error_hint(err, "type=bind,source=DIR,target=PATH  or  type=tmpfs,target=PATH,tmpfs-size=SIZE");
}

int request_add_mount(struct request *request, const char *text, const char *label, struct error *err)
{
	struct entry entry = {.label = label, .text = text};
	const char *type = NULL;
	char *rest = arena_strdup(&request->arena, text);

	/* The type decides what the other fields may be, wherever it stands. */
	while (rest) {
		const char *field = next_piece(&rest, ',');
		if (!strncmp(field, "type=", 5))
			type = field + 5;
	}
	bool bind = type && !strcmp(type, "bind");
	if (!bind && (!type || strcmp(type, "tmpfs") != 0))
		return refuse_mount_type(err, label, text, type);
	entry.mode = bind ? "rw" : NULL;
	entry.tmpfs = bind ? NULL : "0";
	rest = arena_strdup(&request->arena, text);
	while (rest) {
		char *field = next_piece(&rest, ',');

		if (!strncmp(field, "type=", 5) || take_mount_field(&entry, bind ? FOR_BIND : FOR_TMPFS, field))
			continue;
		(void)request_bad(err, label, text, EINVAL);
		return error_cause(err, "'%s' is no field of a %s mount", field, type);
	}
	if (!bind)
		return add_entry(request, &entry, err);
	int r = request_absolute(request, entry.from ? entry.from : "", label, &entry.from, err);
	return r < 0 ? r : add_entry(request, &entry, err);
}

/* ---- --device NODE[:PATH][:rwm] ---- */

int request_add_device(struct request *request, const char *text, const char *label, struct error *err)
{
	struct entry entry = {.label = label, .text = text};
	char *rest = arena_strdup(&request->arena, text);
	const char *rights = "rwm";

	entry.from = next_piece(&rest, ':');
	entry.path = entry.from;
	if (rest && *rest == '/')
		entry.path = next_piece(&rest, ':');
	if (rest)
		rights = rest;
	if (strncmp(entry.from, "/dev/", 5) != 0) {
		(void)request_bad(err, label, text, EOPNOTSUPP);
		(void)error_cause(err, "only a node beneath /dev can be given to a sandbox in this version");
		return error_hint(err, "for instance  --device /dev/dri/renderD128");
	}
	if (!*rights || rights[strspn(rights, "rwm")]) {
		(void)request_bad(err, label, text, EINVAL);
		return error_cause(err, "'%s' is not made of r, w and m", rights);
	}
	entry.mode = strchr(rights, 'w') ? "rw" : "ro";
	return add_entry(request, &entry, err);
}
