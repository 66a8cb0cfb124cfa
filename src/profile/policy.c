/* Reading the policy. */
#include "profile/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "profile/apply.h"
#include "profile/node.h"
#include "profile/number.h"
#include "profile/suggest.h"
#include "util/fd.h"
#include "util/units.h"

enum { SMALL_FILE = 4096 };

/* --- the table -------------------------------------------------------------------------------------------------------------------- */

static bool complain(struct complaint *ret, const char *cause, const char *hint)
{
	*ret = (struct complaint){cause, hint};
	return false;
}

static bool is_settable(const struct schema_key *key)
{
	return key->type != SCHEMA_SECTION && key->type != SCHEMA_EXTENDS;
}

static bool accept_key(const char *text, struct complaint *ret)
{
	static char hint[128];
	struct suggestion suggestion = {.wanted = text};
	const struct schema_key *key = schema_find(text);

	if (key && is_settable(key))
		return true;
	for (key = schema_table; key->name; key++)
		if (is_settable(key))
			suggest_offer(&suggestion, key->name);
	(void)snprintf(hint, sizeof(hint), suggestion.best ? "did you mean '%s'?" : "carrel-profile(5) has every key, such as resources.memory", suggestion.best);
	return complain(ret, "no profile has this key", hint);
}

static bool accept_profile(const char *text, struct complaint *ret)
{
	if (text[0] != '/' && strchr(text, '/'))
		return complain(ret, "it is neither a name nor an absolute path", "write a name such as build, or a pattern such as /opt/site/*.yaml");
	if (strstr(text, "/../") || strstr(text, "/./") || strstr(text, "//"))
		return complain(ret, "no path is ever written like this, so that it allows nothing", "write the path without //, /./ and /../");
	return true;
}

static bool accept_image(const char *text, struct complaint *ret)
{
	if (strpbrk(text, " \t\n"))
		return complain(ret, "an image's reference has no blank", "write a pattern such as docker.io/library/*");
	return true;
}

static bool accept_mirror(const char *text, struct complaint *ret)
{
	if (!*text || strpbrk(text, " \t\n/@,"))
		return complain(ret, "it is no registry's name", "write HOST or HOST:PORT, such as mirror.example.org:5000");
	return true;
}

#define AT(member) .offset = offsetof(struct policy, member)
#define CEILING(member) {.name = "ceilings." #member, AT(ceilings.member)} /* the rest is the profile key's */
static struct schema_key table[] = {
	{.name = "ceilings", .type = SCHEMA_SECTION, .help = "The most that a sandbox may have. One that sets none gets the ceiling, one that asks for more is refused."},
	CEILING(memory),
	CEILING(memory_high),
	CEILING(swap),
	CEILING(cpus),
	CEILING(tasks),
	CEILING(timeout),
	CEILING(cpu_time),
	CEILING(open_files),
	CEILING(file_size),
	CEILING(scratch),
	CEILING(output),
	{.name = "require", .type = SCHEMA_TEXTS, AT(require), .help = "Guarantees that are added to what every sandbox requires: it does not start where one cannot be given."},
	{.name = "keys", .type = SCHEMA_TEXTS, AT(keys), .accept = accept_key, .help = "Keys of profiles, such as resources.memory, that a profile or the command line must set."},
	{.name = "network", .type = SCHEMA_TEXTS, AT(network), .help = "The values of network.mode that are allowed."},
	{.name = "profiles", .type = SCHEMA_TEXTS, AT(profiles), .accept = accept_profile, .help = "The profiles that may be asked for: names, or patterns of absolute paths such as /opt/site/*.yaml. "
		"A name stands for the machine's or the installation's profile, not for a user's own of the same name. What an allowed profile extends is not looked at."},
	{.name = "images", .type = SCHEMA_TEXTS, AT(images), .accept = accept_image, .help = "Where images may come from: patterns of full references, such as docker.io/library/*, and of the paths of files that are run, loaded or imported."},
	{.name = "mirrors", .type = SCHEMA_TEXTS, AT(mirrors), .accept = accept_mirror, .help = "Registries, HOST or HOST:PORT, that are asked for Docker Hub's images before Docker Hub is."},
	{.name = "message", .type = SCHEMA_TEXT, AT(message), .help = "The hint of each refusal: whom to ask."},
	{.name = NULL},
};

