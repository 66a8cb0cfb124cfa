#include "isolate/account.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/path.h"
#include "util/proc.h"
#include "util/units.h"

enum {
	FILE_LIMIT = 1 << 20,
	HOST_FILE_LIMIT = 64 << 20, /* trusted, and large where 10⁵ people have accounts */
	GETENT_TIMEOUT_MS = 3000,
	PASSWD_FIELDS = 7,
	GROUP_FIELDS = 4,
};

/* The text of one of the root's files; "" where there is none. */
static int read_file(int root_fd, const char *path, char **ret_text, struct error *err)
{
	cleanup_close int fd = path_open_in(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	struct stat info;
	int result;

	if (fd == -ENOENT || fd == -ENOTDIR) {
		*ret_text = mem_strdup("");
		return 0;
	}
	if (fd < 0)
		return error_set(err, -fd, "cannot read /%s of the root", path);
	if (fstat(fd, &info) < 0)
		return error_set(err, errno, "cannot read /%s of the root", path);
	if (!S_ISREG(info.st_mode)) {
		(void)error_set(err, EINVAL, "cannot read /%s of the root", path);
		return error_cause(err, "it is no regular file");
	}
	result = fd_slurp(fd, FILE_LIMIT, ret_text, NULL);
	return result < 0 ? error_set(err, -result, "cannot read /%s of the root", path) : 0;
}

/* Cut the next line of *text into exactly `count` fields, in place. False: the text is at its end; lines with fewer fields are passed over. */
static bool next_line(char **text, char **fields, size_t count)
{
	char *line;

	while ((line = strsep(text, "\n"))) {
		size_t found = 0;
		char *field;

		while (found < count && (field = strsep(&line, ":")))
			fields[found++] = field;
		if (found == count)
			return true;
	}
	return false;
}

static bool parse_id(const char *text, uint32_t *ret)
{
	int64_t value;

	if (units_parse_number(text, 0, (int64_t)UINT32_MAX - 1, &value) < 0)
		return false;
	*ret = (uint32_t)value;
	return true;
}

/* The first line whose name is `name` or whose number is *uid, as Docker takes it; either may be NULL. `text` is consumed. */
static bool find_user(struct arena *arena, char *text, const char *name, const uint32_t *uid, struct account *account)
{
	char *fields[PASSWD_FIELDS];

	while (next_line(&text, fields, PASSWD_FIELDS)) {
		uint32_t line_uid, line_gid;

		if (!fields[0][0] || !parse_id(fields[2], &line_uid) || !parse_id(fields[3], &line_gid))
			continue;
		if (!(name && !strcmp(fields[0], name)) && !(uid && *uid == line_uid))
			continue;
		account->uid = line_uid;
		account->gid = line_gid;
		account->name = arena_strdup(arena, fields[0]);
		account->home = fields[5][0] ? arena_strdup(arena, fields[5]) : NULL;
		account->shell = fields[6][0] ? arena_strdup(arena, fields[6]) : NULL;
		return true;
	}
	return false;
}

static bool lists_member(char *members, const char *name)
{
	char *member;

	while ((member = strsep(&members, ",")))
		if (!strcmp(member, name))
			return true;
	return false;
}

static void add_groups(struct arena *arena, char *text, struct account *account)
{
	char *fields[GROUP_FIELDS];

	while (next_line(&text, fields, GROUP_FIELDS)) {
		uint32_t gid;

		if (!parse_id(fields[2], &gid) || gid == account->gid || !lists_member(fields[3], account->name))
			continue;
		account->groups = arena_grow(arena, account->groups, account->group_count, sizeof(*account->groups));
		account->groups[account->group_count++] = gid;
	}
}

static bool find_group(char *text, const char *name, uint32_t *ret)
{
	char *fields[GROUP_FIELDS];

	while (next_line(&text, fields, GROUP_FIELDS))
		if (!strcmp(fields[0], name) && parse_id(fields[2], ret))
			return true;
	return parse_id(name, ret);
}

static int lookup_user(struct arena *arena, int root_fd, const char *user, struct account *account, struct error *err)
{
	cleanup_free char *text = NULL;
	uint32_t uid = 0;
	bool is_number = !*user || parse_id(user, &uid); /* Docker takes "" for root */
	int result = read_file(root_fd, "etc/passwd", &text, err);

	if (result < 0)
		return result;
	if (find_user(arena, text, user, is_number ? &uid : NULL, account))
		return 0;
	if (is_number) {
		account->uid = uid;
		return 0;
	}
	(void)error_set(err, ENOENT, "cannot become the user '%s'", user);
	(void)error_cause(err, "/etc/passwd of the sandbox's root has no such user");
	return error_hint(err, "name one that it has, or a number such as 1000:1000");
}

static int lookup_groups(struct arena *arena, int root_fd, const char *group, struct account *account, struct error *err)
{
	cleanup_free char *text = NULL;
	int result;

	if (!group && !account->name)
		return 0;
	result = read_file(root_fd, "etc/group", &text, err);
	if (result < 0)
		return result;
	if (!group) {
		add_groups(arena, text, account);
		return 0;
	}
	if (find_group(text, group, &account->gid))
		return 0;
	(void)error_set(err, ENOENT, "cannot become the group '%s'", group);
	(void)error_cause(err, "/etc/group of the sandbox's root has no such group");
	return error_hint(err, "name one that it has, or a number");
}

int account_lookup(struct arena *arena, int root_fd, const char *user, struct account *ret, struct error *err)
{
	const char *colon = strchrnul(user, ':'), *group = *colon && colon[1] ? colon + 1 : NULL;
	struct account account = {0};
	int result = lookup_user(arena, root_fd, arena_strndup(arena, user, (size_t)(colon - user)), &account, err);

	if (result == 0)
		result = lookup_groups(arena, root_fd, group, &account, err);
	if (result == 0)
		*ret = account;
	return result;
}

/* LDAP, SSSD, systemd-homed: asked by another program, because a statically linked one has no name service. */
static bool ask_name_service(struct arena *arena, uint32_t uid, struct account *account)
{
	cleanup_free char *program = proc_find_program("getent", PROC_SYSTEM_PATH), *text = NULL;
	char number[16], database[] = "passwd";
	char *argv[] = {program, database, number, NULL};

	(void)snprintf(number, sizeof(number), "%" PRIu32, uid);
	return program && proc_capture(argv, FILE_LIMIT, GETENT_TIMEOUT_MS, &text) == 0 && find_user(arena, text, NULL, &uid, account);
}

int account_of_host(struct arena *arena, uint32_t uid, struct account *ret, struct error *err)
{
	cleanup_free char *text = NULL, *groups = NULL;
	struct account account = {.uid = uid, .gid = getegid()};
	int result = fd_slurp_at(AT_FDCWD, "/etc/passwd", HOST_FILE_LIMIT, &text, NULL);

	if (result < 0 && result != -ENOENT && result != -EACCES)
		return error_set(err, -result, "cannot read /etc/passwd");
	if (!text || !find_user(arena, text, NULL, &uid, &account))
		(void)ask_name_service(arena, uid, &account);
	if (account.name && fd_slurp_at(AT_FDCWD, "/etc/group", HOST_FILE_LIMIT, &groups, NULL) == 0)
		add_groups(arena, groups, &account);
	*ret = account;
	return 0;
}
