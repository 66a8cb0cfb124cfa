#include "run/request.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/manifest.h"
#include "run/plan_image.h"
#include "run/request_parts.h"
#include "util/buf.h"

static const char label_prefix[] = "command line ";

void request_init(struct request *request)
{
	*request = (struct request){0};
}

void request_done(struct request *request)
{
	arena_done(&request->arena);
	*request = (struct request){0};
}

int request_bad(struct error *err, const char *label, const char *text, int errnum)
{
	size_t skip = strncmp(label, label_prefix, sizeof(label_prefix) - 1) ? 0 : sizeof(label_prefix) - 1;

	return error_set(err, errnum, "bad value '%s' for %s", text, label + skip);
}

/* The length of the well-formed UTF-8 sequence at `text` (Unicode 15, table 3-7), 0 for anything else. */
static size_t utf8_sequence(const unsigned char *text, uint32_t *ret_rune)
{
	static const struct {
		unsigned char first, last, low, high; /* of the lead byte and of the one behind it */
		unsigned char size, bits;
	} forms[] = {
		{0x01, 0x7f, 0, 0, 1, 0x7f},
		{0xc2, 0xdf, 0x80, 0xbf, 2, 0x1f},
		{0xe0, 0xe0, 0xa0, 0xbf, 3, 0x0f},
		{0xe1, 0xec, 0x80, 0xbf, 3, 0x0f},
		{0xed, 0xed, 0x80, 0x9f, 3, 0x0f},
		{0xee, 0xef, 0x80, 0xbf, 3, 0x0f},
		{0xf0, 0xf0, 0x90, 0xbf, 4, 0x07},
		{0xf1, 0xf3, 0x80, 0xbf, 4, 0x07},
		{0xf4, 0xf4, 0x80, 0x8f, 4, 0x07},
	};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		uint32_t rune = text[0] & forms[i].bits;

		if (text[0] < forms[i].first || text[0] > forms[i].last)
			continue;
		if (forms[i].size > 1 && (text[1] < forms[i].low || text[1] > forms[i].high))
			return 0;
		for (size_t k = 1; k < forms[i].size; k++) {
			if ((text[k] & 0xc0) != 0x80)
				return 0;
			rune = rune << 6 | (text[k] & 0x3fU);
		}
		*ret_rune = rune;
		return forms[i].size;
	}
	return 0;
}

/* What YAML 1.1 (§5.1) lets no stream hold, or takes for a line break. */
static bool needs_escape(uint32_t rune)
{
	return rune < 0x20 || (rune >= 0x7f && rune <= 0x9f) || rune == 0x2028 || rune == 0x2029 || rune == 0xfeff || rune == 0xfffe || rune == 0xffff;
}

int request_quote(struct arena *arena, const char *text, const char **ret_yaml)
{
	const unsigned char *at = (const unsigned char *)text;
	cleanup_buf struct buf out = {0};

	buf_puts(&out, "\"");
	while (*at) {
		uint32_t rune = 0;
		size_t size = utf8_sequence(at, &rune);

		if (!size)
			return -EILSEQ;
		if (needs_escape(rune))
			buf_printf(&out, "\\u%04x", (unsigned)rune);
		else if (rune == '"' || rune == '\\')
			buf_printf(&out, "\\%c", (int)rune);
		else
			buf_add(&out, at, size);
		at += size;
	}
	buf_puts(&out, "\"");
	*ret_yaml = arena_strndup(arena, out.text, out.size);
	return 0;
}

int request_quote_for(struct request *request, const char *text, const char *label, const char **ret_yaml, struct error *err)
{
	if (request_quote(&request->arena, text, ret_yaml) == 0)
		return 0;
	(void)request_bad(err, label, text, EILSEQ);
	return error_cause(err, "it has bytes that are not UTF-8, which no profile can hold");
}

