#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <unistd.h>

#include "isolate/account.h"
#include "isolate/explain.h"
#include "isolate/idmap.h"
#include "isolate/packages.h"
#include "util/fd.h"
#include "util/proc.h"

enum { MAP_FILE_LIMIT = 64 << 10 };

/* May we write any map ourselves? Since Linux 5.12 one that holds the parent's id 0 asks for CAP_SETFCAP too. */
static bool is_privileged(void)
{
	static const cap_value_t wanted[] = {CAP_SETUID, CAP_SETGID, CAP_SETFCAP};
	cap_t caps = cap_get_proc();
	bool all = caps != NULL;

	for (size_t i = 0; all && i < ARRAY_SIZE(wanted); i++) {
		cap_flag_value_t value = CAP_CLEAR;

		all = cap_get_flag(caps, wanted[i], CAP_EFFECTIVE, &value) == 0 && value == CAP_SET;
	}
	(void)cap_free(caps);
	return all;
}

/* Inside a user namespace its whole map is ours to give on. False: this is the machine's first one, whose other ids are other people. */
static bool load_own_map(struct arena *arena, const char *file, const struct id_range **ret, size_t *ret_count)
{
	cleanup_free char *text = NULL;
	struct id_range *ranges = NULL;
	size_t count = 0;

	if (fd_slurp_at(AT_FDCWD, file, MAP_FILE_LIMIT, &text, NULL) < 0)
		return false;
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		struct id_range range;

		line += *line == '\n';
		if (sscanf(line, "%" SCNu32 " %*u %" SCNu32, &range.start, &range.count) != 2)
			continue;
		if (range.start == 0 && range.count == UINT32_MAX)
			return false;
		ranges = arena_grow(arena, ranges, count, sizeof(*ranges));
		ranges[count++] = range;
	}
	*ret = ranges;
	*ret_count = count;
	return true;
}

static bool setgroups_is_denied(void)
{
	cleanup_free char *text = NULL;

	return fd_slurp_at(AT_FDCWD, "/proc/self/setgroups", 64, &text, NULL) == 0 && !strncmp(text, "deny", 4);
}

static int load_ranges(struct arena *arena, struct idmap_facts *facts, struct error *err)
{
	struct id_range *uids, *gids;
	int result;

	if (facts->privileged && load_own_map(arena, "/proc/self/uid_map", &facts->uid_ranges, &facts->uid_range_count) &&
	    load_own_map(arena, "/proc/self/gid_map", &facts->gid_ranges, &facts->gid_range_count))
		return 0;
	result = subid_load(arena, SUBID_UID, facts->user_name, facts->uid, &uids, &facts->uid_range_count, err);
	if (result < 0)
		return result;
	/* /etc/subgid is indexed by the user too, not by the group (subgid(5)) */
	result = subid_load(arena, SUBID_GID, facts->user_name, facts->uid, &gids, &facts->gid_range_count, err);
	if (result < 0)
		return result;
	facts->uid_ranges = uids;
	facts->gid_ranges = gids;
	if (!facts->uid_range_count || !facts->gid_range_count)
		facts->free_start = subid_load_free_start(SUBID_USUAL_SIZE);
	return 0;
}

static const char *load_helper(struct arena *arena, const char *name, struct idmap_facts *facts)
{
	cleanup_free char *path = proc_find_program(name, PROC_SYSTEM_PATH);
	struct explanation found;

	if (!path) {
		facts->helper_reason = arena_printf(arena, "%s is not installed", name);
		facts->helper_hint = packages_install_command(arena, PACKAGE_UIDMAP);
		return NULL;
	}
	if (explain_helper(path, &found)) {
		facts->helper_reason = arena_strdup(arena, found.cause);
		facts->helper_hint = arena_strdup(arena, found.hint);
		return NULL;
	}
	return arena_strdup(arena, path);
}

int idmap_facts_complete(struct arena *arena, struct idmap_facts *facts, struct error *err)
{
	int result;

	facts->privileged = is_privileged();
	facts->no_setgroups = setgroups_is_denied();
	result = load_ranges(arena, facts, err);
	if (result == 0 && !facts->privileged) {
		facts->newgidmap = load_helper(arena, "newgidmap", facts);
		facts->newuidmap = load_helper(arena, "newuidmap", facts);
	}
	return result;
}

int idmap_facts_load(struct arena *arena, struct idmap_facts *ret, struct error *err)
{
	struct idmap_facts facts = {.uid = geteuid(), .gid = getegid()};
	struct account account;
	int result = account_of_host(arena, facts.uid, &account, err);

	if (result < 0)
		return result;
	facts.user_name = account.name;
	result = idmap_facts_complete(arena, &facts, err);
	if (result == 0)
		*ret = facts;
	return result;
}
