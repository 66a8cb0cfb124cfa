#include "cli/image_use.h"

const struct image_command image_commands[] = {
	{"load", image_load, .fills_store = true},
	{"import", image_import, .fills_store = true},
	{"save", image_save, .fills_store = false},
	{"history", image_history, .fills_store = false},
	{"inspect", image_inspect, .fills_store = false},
	{"system", image_system, .fills_store = false},
	{"export", image_export, .fills_store = false},
	{"pack", image_pack, .fills_store = false},
	{"login", image_login, .fills_store = false},
	{"logout", image_logout, .fills_store = false},
	{"pull", image_pull, .fills_store = true},
	{"push", image_push, .fills_store = false},
	{.name = NULL},
};
