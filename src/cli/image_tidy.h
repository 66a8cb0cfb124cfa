/* Commands that fill the store leave nothing half done in it when a signal ends them. */
#ifndef CARREL_CLI_IMAGE_TIDY_H
#define CARREL_CLI_IMAGE_TIDY_H

#include <stdbool.h>

#include "util/error.h"

/* Fork. In the child, which is to do the command: true. In the parent, when the child has ended: false, with the exit status; where a signal ended the child, whatever it had begun is
 * removed from the store, also what belongs to subordinate ids, and the signal noted (interrupt.h). */
bool image_tidy_fork(int *ret_status) MUST_CHECK;

#endif
