/* From a request to an outcome: profiles, plan, sandbox. */
#ifndef CARREL_RUN_LAUNCH_H
#define CARREL_RUN_LAUNCH_H

#include "profile/profile.h"
#include "run/outcome.h"
#include "run/report_file.h"
#include "run/request.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/mem.h"

struct plan_note;

struct launch_paths {
	struct profile_path profiles;
	const char *data_dir; /* of the installation: profiles/syscalls/groups.yaml lies in it */
	const char *puller;   /* carrel-image */
};

struct launch_result {
	struct arena arena;    /* owns what the rest points to */
	int status;            /* what to exit with */
	bool ran;              /* the payload was started: `outcome` holds */
	struct outcome outcome;
	struct report_file report;  /* where the outcome is to be written */
	const struct plan_note *notes; /* of the plan (plan.h), also after a failure */
	size_t note_count;
	struct profile *profile; /* owned; origins point into it */
	struct buf text;       /* --dry-run: the plan as YAML */
};

/* Do what the request asks. 0, or -errno when it could not be done; the result is to be given back to launch_done in both cases. */
int launch_run(const struct request *request, const struct launch_paths *paths, struct launch_result *ret, struct error *err) MUST_CHECK;
void launch_done(struct launch_result *result);

#endif