/* What a line has in common with the profile's. */
static void complete_line(struct schema_key *key, const char *name)
{
	const struct schema_key *line = schema_find(name);

	if (!line)
		abort(); /* a mistake in the table, which every test finds */
	key->words = line->words;
	if (key->type == SCHEMA_TEXTS)
		return;
	key->type = line->type;
	key->min = line->min;
	key->max = line->max;
	key->of_memory = line->of_memory;
	key->help = line->help;
}

const struct schema_key *policy_table(void)
{
	static bool is_complete;

	for (struct schema_key *key = table; !is_complete && key->name; key++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "resources.%s", schema_leaf(key));
		if (schema_is_in(key, table)) /* the first line is the section's */
			complete_line(key, name);
		else if (strcmp(key->name, "require") == 0)
			complete_line(key, "require");
		else if (strcmp(key->name, "network") == 0)
			complete_line(key, "network.mode");
	}
	is_complete = true;
	return table;
}

/* --- a text ----------------------------------------------------------------------------------------------------------------------- */

static int fail(struct error *err, int code, const char *file, const struct origin *at, const char *cause, const char *hint)
{
	error_set(err, code, "cannot read the policy of this machine, '%s'", file);
	if (cause)
		error_cause(err, "%s", cause);
	error_hint(err, "%s", hint);
	error_at(err, at, NULL);
	return -code;
}

/* An empty list would allow nothing at all. Rather than that, somebody commented its items out. */
static int check_list(const struct policy *policy, const struct text_list *list, const char *key, struct error *err)
{
	if (!list->at.file || list->count)
		return 0;
	error_set(err, EINVAL, "cannot use '%s' in the policy of this machine, '%s'", key, policy->file);
	error_cause(err, "the list is empty, so that nothing could run");
	error_hint(err, "leave the key out to allow everything");
	error_at(err, &list->at, key);
	return -EINVAL;
}

static int read_root(struct policy *policy, const struct node *root, struct error *err)
{
	const struct reading reading = {.arena = &policy->arena, .subject = policy->file, .table = policy_table(), .err = err};
	const struct origin top = {policy->file, 1, 1};
	int r;

	if (!root || (root->kind == NODE_TEXT && node_is_nothing(root, true)))
		return fail(err, EINVAL, policy->file, &top, "it is empty", "remove it where there is to be no policy");
	if (root->kind != NODE_MAP)
		return fail(err, EINVAL, policy->file, &root->at, "a policy is a map of keys such as  ceilings:", "see carrel-policy(5)");
	r = apply_document(&reading, root, policy);
	if (r == 0)
		r = check_list(policy, &policy->network, "network", err);
	if (r == 0)
		r = check_list(policy, &policy->profiles, "profiles", err);
	return r;
}

int policy_parse(const char *text, size_t size, const char *file, struct policy **ret, struct error *err)
{
	struct policy *policy = mem_alloc(sizeof(*policy));
	struct node *root = NULL;
	int r;

	policy->file = file;
	value_set_defaults(policy_table(), policy);
	r = node_parse(&policy->arena, text, size, file, &root, err);
	if (r == 0)
		r = read_root(policy, root, err);
	if (r < 0) {
		policy_free(policy);
		return r;
	}
	*ret = policy;
	return 0;
}

void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	arena_done(&policy->arena);
	free(policy);
}

/* --- the file --------------------------------------------------------------------------------------------------------------------- */

