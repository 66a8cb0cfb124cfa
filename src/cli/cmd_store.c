/* The image commands that carrel does itself (image_use.h). */
#include "cli/command.h"
#include "cli/image_use.h"

int cmd_images(int argc, char **argv)
{
	return image_run(images_options, image_images, argc, argv);
}

int cmd_tag(int argc, char **argv)
{
	return image_run(NULL, image_tag, argc, argv);
}

int cmd_rmi(int argc, char **argv)
{
	return image_run(rmi_options, image_rmi, argc, argv);
}
