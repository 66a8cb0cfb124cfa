#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "cli/paths.h"
#include "util/mem.h"

Test(paths, user_folder)
{
	static const struct {
		const char *name, *config, *home, *first; /* NULL: not set; first "": none of the user's is asked for */
	} cases[] = {
		{"home", NULL, "/home/ada", "/home/ada/.config/carrel/profiles"},
		{"configuration folder", "/cfg", "/home/ada", "/cfg/carrel/profiles"},
		{"a relative one is ignored", "cfg", "/home/ada", "/home/ada/.config/carrel/profiles"},
		{"an empty one is ignored", "", "/home/ada", "/home/ada/.config/carrel/profiles"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct profile_path path;

		cases[i].config ? (void)setenv("XDG_CONFIG_HOME", cases[i].config, 1) : (void)unsetenv("XDG_CONFIG_HOME");
		(void)setenv("HOME", cases[i].home, 1);
		cli_profile_path(&path);
		cr_expect_str_eq(path.folders[0], cases[i].first, "%s: %s", cases[i].name, path.folders[0]);
		cr_expect_str_eq(path.folders[1], "/etc/carrel/profiles", "%s", cases[i].name);
		cr_expect_not_null(strstr(path.folders[2], "/profiles"), "%s", cases[i].name);
		cr_expect_null(path.folders[3], "%s", cases[i].name);
	}
}

Test(paths, without_home)
{
	struct profile_path path;

	(void)unsetenv("HOME");
	(void)unsetenv("XDG_CONFIG_HOME");
	cli_profile_path(&path);
	for (size_t i = 0; path.folders[i]; i++)
		cr_expect_eq(path.folders[i][0], '/', "%s", path.folders[i]);
	cr_expect_not_null(path.folders[1]);
}

Test(paths, data_dir)
{
	const char *dir = cli_data_dir();

	cr_expect_eq(dir[0], '/', "%s", dir);
	cr_expect_eq(cli_data_dir(), dir);
}
