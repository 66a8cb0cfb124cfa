#include "cli/image_use.h"

const struct image_command image_commands[] = {
	{"load", image_load},
	{"import", image_import},
	{"save", image_save},
	{"history", image_history},
	{"inspect", image_inspect},
	{"system", image_system},
	{"export", image_export},
	{"pack", image_pack},
	{"login", image_login},
	{"logout", image_logout},
	{"pull", image_pull},
	{"push", image_push},
	{.name = NULL},
};
