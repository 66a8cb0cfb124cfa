/* From a request to an exit status: profiles, plan, sandbox, outcome. */
#ifndef CARREL_RUN_LAUNCH_H
#define CARREL_RUN_LAUNCH_H

#include "profile/profile.h"
#include "run/request.h"
#include "util/error.h"

struct launch_paths {
	struct profile_path profiles;
	const char *data_dir; /* of the installation: profiles/syscalls/groups.yaml lies in it */
};

/* Do what the request asks. 0 with the status to exit with, or -errno when it could not be done. */
int launch_run(const struct request *request, const struct launch_paths *paths, int *ret_status, struct error *err) MUST_CHECK;

#endif
