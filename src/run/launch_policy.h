/* Within launch.c: the administrator's policy, read and laid over what a request asks for. */
#ifndef CARREL_RUN_LAUNCH_POLICY_H
#define CARREL_RUN_LAUNCH_POLICY_H

#include "profile/profile.h"
#include "run/request.h"

/* `profile` is complete, with the command line's overrides; --ulimit, which no profile key says, is looked at, too. */
int launch_policy(const struct request *request, const struct profile_path *path, struct profile *profile, struct error *err) MUST_CHECK;

#endif
