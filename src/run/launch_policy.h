/* Within launch.c: the administrator's policy, read and laid over what a request asks for. */
#ifndef CARREL_RUN_LAUNCH_POLICY_H
#define CARREL_RUN_LAUNCH_POLICY_H

#include "profile/profile.h"
#include "run/request.h"

struct policy;

/* `profile` is complete, with the command line's overrides; --ulimit, which no profile key says, is looked at, too. *ret_policy, for the caller to free, may be
 * NULL: there is none. */
int launch_policy(const struct request *request, const struct profile_path *path, struct profile *profile, struct policy **ret_policy, struct error *err) MUST_CHECK;

#endif