/* In a user namespace that does not know the real root, his files are shown as those of the overflow id (user_namespaces(7)). In the first
 * namespace that number is an ordinary account. */
static bool is_hidden_root(uid_t owner)
{
	static const char path[] = "/proc/sys/kernel/overflowuid";
	cleanup_free char *map = NULL, *number = NULL;
	unsigned from, to, count;

	if (fd_slurp_at(AT_FDCWD, "/proc/self/uid_map", SMALL_FILE, &map, NULL) < 0 || fd_slurp_at(AT_FDCWD, path, SMALL_FILE, &number, NULL) < 0)
		return false;
	if (sscanf(map, "%u %u %u", &from, &to, &count) == 3 && from == 0 && to == 0 && count == UINT32_MAX)
		return false;
	return strtoul(number, NULL, 10) == owner;
}

static int check_file(const char *path, const struct stat *st, struct error *err)
{
	char cause[160];

	if (!S_ISREG(st->st_mode))
		return fail(err, EINVAL, path, NULL, "it is not a regular file", "");
	if (st->st_uid != 0 && !is_hidden_root(st->st_uid)) {
		(void)snprintf(cause, sizeof(cause), "it belongs to the user %u and not to root", st->st_uid);
		(void)fail(err, EPERM, path, NULL, cause, ""); /* the code is the same below */
		return error_hint(err, "sudo chown root %s", path);
	}
	if (st->st_mode & (S_IWGRP | S_IWOTH)) {
		(void)snprintf(cause, sizeof(cause), "others than root may write it (mode %04o)", st->st_mode & 07777);
		(void)fail(err, EPERM, path, NULL, cause, ""); /* the code is the same below */
		return error_hint(err, "sudo chmod 644 %s", path);
	}
	return 0;
}

int policy_load(const char *path, struct policy **ret, struct error *err)
{
	/* O_NONBLOCK: a FIFO in its place must not hang us. */
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	cleanup_free char *text = NULL;
	struct stat st;
	size_t size;
	int r;

	/* A symlink to nothing is a policy that got lost, and not one that was never there. */
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR) && lstat(path, &st) < 0) {
		*ret = NULL;
		return 0;
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(err, errno, path, NULL, NULL, errno == EACCES ? "everybody must be able to read it: mode 644, and 755 for its folders" : "");
	r = check_file(path, &st, err);
	if (r < 0)
		return r;
	r = fd_slurp(fd, NODE_FILE_MAX, &text, &size);
	if (r < 0)
		return fail(err, -r, path, NULL, r == -EFBIG ? "it is larger than 1 MiB" : NULL, "");
	return policy_parse(text, size, path, ret, err);
}

/* --- in one line ------------------------------------------------------------------------------------------------------------------ */

static void put_list(struct buf *out, const char *name, const struct text_list *list)
{
	if (!list->at.file)
		return;
	buf_printf(out, "%s%s ", out->size ? "; " : "", name);
	for (size_t i = 0; i < list->count; i++)
		buf_printf(out, "%s%s", i ? ", " : "", list->items[i].v);
	if (!list->count)
		buf_puts(out, "none");
}

void policy_describe(const struct policy *policy, struct buf *out)
{
	const struct schema_key *section = policy_table();

	buf_puts(out, "");
	for (const struct schema_key *key = section + 1; schema_is_in(key, section); key++) {
		const struct number_value *value = (const void *)((const char *)policy + key->offset);
		char number[NUMBER_TEXT];

		if (value->v >= 0)
			buf_printf(out, "%s%s %s", out->size ? ", " : "ceilings ", schema_leaf(key), number_format(key, value->v, number));
	}
	put_list(out, "require", &policy->require);
	put_list(out, "keys", &policy->keys);
	put_list(out, "network", &policy->network);
	put_list(out, "profiles", &policy->profiles);
	put_list(out, "images", &policy->images);
	if (policy->mirrors.count)
		put_list(out, "mirrors", &policy->mirrors);
}
