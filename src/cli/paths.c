#include "cli/paths.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "isolate/account.h"
#include "profile/policy.h"

#ifndef CARREL_DATADIR
#define CARREL_DATADIR "/usr/local/share/carrel"
#endif
#ifndef CARREL_LIBEXECDIR
#define CARREL_LIBEXECDIR "/usr/local/libexec/carrel"
#endif

static char data_dir[PATH_MAX];
static char user_folder[PATH_MAX], installed_folder[PATH_MAX + 16];

/* "/src/carrel/build/carrel" → "/src/carrel", where that has profiles; false for an installed program. */
static bool find_source_tree(void)
{
	static const char known[] = "/profiles/default.yaml";
	ssize_t size = readlink("/proc/self/exe", data_dir, sizeof(data_dir) - sizeof(known));
	char *end;

	if (size <= 0)
		return false;
	data_dir[size] = 0;
	end = strrchr(data_dir, '/');
	if (!end)
		return false;
	*end = 0;
	end = strrchr(data_dir, '/');
	if (!end || strcmp(end, "/build") != 0)
		return false;
	memcpy(end, known, sizeof(known));
	bool found = access(data_dir, R_OK) == 0;
	*end = 0;
	return found;
}

const char *cli_data_dir(void)
{
	if (!data_dir[0] && !find_source_tree())
		(void)snprintf(data_dir, sizeof(data_dir), "%s", CARREL_DATADIR);
	return data_dir;
}

const char *cli_image_program(void)
{
	static char program[PATH_MAX + 32];

	if (strcmp(cli_data_dir(), CARREL_DATADIR) != 0)
		(void)snprintf(program, sizeof(program), "%s/build/carrel-image", data_dir);
	else
		(void)snprintf(program, sizeof(program), "%s/carrel-image", CARREL_LIBEXECDIR);
	return program;
}

/* XDG Base Directory Specification 0.8: a relative path is to be ignored. False where neither the environment nor passwd(5) names a home. */
static bool find_user_folder(void)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	struct account account = {0};
	struct arena arena = {0};
	int size = 0;

	if (config && config[0] == '/') {
		size = snprintf(user_folder, sizeof(user_folder), "%s/carrel/profiles", config);
	} else {
		if ((!home || home[0] != '/') && account_of_host(&arena, getuid(), &account, NULL) == 0)
			home = account.home;
		if (home && home[0] == '/')
			size = snprintf(user_folder, sizeof(user_folder), "%s/.config/carrel/profiles", home);
		arena_done(&arena);
	}
	return size > 0 && (size_t)size < sizeof(user_folder);
}

void cli_profile_path(struct profile_path *ret)
{
	size_t count = 0;

	*ret = (struct profile_path){0};
	if (find_user_folder())
		ret->folders[count++] = user_folder;
	ret->own_count = count;
	ret->folders[count++] = CARREL_SYSCONFDIR "/carrel/profiles";
	(void)snprintf(installed_folder, sizeof(installed_folder), "%s/profiles", cli_data_dir());
	ret->folders[count++] = installed_folder;
}
