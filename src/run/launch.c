#include "run/launch.h"

#include <errno.h>

int launch_run(const struct request *request, const struct launch_paths *paths, int *ret_status, struct error *err)
{
	(void)paths;
	(void)ret_status;
	return error_set(err, ENOSYS, "cannot run '%s'", request->command[0]);
}
