#include "run/host.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/path.h"

const char *host_env(const struct host *host, const char *name)
{
	size_t len = strlen(name);

	for (char *const *e = host->environment; *e; e++) {
		if (!strncmp(*e, name, len) && (*e)[len] == '=')
			return *e + len + 1;
	}
	return NULL;
}

static void read_cwd(struct host *host)
{
	char path[PATH_MAX];

	/* getcwd(3) of a directory that cannot be reached gives "(unreachable)/…" on Linux. */
	if (getcwd(path, sizeof(path)) && path[0] == '/')
		host->cwd = arena_strdup(host->arena, path);
	else
		host->cwd_error = errno ? errno : ENOENT;
}

static int read_account(struct host *host, struct error *err)
{
	const char *home = host_env(host, "HOME"), *name = host_env(host, "USER");
	char resolved[PATH_MAX];

	/* The passwd file is asked only for what the environment does not say; /etc/subuid wants the name, and a lying $USER
	 * finds no range that newuidmap would accept. */
	if (!home || home[0] != '/' || !name || !*name) {
		int r = account_of_host(host->arena, host->uid, &host->account, err);

		if (r < 0)
			return r;
	}
	host->account.uid = host->uid;
	host->account.gid = host->gid;
	/* Without symlinks, as getcwd(2) gives the working directory: the two are compared, and what covers the one must not hide the way to the other. */
	if (!home || home[0] != '/')
		home = host->account.home && host->account.home[0] == '/' ? host->account.home : "/";
	host->account.home = realpath(home, resolved) ? arena_strdup(host->arena, resolved) : path_clean(host->arena, home);
	if (name && *name && !host->account.name)
		host->account.name = name;
	return 0;
}

static bool is_private_dir(const char *path, uint32_t uid)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == uid && !(st.st_mode & 077);
}

static const char *make_runtime_dir(const struct host *host)
{
	const char *base = host_env(host, "XDG_RUNTIME_DIR");
	const char *dir;

	if (base && base[0] == '/' && is_private_dir(base, host->uid))
		dir = arena_printf(host->arena, "%s/carrel", base);
	else
		dir = arena_printf(host->arena, "/tmp/carrel-%u", host->uid);
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return NULL;
	return is_private_dir(dir, host->uid) ? dir : NULL; /* somebody else's in /tmp is not used */
}

static const char *find_store(const struct host *host)
{
	const char *own = host_env(host, "CARREL_ROOT"), *data = host_env(host, "XDG_DATA_HOME");

	if (own && own[0] == '/')
		return path_clean(host->arena, own);
	if (data && data[0] == '/')
		return arena_printf(host->arena, "%s/carrel", path_clean(host->arena, data));
	return path_join(host->arena, host->account.home, ".local/share/carrel");
}

int host_read(struct arena *arena, char *const *environment, struct host *ret, struct error *err)
{
	*ret = (struct host){.arena = arena, .uid = getuid(), .gid = getgid(), .environment = environment};
	read_cwd(ret);
	int r = read_account(ret, err);
	if (r < 0)
		return r;
	ret->runtime_dir = make_runtime_dir(ret);
	ret->store_dir = find_store(ret);
	return 0;
}

int host_id_facts(const struct host *host, struct idmap_facts *ret, struct error *err)
{
	struct idmap_facts facts = {.uid = host->uid, .gid = host->gid, .user_name = host->account.name};
	int r = idmap_facts_complete(host->arena, &facts, err);

	if (r == 0)
		*ret = facts;
	return r;
}

bool host_has_ranges(const struct idmap_facts *facts)
{
	return facts->uid_range_count && facts->gid_range_count && (facts->privileged || (facts->newuidmap && facts->newgidmap));
}