int request_set_yaml(struct request *request, const char *key, const char *yaml, const char *label, struct error *err)
{
	struct request_override *item;

	if (!*key) {
		(void)request_bad(err, label, key, EINVAL);
		return error_cause(err, "it names no key");
	}
	request->overrides = arena_grow(&request->arena, request->overrides, request->override_count, sizeof(*item));
	item = &request->overrides[request->override_count++];
	item->key = arena_strdup(&request->arena, key);
	item->yaml = arena_strdup(&request->arena, yaml);
	item->label = arena_strdup(&request->arena, label);
	return 0;
}

int request_set_text(struct request *request, const char *key, const char *text, const char *label, struct error *err)
{
	const char *yaml = NULL;
	int r = request_quote_for(request, text, label, &yaml, err);

	return r < 0 ? r : request_set_yaml(request, key, yaml, label, err);
}

int request_set_limit(struct request *request, const char *key, const char *text, const char *label, struct error *err)
{
	bool unlimited = !strcmp(text, "0") || !strcmp(text, "-1");

	return unlimited ? request_set_yaml(request, key, "none", label, err) : request_set_text(request, key, text, label, err);
}

int request_add_item(struct request *request, const char *key, const char *text, const char *label, struct error *err)
{
	const char *yaml = NULL;
	int r = request_quote_for(request, text, label, &yaml, err);

	return r < 0 ? r : request_set_yaml(request, key, arena_printf(&request->arena, "[%s]", yaml), label, err);
}

int request_set_pair(struct request *request, const char *key_value, const char *label, struct error *err)
{
	const char *equals = strchr(key_value, '=');

	if (!equals || equals == key_value) {
		(void)request_bad(err, label, key_value, EINVAL);
		(void)error_cause(err, "it is not KEY=VALUE");
		return error_hint(err, "for instance  --set resources.memory=4G");
	}
	const char *key = arena_strndup(&request->arena, key_value, (size_t)(equals - key_value));
	return request_set_yaml(request, key, equals + 1, arena_printf(&request->arena, "%s %s", label, key), err);
}

int request_add_profile(struct request *request, const char *name, struct error *err)
{
	if (!*name) {
		(void)error_set(err, EINVAL, "no profile name behind '@'");
		(void)error_cause(err, "a profile is chosen by @NAME or --profile NAME|FILE");
		return error_hint(err, "`carrel profile list` shows the names");
	}
	request->profiles = arena_grow(&request->arena, request->profiles, request->profile_count, sizeof(*request->profiles));
	request->profiles[request->profile_count++] = arena_strdup(&request->arena, name);
	return 0;
}

int request_add_env(struct request *request, const char *text, const char *label, struct error *err)
{
	const char *equals = strchr(text, '=');
	const char *key = NULL, *value = NULL;
	int r;

	if (!*text || equals == text) {
		(void)request_bad(err, label, text, EINVAL);
		return error_cause(err, "the variable has no name");
	}
	if (!equals)
		return request_add_item(request, "environment.inherit", text, label, err);
	r = request_quote_for(request, arena_strndup(&request->arena, text, (size_t)(equals - text)), label, &key, err);
	if (r == 0)
		r = request_quote_for(request, equals + 1, label, &value, err);
	if (r < 0)
		return r;
	return request_set_yaml(request, "environment.set", arena_printf(&request->arena, "{%s: %s}", key, value), label, err);
}

