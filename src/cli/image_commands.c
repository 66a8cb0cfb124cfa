#include "cli/image_use.h"

const struct image_command image_commands[] = {
	{.name = NULL},
};
