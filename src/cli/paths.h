/* Where carrel's own files are: the user's and the system's profiles, and the share folder of the installation. */
#ifndef CARREL_CLI_PATHS_H
#define CARREL_CLI_PATHS_H

#include "profile/profile.h"

/* $XDG_CONFIG_HOME/carrel/profiles (~/.config/carrel/profiles), /etc/carrel/profiles, then the installation's. The texts live as long as the
 * program. Never the working directory. */
void cli_profile_path(struct profile_path *ret);

/* The installation's share folder, with profiles/ in it: of the source tree when the program stands in its build/, else CARREL_DATADIR. */
const char *cli_data_dir(void);

/* carrel-image: beside the program when it stands in a source tree's build/, else in the libexec folder. */
const char *cli_image_program(void);

#endif