int request_add_env_lines(struct request *request, char *text, const char *label, struct error *err)
{
	char *save = NULL;

	/* As Docker: one KEY=VALUE or KEY a line, blanks before it and lines with # skipped, quotes and blanks in the value kept. */
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		size_t size;

		line += strspn(line, " \t\r");
		size = strlen(line);
		if (size && line[size - 1] == '\r')
			line[size - 1] = 0;
		if (!*line || *line == '#')
			continue;
		int r = request_add_env(request, line, label, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* "net_admin" → "CAP_NET_ADMIN"; NULL for what no capability can be called. */
static const char *capability_name(struct arena *arena, const char *name)
{
	char *upper = arena_strdup(arena, name);

	for (char *c = upper; *c; c++) {
		if (!isalnum((unsigned char)*c) && *c != '_')
			return NULL;
		*c = (char)toupper((unsigned char)*c);
	}
	if (!*upper)
		return NULL;
	if (!strcmp(upper, "ALL") || !strncmp(upper, "CAP_", 4))
		return upper;
	return arena_printf(arena, "CAP_%s", upper);
}

static int bad_capability(struct error *err, const char *label, const char *name)
{
	(void)request_bad(err, label, name, EINVAL);
	(void)error_cause(err, "no capability has such a name");
	return error_hint(err, "names are as in capabilities(7): NET_RAW or CAP_NET_RAW; ALL is every one");
}

int request_add_cap(struct request *request, const char *name, const char *label, struct error *err)
{
	const char *cap = capability_name(&request->arena, name);

	return cap ? request_add_item(request, "capabilities", cap, label, err) : bad_capability(err, label, name);
}

static void add_text(struct request *request, struct request_text **items, size_t *count, const char *text, const char *label)
{
	*items = arena_grow(&request->arena, *items, *count, sizeof(**items));
	(*items)[*count].text = arena_strdup(&request->arena, text);
	(*items)[*count].label = arena_strdup(&request->arena, label);
	(*count)++;
}

int request_drop_cap(struct request *request, const char *name, const char *label, struct error *err)
{
	const char *cap = capability_name(&request->arena, name);
	int r;

	if (!cap)
		return bad_capability(err, label, name);
	if (strcmp(cap, "ALL") != 0) {
		add_text(request, &request->cap_drops, &request->cap_drop_count, cap, label);
		return 0;
	}
	r = request_set_yaml(request, "capabilities", "!replace []", label, err);
	if (r < 0)
		return r;
	/* Docker drops first and adds then, in whatever order the options stand: so it goes before every --cap-add. */
	struct request_override last = request->overrides[request->override_count - 1];
	memmove(request->overrides + 1, request->overrides, (request->override_count - 1) * sizeof(last));
	request->overrides[0] = last;
	return 0;
}

int request_add_ulimit(struct request *request, const char *text, const char *label, struct error *err)
{
	const char *equals = strchr(text, '=');

	if (!equals || equals == text || !equals[1]) {
		(void)request_bad(err, label, text, EINVAL);
		(void)error_cause(err, "it is not NAME=SOFT[:HARD]");
		return error_hint(err, "for instance  --ulimit nofile=1024:2048");
	}
	add_text(request, &request->ulimits, &request->ulimit_count, text, label);
	return 0;
}

int request_add_security(struct request *request, const char *text, const char *label, struct error *err)
{
	static const char *const always[] = {"no-new-privileges", "no-new-privileges:true", "no-new-privileges=true", "apparmor=unconfined", "label=disable", "label:disable"};
	static const char *const lists[] = {"syscalls.allow", "syscalls.deny", "syscalls.rules"};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		if (!strcmp(text, always[i]))
			return 0; /* carrel always sets no_new_privs and never a label */
	if (!strcmp(text, "seccomp=unconfined") || !strcmp(text, "seccomp:unconfined")) {
		for (size_t i = 0; i < ARRAY_SIZE(lists) && r == 0; i++)
			r = request_set_yaml(request, lists[i], "!replace []", label, err);
		if (r == 0)
			r = request_set_yaml(request, "process.new_namespaces", "true", label, err);
		return r < 0 ? r : request_set_yaml(request, "syscalls.default", "allow", label, err);
	}
	(void)request_bad(err, label, text, EINVAL);
	(void)error_cause(err, "carrel knows no-new-privileges, which always holds, and seccomp=unconfined");
	return error_hint(err, "system calls are ruled by the keys syscalls.allow, .deny and .rules of a profile");
}

static int bad_fds(struct error *err, const char *label, const char *text)
{
	(void)request_bad(err, label, text, EINVAL);
	(void)error_cause(err, "it is not a list of descriptors from 3 on");
	return error_hint(err, "for instance  --preserve-fds 3,5-7");
}

int request_add_fds(struct request *request, const char *text, const char *label, struct error *err)
{
	enum { FD_MOST = 1 << 20 };
	const char *at = text;

	do {
		char *end;
		long first, last;

		if (!isdigit((unsigned char)*at))
			return bad_fds(err, label, text);
		first = last = strtol(at, &end, 10);
		if (*end == '-' && isdigit((unsigned char)end[1]))
			last = strtol(end + 1, &end, 10);
		if (first < 3 || last < first || last > FD_MOST || last - first > 1024 || (*end && *end != ','))
			return bad_fds(err, label, text);
		for (long fd = first; fd <= last; fd++) {
			request->preserve_fds = arena_grow(&request->arena, request->preserve_fds, request->preserve_fd_count, sizeof(int));
			request->preserve_fds[request->preserve_fd_count++] = (int)fd;
		}
		at = end + (*end == ',');
	} while (at[-1] == ',' || *at);
	return 0;
}

int request_set_report(struct request *request, const char *text, const char *label, struct error *err)
{
	char *end = NULL;
	long fd = isdigit((unsigned char)*text) ? strtol(text, &end, 10) : -1;

	if (!*text || (end && !*end && fd > INT_MAX)) {
		(void)request_bad(err, label, text, EINVAL);
		return error_cause(err, "it is neither a file nor a descriptor");
	}
	request->report = arena_strdup(&request->arena, text);
	return 0;
}

int request_set_rootfs(struct request *request, const char *dir, const char *label, struct error *err)
{
	const char *absolute = NULL;
	int r = request_absolute(request, dir, label, &absolute, err);

	if (r < 0)
		return r;
	request->rootfs = arena_strdup(&request->arena, dir);
	return request_set_text(request, "filesystem.root", arena_printf(&request->arena, "dir:%s", absolute), label, err);
}

bool request_is_absolute(const char *path)
{
	/* --volume=~/src:/src comes here with its ~ in most shells; profiles may begin a path so too. */
	return *path == '/' || *path == '$' || (*path == '~' && (!path[1] || path[1] == '/'));
}

int request_absolute(struct request *request, const char *path, const char *label, const char **ret_path, struct error *err)
{
	if (!*path) {
		(void)request_bad(err, label, path, EINVAL);
		return error_cause(err, "the path is empty");
	}
	if (request_is_absolute(path)) {
		*ret_path = arena_strdup(&request->arena, path);
		return 0;
	}
	if (!request->cwd) {
		(void)request_bad(err, label, path, ENOENT);
		(void)error_cause(err, "it is relative to the working directory, which is gone or cannot be read");
		return error_hint(err, "write an absolute path, or change to another directory first");
	}
	/* Not cleaned: a/../b is not b where a is a symlink. */
	*ret_path = arena_printf(&request->arena, "%s/%s", strcmp(request->cwd, "/") ? request->cwd : "", path);
	return 0;
}

/* ---- what has no mechanism in this version ---- */

static bool sets_key(const struct request *request, const char *key)
{
	for (size_t i = 0; i < request->override_count; i++)
		if (!strcmp(request->overrides[i].key, key))
			return true;
	return false;
}

static bool wants_detach(const struct request *request)
{
	return request->detach;
}

static bool wants_publish(const struct request *request)
{
	return sets_key(request, "network.publish");
}

static const struct {
	bool (*wanted)(const struct request *request);
	const char *what, *cause, *hint;
} missing[] = {
	{wants_detach, "cannot run in the background (--detach)", "detached sandboxes are not in this version", "carrel run … & or systemd-run --user keep one running"},
	{wants_publish, "cannot publish a port (--publish)", "port forwarding is not in this version", "--network host shares the network of this machine"},
};

static int refuse_missing(const struct request *request, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(missing); i++) {
		if (!missing[i].wanted(request))
			continue;
		(void)error_set(err, EOPNOTSUPP, "%s", missing[i].what);
		(void)error_cause(err, "%s", missing[i].cause);
		return error_hint(err, "%s", missing[i].hint);
	}
	return 0;
}

/* ---- the end of the command line ---- */

static void take_back_drops(struct request *request)
{
	size_t kept = 0;

	for (size_t i = 0; i < request->cap_drop_count; i++) {
		const char *item = arena_printf(&request->arena, "[\"%s\"]", request->cap_drops[i].text);
		bool added = false;

		for (size_t k = 0; k < request->override_count && !added; k++)
			added = !strcmp(request->overrides[k].key, "capabilities") && !strcmp(request->overrides[k].yaml, item);
		if (!added)
			request->cap_drops[kept++] = request->cap_drops[i];
	}
	request->cap_drop_count = kept;
}

int request_set_image(struct request *request, const char *word, struct error *err)
{
	static const char image_label[] = "command line IMAGE";

	if (!*word) {
		(void)error_set(err, EINVAL, "no image was given");
		(void)error_cause(err, "the word is empty");
		return error_hint(err, "write  carrel run [OPTIONS] IMAGE [ARG…]");
	}
	request->image = arena_strdup(&request->arena, word);
	return request_set_text(request, "filesystem.root", arena_printf(&request->arena, "image:%s", word), image_label, err);
}

int request_set_pull(struct request *request, const char *text, const char *label, struct error *err)
{
	static const char *const words[] = {[PULL_MISSING] = "missing", [PULL_ALWAYS] = "always", [PULL_NEVER] = "never"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(words[i], text) != 0)
			continue;
		request->pull = (enum request_pull)i;
		request->pull_label = arena_strdup(&request->arena, label);
		return 0;
	}
	(void)request_bad(err, label, text, EINVAL);
	(void)error_cause(err, "it is none of always, missing, never");
	return error_hint(err, "without the option it is pulled where it is missing");
}

