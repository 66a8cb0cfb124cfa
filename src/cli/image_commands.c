#include "cli/image_use.h"

const struct image_command image_commands[] = {
	{"load", image_load},
	{"save", image_save},
	{.name = NULL},
};