int request_set_platform(struct request *request, const char *text, const char *label, struct error *err)
{
	struct platform *platform = arena_alloc(&request->arena, sizeof(*platform));
	int r = platform_parse(&request->arena, text, platform, err);

	if (r < 0) /* it says what is wrong with the text */
		return error_prefix(err, "bad value for %s", label + strcspn(label, "-"));
	request->platform = platform;
	return 0;
}

int request_set_stop_signal(struct request *request, const char *text, const char *label, struct error *err)
{
	request->stop_signal = plan_image_signal(text);
	request->stop_signal_label = arena_strdup(&request->arena, label);
	if (request->stop_signal)
		return 0;
	(void)request_bad(err, label, text, EINVAL);
	(void)error_cause(err, "there is no such signal");
	return error_hint(err, "it is written like SIGINT, INT or 2; `kill -l` lists them");
}

int request_no_command(const struct request *request, struct error *err)
{
	(void)error_set(err, EINVAL, request->command_count ? "the command is empty" : "no command was given");
	(void)error_cause(err, "there is nothing to run");
	return error_hint(err, "write  carrel run [OPTIONS] %s COMMAND [ARG…]", request->rootfs ? "--rootfs DIR" : "--");
}

/* An image may bring the command along; whether there is one, only the profiles know. */
static bool may_have_image(const struct request *request)
{
	return request->image || (!request->rootfs && (request->profile_count || sets_key(request, "filesystem.root")));
}

int request_finish(struct request *request, size_t count, char *const words[], struct error *err)
{
	char **command = arena_alloc(&request->arena, (count + 1) * sizeof(*command));
	bool has_program = request->entrypoint && *request->entrypoint;
	int r;

	for (size_t i = 0; i < count; i++)
		command[i] = words[i];
	request->command = command;
	request->command_count = count;
	take_back_drops(request);
	r = refuse_missing(request, err);
	if (r == 0 && !may_have_image(request) && !has_program && !(count && *command[0]))
		r = request_no_command(request, err);
	/* A root filesystem of one's own is what `docker run` has; the profile `default` is about the host's. */
	if (r == 0 && (request->rootfs || request->image) && !request->profile_count)
		r = request_add_profile(request, "container", err);
	return r;
}
